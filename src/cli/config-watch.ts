// Takes up an edited config.yaml while the orchestrator runs. Promises: it is read once it has stood still; what is
// broken is told once, and the last good settings stay.
import { statSync } from 'node:fs'
import { type LoadOptions, reload } from '../config/index.ts'
import type { Workspace } from '../files/workspace.ts'
import type { Log, Settings } from '../types.ts'

/** ms between two looks; a file must be the same in two of them, for editors empty it while they save. */
const EVERY = 1000

export interface ConfigWatch {
  /** What is wrong with the file now; null when it is in force. */
  broken(): string | null
  close(): void
}

export function watchConfig(
  at: Workspace,
  options: LoadOptions,
  current: () => Settings,
  take: (settings: Settings) => void,
  log: Log,
): ConfigWatch {
  let broken: string | null = null
  let read = stamp(at.config)
  let seen = read
  let reading = false
  const timer = setInterval(async () => {
    const now = stamp(at.config)
    const still = now === seen
    seen = now
    if (!still || now === read || reading) return
    reading = true
    read = now
    try {
      const { settings, changed, notes, error } = await reload(at, current(), options)
      if (error) log('warn', `config.yaml is not taken up, the last good settings stay: ${error}`)
      else if (changed || broken) log('info', 'config.yaml was taken up')
      broken = error ?? null
      for (const note of changed ? notes : []) log('warn', note)
      if (changed) take(settings)
    } catch (error) {
      log(
        'error',
        `config.yaml could not be read: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
    reading = false
  }, EVERY).unref()
  return { broken: () => broken, close: () => clearInterval(timer) }
}

function stamp(path: string): string {
  const seen = statSync(path, { throwIfNoEntry: false })
  return seen ? [seen.ino, seen.size, seen.mtimeMs, seen.ctimeMs].join() : ''
}
