// A failure of the machine, not of a task (DESIGN 3, level 3): nothing is claimed for a while, then it is tried again.
// Promises: each cause is told once, however often it is tried; that it is over is told, too.
import type { Log, OrchestrateError } from '../types.ts'
import { HALT_MS } from './pace.ts'
import type { createTell } from './tell.ts'

/** ms: a moment's trouble costs no more; what lasts is tried every HALT_MS. */
const FIRST_MS = 500
/** ms that a try may take. */
const TRY_MS = 1000

export function createHalt(event: ReturnType<typeof createTell>['event'], log: Log) {
  /** `told`: the codes that were, since all was well. */
  let now: { why: string; until: number; wait: number; told: Set<string> } | null = null

  return {
    stumble(error: unknown): void {
      const { code, message, stack } = error as OrchestrateError
      if (code === 'LOST') return
      const { wait = FIRST_MS, told = new Set<string>() } = now ?? {}
      const why = `nothing is claimed for now: ${message}`
      const again = now !== null && performance.now() < now.until
      const longer = again ? wait : Math.min(wait * 2, HALT_MS)
      now = { why, until: performance.now() + wait, wait: longer, told }
      // The same trouble has another path in its message each time.
      if (!told.has(code ?? message)) event('system', why, null, null, 'warn')
      told.add(code ?? message)
      log('debug', stack ?? '')
    },

    /** Why nothing may be tried now; null: it may. Nothing having failed for a while after that, it is over. */
    why(): string | null {
      if (now === null || performance.now() < now.until) return now?.why ?? null
      if (performance.now() > now.until + HALT_MS) {
        event('system', 'the work goes on')
        now = null
      }
      return null
    },

    /** The same, for people: also in the moment in which it is tried again. */
    said: (): string | null =>
      now !== null && performance.now() < now.until + TRY_MS ? now.why : null,

    /** ms until something is due here. */
    left(): number {
      if (now === null) return Number.POSITIVE_INFINITY
      const next = performance.now() < now.until ? now.until : now.until + HALT_MS
      return Math.max(next - performance.now() + 1, 1)
    },
  }
}
