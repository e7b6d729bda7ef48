// The table (DESIGN 3): what is, against what should be, gives one action. Pure. A start, a crash, a cancel by hand
// and a normal end are all rows of it; there is no other recovery code.

import { BY_US, stopped } from '../look/verdict.ts'
import type {
  Action,
  Ending,
  OnLimit,
  Outcome,
  Rules,
  RunRecord,
  RunSight,
  Settling,
  Stall,
  State,
} from '../types.ts'

/** ms between the interrupt and the kill (specification 7.2), and between an agent's end event and its leaving. */
const GRACE_MS = 30_000
const LEAVE_MS = 10_000
/** Runs in a row until a person is asked: that never came to life, that the machine cannot start, that met a limit. */
const [MAX_STILLBORN, MAX_REFUSED, MAX_LIMITED] = [3, 3, 20]

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
  const why = run.ageMs > rules.deadlineMs ? 'timeout' : stalled(run, rules)
  return why ? { do: 'interrupt', why } : { do: 'follow' }
}

/** Which of the three clocks has run out. Output that is not read yet is no silence. */
function stalled({ events, tools, quietMs }: RunSight, { stallMs }: Rules): Stall | null {
  const clock = events === 0 ? 'start' : tools > 0 ? 'tool' : 'idle'
  return quietMs > stallMs[clock] ? `stall-${clock}` : null
}

/** It ended, was written down, and the rest (record, move) was not done: a crash between the two. It is done again. */
const finalised = (run: RunSight): Action => ({
  do: 'finalise',
  outcome: run.record?.outcome ?? 'interrupted',
  ...(run.record?.error && { error: run.record.error }),
})

/** Done means done (DESIGN 1.7): the agent's own end event, then the exit status; silence and prose decide nothing. */
export function judge(where: State | null, run: RunSight, rules: Rules): Ending {
  const { endEvent, exit, record } = run
  if (run.phase === 'stillborn')
    return { outcome: 'never-started', error: 'its process did not begin' }
  if (where !== 'assigned')
    return {
      outcome: 'cancelled',
      error: where ? `moved to ${where}/ while it ran` : 'its file was removed while it ran',
    }
  // One that we ended after its end event has no exit status of its own.
  const stopping = record?.stopping === 'linger' ? undefined : record?.stopping
  const status = record?.stopping === 'linger' ? null : exit
  // Many a program ends an interrupt with exit 0: then that says nothing.
  const said = rules.hasEndEvent ? endEvent?.ok === true : exit === 0 && !record?.stopping
  if (said && (status === 0 || status === null)) return { outcome: 'success' }
  if (stopping) return { ...stopped(stopping, rules), evidence: BY_US }
  if (endEvent && !endEvent.ok)
    return {
      error: 'the agent reported an error',
      ...endEvent,
      outcome: endEvent.outcome ?? 'failed',
    }
  const evidence = `exit ${exit}`
  if (exit === null) return { outcome: 'interrupted', error: 'it was gone without an exit status' }
  if (exit === 0)
    return {
      outcome: 'no-result',
      error: 'it exited 0 without the end event that tells a success',
      evidence,
    }
  if (exit > 128)
    return { outcome: 'crashed', error: `it was ended by signal ${exit - 128}`, evidence }
  return { outcome: 'failed', error: `it exited with ${exit}`, evidence }
}

/**
 * Where a task goes after a run (specification 7.1). `past`: the earlier attempts, oldest first. A series begins after the last
 * attempt that settled in completed/ or failed/: what a person queues again starts afresh.
 */
export function settle(
  outcome: Outcome,
  past: readonly RunRecord[],
  rules: {
    maxRetries: number
    retryOnFailure: boolean
    onInterrupt: 'retry' | 'hold'
    onLimit: OnLimit
  },
): Settling {
  const from =
    past.findLastIndex((run) => run.settled === 'failed' || run.settled === 'completed') + 1
  const series = past.slice(from)
  const counted = series.filter((run) => run.outcome && COUNTED.has(run.outcome)).length
  const before = (what: Outcome, times: number) =>
    times <= series.length && series.slice(-times).every((run) => run.outcome === what)
  const again = (most: number) =>
    before(outcome, most - 1) ? to('failed', true) : to('pending', false, true)
  const to = (state: State, needsReview: boolean, free = false): Settling => ({
    state,
    needsReview,
    retryCount: counted,
    free,
  })
  const retried = () =>
    rules.retryOnFailure && counted < rules.maxRetries ? to('pending', false) : to('failed', true)
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
      return again(MAX_STILLBORN)
    case 'unauthenticated':
    case 'misconfigured':
      return again(MAX_REFUSED)
    case 'limited':
      return rules.onLimit === 'fail' ? to('failed', true) : again(MAX_LIMITED)
    case 'denied':
      return to('failed', true)
    case 'no-result': // once more, with a clearer prompt
      return before(outcome, 1) ? to('failed', true) : retried()
    case 'failed':
    case 'timeout':
    case 'stalled':
    case 'crashed':
      return retried()
    default:
      return outcome satisfies never
  }
}
const COUNTED = new Set<Outcome>(['failed', 'timeout', 'stalled', 'no-result', 'crashed'])
