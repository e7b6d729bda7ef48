// The log of an orchestrator: one line for each event, in a file that stays small. Promises: never more than two times
// 5 MB; readable by us alone; a disk that is full costs lines, not the process.
import { appendFileSync, renameSync, statSync } from 'node:fs'
import type { Log, Settings } from '../types.ts'
import { oneLine } from './output.ts'

/** Bytes; about 50,000 events. */
const MOST = 5 * 1024 * 1024
const LEVELS: Settings['logLevel'][] = ['error', 'warn', 'info', 'debug']

/** @param level is asked for each line, so a reload counts. @param echo gets what is written. */
export function logFile(path: string, level: () => Settings['logLevel'], echo?: Log): Log {
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  return (severity, text) => {
    if (LEVELS.indexOf(severity) > LEVELS.indexOf(level())) return
    echo?.(severity, text)
    const line = `${new Date().toISOString()} ${severity.padEnd(5)} ${oneLine(text)}\n`
    try {
      if (size > MOST) {
        renameSync(path, `${path}.1`)
        size = 0
      }
      appendFileSync(path, line, { mode: 0o600 })
      size += Buffer.byteLength(line)
    } catch {
      // A full disk or a folder that was removed: the work goes on without this line.
    }
  }
}
