// What it means that we ended a run, what the agent's own word adds to what we judged, and how long a limit lasts. Pure.
import type { Ending, Findings, Outcome, Rules, RunRecord, Verdict } from '../types.ts'

/** What stderr and the exit status may tell more of. */
const BARE: Outcome[] = ['failed', 'no-result', 'crashed']
/** The evidence of a run that we ended. */
export const BY_US = 'ended by us'
/** What may be no fault of the run: it waited for something that did not come. */
const SILENT: Outcome[] = ['stalled', 'never-started', 'timeout']

/** @param explained what its kind makes of its exit status and stderr, where no event told more than that it failed. */
export function finer(judged: Ending, said: Findings, explained?: Verdict | false): Ending {
  const ours = judged.evidence === BY_US
  const waits = said.waits ?? (explained && explained.outcome === 'limited' ? explained : null)
  const verdict =
    (!ours && BARE.includes(judged.outcome) && explained) ||
    (SILENT.includes(judged.outcome) && waits)
  // What an event says is better than what stderr says, but where that alone knows the cause.
  if (!verdict || (said.ended && !verdict.outcome)) return judged
  const { ok: _, ...more } = verdict
  // Some CLIs use statuses above 128 as their own.
  const own = verdict.evidence?.startsWith('exit ') ? 'failed' : judged.outcome
  if (own === 'crashed' && !verdict.outcome) return judged
  return { ...judged, ...more, outcome: verdict.outcome ?? own }
}

/** ms; doubled with each limit in a row. */
const [FIRST_MS, LONGEST_MS] = [60_000, 3_600_000]
/** A reset time that was told is believed so often in a row. */
const BELIEVED = 3

/** Epoch ms at which a limited task is tried again. @param past its earlier attempts, oldest first. */
export function limitOver(
  resetsAt: number | undefined,
  past: readonly RunRecord[],
  now: number,
): number {
  const last = past.findLastIndex((run) => run.outcome !== 'limited')
  const times = past.length - 1 - last - (resetsAt === undefined ? 0 : BELIEVED)
  const wait = times < 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** times)
  return Math.max(resetsAt ?? 0, now + wait)
}

/** What it means that we ended it. */
export function stopped(
  why: Exclude<RunRecord['stopping'], 'linger' | undefined>,
  { deadlineMs, maxOutputMb, stallMs }: Rules,
): Ending {
  switch (why) {
    case 'timeout':
      return { outcome: 'timeout', error: `it took longer than ${minutes(deadlineMs)}` }
    case 'stall-start':
      return { outcome: 'never-started', error: `no event in its first ${minutes(stallMs.start)}` }
    case 'stall-idle':
      return { outcome: 'stalled', error: `no event for ${minutes(stallMs.idle)}, no tool at work` }
    case 'stall-tool':
      return {
        outcome: 'stalled',
        error: `one tool call took longer than ${minutes(stallMs.tool)}`,
      }
    case 'memory':
      return { outcome: 'failed', error: 'it was ended: the agents together used too much memory' }
    case 'output':
      return { outcome: 'failed', error: `it wrote more than ${maxOutputMb} MB of output` }
    case 'cancelled':
    case 'stop':
      return { outcome: 'cancelled', error: 'it was told to stop' }
    default:
      return why satisfies never
  }
}

const minutes = (ms: number) =>
  ms < 60_000 ? `${ms / 1000} seconds` : `${Math.round(ms / 6000) / 10} minutes`
