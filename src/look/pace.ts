// When to look again though no event came, and whether anything can still happen by itself. Pure.
import type { Entry, Plan } from '../types.ts'

/** ms: looks while agents run or something is awaited that no event tells of; full rescans; a halt. */
export const [BUSY_MS, RESCAN_MS, HALT_MS] = [1000, 15_000, 5000]

export interface Around {
  settleMs: number
  /** Agents at work, records or folders that are out of place. */
  busy: boolean
  halted: boolean
}

/** ms until more of those that wait are told why, or more of what is settled is compared. */
export const MORE_MS = 100

/** `next` in ms. `settled`: nothing runs, and time alone starts nothing. @param mono the clock of `Entry.since`; @param now epoch ms. */
export function pace(
  entries: Iterable<Entry>,
  plan: Plan,
  { settleMs, busy, halted }: Around,
  mono: number,
  now: number,
): { next: number; settled: boolean } {
  const waits = [RESCAN_MS]
  for (const entry of entries) {
    const since = entry.goneSince ?? (entry.task || entry.problem ? null : entry.since)
    if (since !== null) waits.push(Math.max(since + settleMs + 1 - mono, 5))
  }
  if (busy || plan.open.size) waits.push(BUSY_MS)
  if (halted) waits.push(HALT_MS)
  if (plan.later !== null) waits.push(Math.max(plan.later - now + 1, 1))
  return { next: Math.min(...waits), settled: waits.length === 1 && plan.assign.length === 0 }
}
