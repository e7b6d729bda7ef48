// The four state folders: their names, or why there are none to be had. Promises: a folder that vanished, cannot be read
// or lies on another file system is told from an empty one; only one that held nothing is made again.
import type { Stats } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assertInside, isErrno } from '../files/files.ts'
import { lstat, mkdir, stat } from '../files/fs.ts'
import { STATES, type State } from '../types.ts'

/** What tells whether the names in a folder may be others than those that were read. */
export type Mark = { ino: number; birthtimeMs: number; ctimeMs: number; mtimeMs: number }
/** `names` null: they were not asked for, or are those that were read. */
type Found = { device: number; names: string[] | null; mark: Mark } | { why: string; until: string }

const markOf = ({ ino, birthtimeMs, ctimeMs, mtimeMs }: Stats): Mark => ({
  ...{ ino, birthtimeMs, ctimeMs, mtimeMs },
})

/** A rename into it would not be one act, or fail; and what it held is only covered. */
const ELSEWHERE = { why: 'is on another file system than the others', until: 'it is unmounted' }

/**
 * @param held the folders that were last seen with a task in them.
 * @param device the file system they were last seen on together; 0: not seen yet.
 * @param remake `false`: nothing is made, for who only reads.
 * @param wanted whether the names are to be read, of a folder that is there.
 */
export async function readStates(
  paths: Record<State, string>,
  held: ReadonlySet<State>,
  device: number,
  remake = true,
  wanted: (state: State, mark: Mark) => boolean = () => true,
): Promise<{ found: Record<State, Found>; device: number }> {
  const read = (state: State) =>
    readState(paths[state], state, !remake || (held.has(state) && state !== 'pending'), wanted)
  const all = await Promise.all(STATES.map(read))
  const devices = all.flatMap((one) => ('device' in one ? one.device : []))
  const together = new Set(devices).size === 1 && (devices.length === all.length || device === 0)
  const most = devices.find((one) => devices.filter((other) => other === one).length > 2)
  const now = together ? (devices[0] as number) : device || (most ?? 0)
  const found = all.map((one) => ('device' in one && one.device !== now ? ELSEWHERE : one))
  const rows = STATES.map((state, n) => [state, found[n]])
  return { device: now, found: Object.fromEntries(rows) as Record<State, Found> }
}

async function readState(
  path: string,
  state: State,
  stays: boolean,
  wanted: (state: State, mark: Mark) => boolean,
): Promise<Found> {
  try {
    const seen = await stat(path) // before the names: what changes meanwhile is read again
    const mark = markOf(seen)
    return { device: seen.dev, mark, names: wanted(state, mark) ? await readdir(path) : null }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return again(path, state, stays)
    if (!isErrno(error, 'EACCES', 'EPERM', 'ENOTDIR', 'EIO', 'ESTALE', 'ELOOP')) throw error
    return { why: `cannot be read (${(error as Error).message})`, until: 'it can' }
  }
}

/**
 * git removes an emptied folder, and does not bring it back. One that was last seen without a task lost nothing, and
 * is made again; so is pending/, for what waits may be taken away. What the others held may come back with them.
 */
async function again(path: string, state: State, stays: boolean): Promise<Found> {
  const gone = { why: 'is gone', until: `it is back (\`mkdir -p tasks/${state}\`)` }
  if (stays) return gone
  try {
    await lstat(dirname(path)) // RACE: what is not there now may be a link a moment later
    await assertInside(join(path, '../..'), dirname(path))
    await mkdir(path, { mode: 0o755 })
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) return gone // RACE: a person, or git, may make it too
  }
  const seen = await stat(path)
  return { device: seen.dev, mark: markOf(seen), names: [] }
}
