// What was used, and what may be: tokens and dollars of a task, and of this day (specification 9.1). Promises: it counts what the
// run folders say, so that no restart forgets it; without a budget of the day nothing is read.
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { orNull } from '../files/files.ts'
import { readdir, stat } from '../files/fs.ts'
import { attempts, history } from '../files/run-folder.ts'
import type { Budget, RunRecord } from '../types.ts'

/** Run folders that are read until something else has its turn. */
const TURN = 100

export interface Used {
  tokens: number
  usd: number
}

export const sum = (runs: Iterable<Partial<RunRecord>>): Used => {
  const used = { tokens: 0, usd: 0 }
  for (const { tokens, cost_usd } of runs) {
    used.tokens += tokens ?? 0
    used.usd += cost_usd ?? 0
  }
  return used
}

/** The limit that is reached, in words; null: there is room. */
export function over(used: Used, { tokens, usd }: Budget): string | null {
  if (tokens !== undefined && used.tokens >= tokens)
    return `${used.tokens.toLocaleString('en')} of ${tokens.toLocaleString('en')} tokens are used`
  if (usd !== undefined && used.usd >= usd)
    return `$${used.usd.toFixed(2)} of $${usd.toFixed(2)} are used`
  return null
}

/** Of this day, by the clock on the wall. */
export function createPurse(runs: string) {
  /** The midnight before it; 0: nobody asked yet, and nothing is kept. */
  let day = 0
  const ended = new Map<string, RunRecord>()
  const key = (run: RunRecord) => `${run.task_id}/${run.attempt}`

  function count(run: RunRecord): void {
    if (day > 0 && Date.parse(run.ended_at ?? '') >= day) ended.set(key(run), run)
  }

  /** A new day begins with an empty purse; what was written down of it by others, or before a restart, is read once. */
  async function begin(midnight: number): Promise<void> {
    day = midnight
    ended.clear()
    try {
      for (const [n, id] of ((await readdir(runs).catch(orNull)) ?? []).entries()) {
        if (n % TURN === 0) await setImmediate()
        const last = (await attempts(runs, id)).at(-1)
        const seen = last && (await stat(join(runs, id, String(last))).catch(() => null))
        if (seen && seen.mtimeMs >= midnight) for (const run of await history(runs, id)) count(run)
      }
    } catch (error) {
      day = 0 // half of a day is no count: it is read again
      throw error
    }
  }

  return {
    count,
    async over(budget: Budget): Promise<string | null> {
      if (budget.tokens === undefined && budget.usd === undefined) return null
      const midnight = new Date().setHours(0, 0, 0, 0)
      if (midnight !== day) await begin(midnight)
      const why = over(sum(ended.values()), budget)
      return (
        why &&
        `today's budget is used up (${why}): raise \`budget\` in config.yaml, or wait for midnight`
      )
    },
  }
}
