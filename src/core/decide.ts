// The table (DESIGN 3): what is, against what should be, gives one action. Pure. A start, a crash, a cancel by hand
// and a normal end are all rows of it; there is no other recovery code.
import type { Action, Outcome, Rules, RunRecord, RunSight, Settling, State } from '../types.ts'

/** ms between the interrupt and the kill (specification 7.2), and between an agent's end event and its leaving. */
const GRACE_MS = 30_000
const LEAVE_MS = 10_000
/** Runs that never came to life, in a row, until a person is asked. */
const MAX_STILLBORN = 3

/** @param where the folder of the task's file; null: nowhere. */
export function decide(where: State | null, run: RunSight, rules: Rules): Action {
  const over = run.record?.outcome !== undefined
  if (run.phase === 'none' || over) {
    if (over && run.assigned && where && where !== 'pending') return finalised(run)
    if (where === 'assigned') return { do: 'back' }
    if (where !== 'pending') return { do: 'nothing' }
    return over && run.record?.outcome === 'success' && !run.record.released
      ? { do: 'hold' }
      : { do: 'distribute' }
  }
  if (!run.alive) {
    if (run.phase === 'unborn') return { do: 'fence' }
    return { do: 'finalise', ...judge(where, run, rules) }
  }
  // Over 1: more than it may print. Over 2: it does not heed the interrupt, and the disk would not last its grace.
  const full = run.outputMb / rules.maxOutputMb
  const ended = run.phase === 'ended'
  if (run.record?.stopping && run.record.stopping !== 'linger')
    return run.stoppingMs > GRACE_MS || ended || full > 2 ? { do: 'kill' } : { do: 'follow' }
  if (ended || run.endEvent)
    return run.endedMs > LEAVE_MS || full > 1 ? { do: 'kill' } : { do: 'follow' }
  if (where !== 'assigned') return { do: 'interrupt', why: 'cancelled' }
  if (full > 1) return { do: 'interrupt', why: 'output' }
  return run.ageMs > rules.deadlineMs ? { do: 'interrupt', why: 'timeout' } : { do: 'follow' }
}

/** It ended, was written down, and the rest (record, move) was not done: a crash between the two. It is done again. */
const finalised = (run: RunSight): Action => ({
  do: 'finalise',
  outcome: run.record?.outcome ?? 'interrupted',
  ...(run.record?.error && { error: run.record.error }),
})

/** Done means done (DESIGN 1.7): the agent's own end event, then the exit status; silence and prose decide nothing. */
export function judge(
  where: State | null,
  run: RunSight,
  rules: Rules,
): { outcome: Outcome; error?: string } {
  const { endEvent, exit, record } = run
  if (run.phase === 'stillborn')
    return { outcome: 'never-started', error: 'its process did not begin' }
  if (where !== 'assigned')
    return {
      outcome: 'cancelled',
      error: where ? `moved to ${where}/ while it ran` : 'its file was removed while it ran',
    }
  // Many a program ends an interrupt with exit 0: then that says nothing.
  const said = rules.hasEndEvent ? endEvent?.ok === true : exit === 0 && !record?.stopping
  // One that we ended after its end event has no exit status of its own.
  const lingered = record?.stopping === 'linger'
  if (said && (exit === 0 || exit === null || lingered)) return { outcome: 'success' }
  if (record?.stopping === 'timeout')
    return {
      outcome: 'timeout',
      error: `it took longer than ${minutes(rules.deadlineMs)}`,
    }
  if (record?.stopping === 'memory')
    return { outcome: 'failed', error: 'it was ended: the agents together used too much memory' }
  if (record?.stopping === 'output')
    return { outcome: 'failed', error: `it wrote more than ${rules.maxOutputMb} MB of output` }
  if (record?.stopping && !lingered) return { outcome: 'cancelled', error: 'it was told to stop' }
  if (endEvent && !endEvent.ok)
    return { outcome: 'failed', error: endEvent.error ?? 'the agent reported an error' }
  if (exit === null) return { outcome: 'interrupted', error: 'it was gone without an exit status' }
  if (exit === 0)
    return { outcome: 'no-result', error: 'it exited 0 without the end event that tells a success' }
  if (exit > 128) return { outcome: 'crashed', error: `it was ended by signal ${exit - 128}` }
  return { outcome: 'failed', error: `it exited with ${exit}` }
}

/**
 * Where a task goes after a run (specification 7.1). `past`: the earlier attempts, oldest first. A series begins after the last
 * attempt that settled in completed/ or failed/: what a person queues again starts afresh.
 */
export function settle(
  outcome: Outcome,
  past: readonly RunRecord[],
  rules: { maxRetries: number; retryOnFailure: boolean; onInterrupt: 'retry' | 'hold' },
): Settling {
  const from =
    past.findLastIndex((run) => run.settled === 'failed' || run.settled === 'completed') + 1
  const series = past.slice(from)
  const counted = series.filter((run) => run.outcome && COUNTED.has(run.outcome)).length
  const before = (what: Outcome, times: number) =>
    times <= series.length && series.slice(-times).every((run) => run.outcome === what)
  const to = (state: State, needsReview: boolean, free = false): Settling => ({
    state,
    needsReview,
    retryCount: counted,
    free,
  })
  switch (outcome) {
    case 'success':
      return to('completed', false)
    case 'cancelled':
      return to('pending', false, true)
    case 'interrupted':
      return rules.onInterrupt === 'hold' || before(outcome, 1)
        ? to('failed', true)
        : to('pending', false, true)
    case 'never-started':
      return before(outcome, MAX_STILLBORN - 1) ? to('failed', true) : to('pending', false, true)
    case 'failed':
    case 'timeout':
    case 'no-result':
    case 'crashed':
      return rules.retryOnFailure && counted < rules.maxRetries
        ? to('pending', false)
        : to('failed', true)
    default:
      return outcome satisfies never
  }
}
const COUNTED: ReadonlySet<Outcome> = new Set<Outcome>([
  'failed',
  'timeout',
  'no-result',
  'crashed',
])

const minutes = (ms: number) =>
  ms < 60_000 ? `${ms / 1000} seconds` : `${Math.round(ms / 6000) / 10} minutes`
