// completed_tasks.json and current_state.md brought up to date (specification 6.2). The caller holds the lock.
// Promises: twice is once; what a person wrote is kept, a broken json beside its successor; no write without a change.
import { join } from 'node:path'
import { syncFolder } from '../files/files.ts'
import { OrchestrateError } from '../types.ts'
import { replace, type Seen, see, setAside } from './replace.ts'
import { placeState, stateLines } from './state.ts'
import { type Entry, mergeEntries, parseEntries } from './summary.ts'

/** Ours is below 1 MB; more is a person's doing, and set aside. */
const JSON_CAP = 4 << 20
/** A page that every agent reads; a larger one is left alone. */
const STATE_CAP = 1 << 20
/** Someone saves the file again and again: the entries wait for the next merge. */
const TRIES = 5

/** Throws when a file can not be read or written, or never stands still. */
export async function merge(
  directory: string,
  added: Entry[],
  held: () => boolean,
  tell: (text: string) => void,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (await mergeOnce(directory, added, held, tell)) return syncFolder(directory)
    if (!held()) throw new Error('the lock was lost')
  }
  throw new Error('the files kept changing')
}

async function mergeOnce(
  directory: string,
  added: Entry[],
  held: () => boolean,
  tell: (text: string) => void,
): Promise<boolean> {
  const { seen, entries } = await completed(join(directory, 'completed_tasks.json'), tell)
  const merged = mergeEntries(entries, added)
  const json = `${JSON.stringify(merged, null, 2)}\n`
  if (!(await put(seen, json, held))) return false

  const state = await see(join(directory, 'current_state.md'), STATE_CAP)
  const text = decode(state.bytes)
  const whole = text === null ? null : placeState(text, stateLines(merged))
  if (whole === null) {
    const why = text === null ? 'is not UTF-8' : 'has other than one begin and one end marker'
    tell(`${state.path} ${why}: left as it is; put it right, or remove it`)
    return true
  }
  return put(state, whole, held)
}

/** The entries so far. What can not be read is moved aside, never deleted. */
async function completed(path: string, tell: (text: string) => void) {
  const seen = await see(path, JSON_CAP).catch((error) => {
    if (error instanceof OrchestrateError && error.code === 'TOO_LARGE') return null
    throw error
  })
  if (seen?.stat === null) return { seen, entries: [] }
  const { entries, broken } = seen
    ? parseEntries(seen.bytes.toString())
    : { entries: [], broken: true }
  if (seen && !broken) return { seen, entries }
  const aside = await setAside(path, (n) => `${path}.broken-${n}`)
  tell(`${path} could not be read: it is now ${aside}, and a new one was begun`)
  return { seen: { path, stat: null, bytes: Buffer.alloc(0) }, entries }
}

const put = async (seen: Seen, text: string, held: () => boolean): Promise<boolean> =>
  seen.bytes.equals(Buffer.from(text)) ? true : replace(seen, text, held)

/** Text that gives the same bytes again, BOM and all; null: not UTF-8. */
function decode(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null // bytes that would not survive the way through text
  }
}
