// Reading what strangers drop and writing what must last. Promises: never hangs on a FIFO, never reads
// past the cap, never publishes a truncated file, never overwrites by a move.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { OrchestrateError } from '../types.ts'
import { lstat, mkdir, open, readlink, realpath, rename, unlink } from './fs.ts'

export const isErrno = (error: unknown, ...codes: string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException)?.code ?? '')

/** For `catch`: not there, or not to be had. Throws when we ran out of something ourselves: that says nothing of the file. */
export function orNull(error: unknown): null {
  if (isErrno(error, 'EMFILE', 'ENFILE', 'ENOMEM')) throw error
  return null
}

/** Bytes of a regular file of at most `cap` bytes. Throws NOT_A_FILE (link, FIFO, folder, device) or TOO_LARGE. */
export async function readRegular(path: string, cap: number): Promise<Buffer> {
  const refuse = (code: string, what: string) => new OrchestrateError(code, what)
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    // ENXIO: a socket. ELOOP: a link.
    if (isErrno(error, 'ELOOP', 'ENXIO')) throw refuse('NOT_A_FILE', 'is not a regular file')
    throw error
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw refuse('NOT_A_FILE', 'is not a regular file')
    if (stat.size > cap) throw refuse('TOO_LARGE', `has ${stat.size} bytes; the limit is ${cap}`)
    // One byte more than it has, to see that it ends there. What grows meanwhile is read on.
    let buffer = Buffer.allocUnsafe(stat.size + 1)
    for (let length = 0; ; ) {
      const bytes = readSync(file, buffer, length, buffer.length - length, length)
      length += bytes
      if (length > cap) throw refuse('TOO_LARGE', `grew past the limit of ${cap} bytes`)
      if (bytes === 0) return buffer.subarray(0, length)
      if (length === buffer.length) buffer = Buffer.concat([buffer], length * 2)
    }
  } finally {
    closeSync(file)
  }
}

/**
 * Makes the names in a folder durable. Those who ask for it in one turn of the event loop share one flush, which begins after all
 * that they did: tasks that end together wait for the disk once.
 */
export function syncFolder(folder: string): Promise<void> {
  const begin = () => {
    coming.delete(folder)
    return syncNow(folder)
  }
  const shared = coming.get(folder) ?? new Promise(setImmediate).then(begin)
  coming.set(folder, shared)
  return shared
}
/** By folder: flushes that have not begun. */
const coming = new Map<string, Promise<void>>()

/** Odd file systems that cannot are left alone, and a folder that is away by now. */
async function syncNow(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch((error) => {
    if (!isErrno(error, 'ENOENT')) throw error
  })
  if (!handle) return
  try {
    await handle.sync()
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'EPERM', 'ENOTSUP')) throw error
  } finally {
    await handle.close()
  }
}

/**
 * Writes `text` as `path`, whole or not at all, replacing what is there. A draft beside it is written and flushed, its size
 * is checked, then it is renamed. Not by write-file-atomic: its own draft of our draft is a second rename, and costs as much again.
 * The folder is not fsynced: the caller does that once per batch.
 */
export const writeWhole = (path: string, text: string, mode?: number): Promise<void> =>
  publish(path, text, rename, mode)

/** As `writeWhole`, and throws EEXIST where something is already. */
export const writeNew = (path: string, text: string): Promise<void> => publish(path, text, move)

async function publish(path: string, text: string, how: typeof move, mode?: number): Promise<void> {
  const draft = await writeDraft(path, text, mode)
  await how(draft, path).catch(async (error) => {
    await unlink(draft).catch(() => {}) // the first error is the one to tell
    throw error
  })
}

/** A checked draft (a dot-file in the same folder) ready to be renamed to `path`; returns its path. */
export async function writeDraft(path: string, text: string, mode = 0o644): Promise<string> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.${++drafts}.draft`)
  try {
    const file = await newFile(draft, mode)
    try {
      await file.write(text)
      const is = await file.stat()
      if (is.size !== Buffer.byteLength(text))
        throw Object.assign(new Error(`ENOSPC: ${path} was cut short`), { code: 'ENOSPC' })
      // Only where the umask took some of it: to say it again would wake everyone who watches the folder.
      if ((is.mode & 0o777) !== mode) await file.chmod(mode)
      await file.sync()
      return draft
    } finally {
      await file.close()
    }
  } catch (error) {
    await unlink(draft).catch(() => {}) // the first error is the one to tell
    throw error
  }
}

/** Nothing that is there is written into. Of this name, it is a killed one's that had our pid: containers give out the same again. */
async function newFile(path: string, mode: number) {
  const make = () => open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode)
  return make().catch(async (error) => {
    if (!isErrno(error, 'EEXIST')) throw error
    await unlink(path)
    return make()
  })
}
let drafts = 0

/** One rename that never overwrites. RACE: `to` may appear between the check and the rename; nobody but us and people writes there. */
export async function move(from: string, to: string): Promise<void> {
  const there = await lstat(to).catch((error) => {
    if (isErrno(error, 'ENOENT')) return null
    throw error
  })
  if (there) throw Object.assign(new Error(`EEXIST: ${to} is there already`), { code: 'EEXIST' })
  await rename(from, to)
}

/** Moves it into `folder` under its own name or, where that is taken, `name.2`, `name.3`…; returns where it is now. */
export async function keepIn(folder: string, path: string): Promise<string> {
  for (let n = 1; ; n++) {
    const to = join(folder, n === 1 ? basename(path) : `${basename(path)}.${n}`)
    try {
      await move(path, to)
      return to
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
    }
  }
}

/**
 * Throws OUTSIDE when a folder, links followed, is not in the workspace (DESIGN 7): an agent may put a link in the place
 * of any of them while it runs. RACE: it may do so after this look; then what we write is what it could write itself.
 */
export async function assertInside(root: string, ...folders: string[]): Promise<void> {
  const home = await realpath(root)
  for (const folder of folders) {
    const real = await realpath(folder).catch(async (error) => {
      if (!isErrno(error, 'ENOENT')) throw error
      await assertInside(root, dirname(folder)) // it may be made: the folder above it counts
      return home
    })
    assertWithin(home, real, folder)
  }
}

/** @param home, real without links. */
function assertWithin(home: string, real: string, folder: string): void {
  if (`${real}${sep}`.startsWith(`${home}${sep}`)) return
  const message = `${folder} leads out of the workspace: a link is in its place`
  throw new OrchestrateError('OUTSIDE', message, 'put the folder back')
}

/**
 * Makes a folder of ours, and those above it that are gone: each in the very folder that holds it, so that no link leads it out.
 * Not `recursive`: without a free inode that says ENOENT, as if a folder were missing.
 */
export async function makeInside(root: string, folder: string): Promise<void> {
  const within = (at: string) => mkdir(join(at, basename(folder)), { mode: 0o700 })
  const make = () =>
    inFolder(root, dirname(folder), within).catch((error) => {
      if (!isErrno(error, 'EEXIST')) throw error
    })
  await make().catch(async (error) => {
    if (!isErrno(error, 'ENOENT') || dirname(folder) === root) throw error
    await makeInside(root, dirname(folder))
    await make()
  })
}

/**
 * Hands `work` a path to this very folder: what it writes there stays there, whatever link is put in the folder's place meanwhile.
 * RACE: without /proc (macOS) a link that comes between the check and the writing is followed. Throws OUTSIDE, or ENOENT.
 */
export async function inFolder<T>(
  root: string,
  folder: string,
  work: (at: string) => Promise<T>,
): Promise<T> {
  if (process.platform !== 'linux') {
    await assertInside(root, folder)
    return work(folder)
  }
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const at = `/proc/self/fd/${handle.fd}`
    assertWithin(await realpath(root), await readlink(at), folder) // the kernel names it without links
    return await work(at)
  } finally {
    await handle.close()
  }
}
