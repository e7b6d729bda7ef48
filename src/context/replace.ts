// Replacing a shared file that a person may be editing. Promises: whole or not at all; a file that changed since
// it was read is not replaced, nor one that is a link; its permissions stay.
import type { Stats } from 'node:fs'
import { isErrno, move, readRegular, writeDraft } from '../files/files.ts'
import { chmod, lstat, rename, unlink } from '../files/fs.ts'
import { OrchestrateError } from '../types.ts'

/** The file as it was read; `stat` null: there was none. */
export interface Seen {
  path: string
  stat: Stats | null
  bytes: Buffer
}

/** Throws NOT_A_FILE (a link, a folder) and TOO_LARGE as `readRegular` does. */
export async function see(path: string, cap: number): Promise<Seen> {
  const stat = await statOf(path) // before reading: what changes meanwhile shows as changed
  const bytes = stat ? await readRegular(path, cap).catch(named(path)) : Buffer.alloc(0)
  return { path, stat, bytes }
}

/**
 * false: it changed meanwhile, or `may()` refused; read again. RACE: an editor may save between the last look and
 * the rename; a draft is ready by then, so that the gap is microseconds.
 */
export async function replace(seen: Seen, text: string, may: () => boolean): Promise<boolean> {
  const draft = await writeDraft(seen.path, text)
  try {
    if (seen.stat) await chmod(draft, seen.stat.mode & 0o777)
    if (!same(seen.stat, await statOf(seen.path)) || !may()) {
      await unlink(draft)
      return false
    }
    await rename(draft, seen.path)
    return true
  } catch (error) {
    await unlink(draft).catch(() => {}) // the first error is the one to tell
    throw error
  }
}

const named = (path: string) => (error: unknown) => {
  if (!(error instanceof OrchestrateError)) throw error
  throw new OrchestrateError(error.code, `${path} ${error.message}`)
}

const statOf = (path: string): Promise<Stats | null> =>
  lstat(path).catch((error) => {
    if (isErrno(error, 'ENOENT')) return null
    throw error
  })

const same = (a: Stats | null, b: Stats | null): boolean =>
  a === null || b === null
    ? a === b
    : a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs

/** Renames to the first free of the names; returns it. */
export async function setAside(path: string, name: (n: number) => string): Promise<string> {
  for (let n = 1; ; n++) {
    try {
      await move(path, name(n))
      return name(n)
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
    }
  }
}
