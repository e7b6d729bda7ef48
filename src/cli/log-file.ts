// The log of an orchestrator: one line for each event, in a file that stays small. Promises: never more than two times
// 5 MB; readable by us alone; whole lines; never through a link. What a full disk (or a limit)
// keeps out of it is written when there is room.
import { appendFileSync, lstatSync, renameSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
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
    let size = 0
    try {
      if (isLink(dirname(path)) || isLink(path)) return // an agent's, to lead us out
      size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0
      if (size > MOST) {
        renameSync(path, `${path}.1`)
        size = 0
      }
      appendFileSync(path, kept.join(''), { mode: 0o600 })
      kept = []
    } catch {
      // A full disk, or a folder that was removed: the work goes on, and the next line brings these along.
      cut(path, size)
    }
  }
}

const isLink = (path: string) =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true

/** Half a line is none. */
function cut(path: string, size: number): void {
  try {
    truncateSync(path, size)
  } catch {
    // It was never made.
  }
}
