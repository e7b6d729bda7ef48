// The log of an orchestrator: one line for each event, in a file that stays small. Promises: never more than two times
// 5 MB; readable by us alone; whole lines; never through a link. What a full disk (or a limit)
// keeps out of it is written when there is room.
import {
  appendFileSync,
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  openSync,
  renameSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Log, Settings } from '../types.ts'
import { oneLine } from './output.ts'

/** Bytes; about 50,000 events. */
const MOST = 5 * 1024 * 1024
/** Lines that wait for room. */
const KEPT = 100
const LEVELS: Settings['logLevel'][] = ['error', 'warn', 'info', 'debug']

/** @param level is asked for each line, so a reload counts. @param echo gets what is written. */
export function logFile(path: string, level: () => Settings['logLevel'], echo?: Log): Log {
  let kept: string[] = []
  return (severity, text) => {
    if (LEVELS.indexOf(severity) > LEVELS.indexOf(level())) return
    echo?.(severity, text)
    kept = [...kept, `${new Date().toISOString()} ${severity.padEnd(5)} ${oneLine(text)}\n`]
    kept = kept.slice(-KEPT)
    try {
      append(path, kept.join(''))
      kept = []
    } catch {
      // A full disk, or a folder that was removed: the work goes on, and the next line brings these along.
    }
  }
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY, O_APPEND, O_CREAT } = constants

/** By the very folder: an agent may put a link in its place, or in that of the log, at any moment. */
function append(path: string, text: string): void {
  const folder = openSync(dirname(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    // RACE: without /proc (macOS) a link that comes right now in the folder's place is followed.
    const own = process.platform === 'linux' ? `/proc/self/fd/${folder}` : dirname(path)
    const at = join(own, basename(path))
    const size = lstatSync(at, { throwIfNoEntry: false })?.size ?? 0
    if (size > MOST) renameSync(at, `${at}.1`)
    // A FIFO is not waited for.
    const file = openSync(at, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
    try {
      appendFileSync(file, text)
    } catch (error) {
      ftruncateSync(file, size > MOST ? 0 : size) // half a line is none
      throw error
    } finally {
      closeSync(file)
    }
  } finally {
    closeSync(folder)
  }
}
