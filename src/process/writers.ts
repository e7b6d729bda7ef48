// Who still writes: one pass over the open files of all this user's processes but this one (Linux).
// Promises: many paths cost as much as one; reading a file does not count. A file is known by the path it has now.
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { orNull } from '../files/files.ts'
import { me, pids } from './proc.ts'

export function writers(paths: string[]): Set<string> {
  const wanted = byRealPath(paths)
  const open = new Set<string>()
  if (wanted.size === 0) return open
  for (const pid of pids()) {
    if (pid === process.pid) continue
    const folder = `/proc/${pid}/fd`
    // RACE: processes end and files are closed while we look; both then write no more.
    const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
    for (const fd of owner === me ? (quiet(() => readdirSync(folder)) ?? []) : []) {
      const path = wanted.get(quiet(() => readlinkSync(`${folder}/${fd}`)) ?? '')
      if (path !== undefined && isWriting(`${folder}/${fd}`)) open.add(path)
    }
  }
  return open
}

/** The link's own permission bits say how the file was opened: proc(5). */
const isWriting = (link: string): boolean =>
  ((quiet(() => lstatSync(link)) ?? { mode: 0 }).mode & 0o200) !== 0

/** The kernel names open files by real paths; the asker may have come through a link. */
function byRealPath(paths: string[]): Map<string, string> {
  const folders = new Map<string, string | null>()
  const wanted = new Map<string, string>()
  for (const path of paths) {
    const folder = dirname(path)
    if (!folders.has(folder))
      folders.set(
        folder,
        quiet(() => realpathSync(folder)),
      )
    const real = folders.get(folder)
    if (real) wanted.set(join(real, basename(path)), path)
  }
  return wanted
}

function quiet<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    return orNull(error) // gone, or not ours to see
  }
}
