// What the agent's own word adds to the judgement of a run that we ended, or that said no more than that it failed.
import { expect, it } from 'vitest'
import { NOTHING } from '../../src/agents/events.ts'
import { toldBy } from '../../src/files/record.ts'
import { finer } from '../../src/look/verdict.ts'
import type { Ending, Findings, RunRecord, Verdict } from '../../src/types.ts'

const limit: Verdict = { ok: false, outcome: 'limited', error: 'it waits', evidence: 'error: 429' }
const stderr = (outcome?: Verdict['outcome']): Verdict => ({
  ok: false,
  ...(outcome && { outcome }),
  error: 'as stderr says',
  evidence: 'stderr: x',
})
const said = (more: Partial<Findings> = {}): Findings => ({ ...NOTHING, ...more })
const failed = { ended: { ok: false, error: 'it failed' } }

it.each<[string, Ending['outcome'], Findings, Verdict | false, Ending['outcome'], string?]>([
  ['silence is what it was', 'stalled', said(), false, 'stalled'],
  ['it waited for a limit', 'stalled', said({ waits: limit }), false, 'limited', 'it waits'],
  ['its time-out, too', 'timeout', said({ waits: limit }), false, 'limited'],
  ['stderr tells of a limit', 'timeout', said(), stderr('limited'), 'limited', 'as stderr says'],
  ['stderr tells of something else', 'timeout', said(), stderr('denied'), 'timeout'],
  ['a signal, and stderr has words', 'crashed', said(), stderr(), 'crashed', 'it failed'],
  ['a cancel stays one', 'cancelled', said({ waits: limit }), stderr('limited'), 'cancelled'],
  ['no event, and stderr knows', 'failed', said(), stderr('misconfigured'), 'misconfigured'],
  ['no event, and stderr has words', 'no-result', said(), stderr(), 'no-result', 'as stderr says'],
  ['an event, and stderr knows more', 'failed', said(failed), stderr('limited'), 'limited'],
  ['an event, and stderr does not', 'failed', said(failed), stderr(), 'failed', 'it failed'],
  [
    'a status above 128 that is the CLI’s own',
    'crashed',
    said(),
    { ...stderr(), evidence: 'exit 144' },
    'failed',
  ],
])('%s', (_, outcome, findings, explained, expected, error) => {
  const end = finer({ outcome, error: 'it failed' }, findings, explained)
  expect(end.outcome).toBe(expected)
  if (error) expect(end.error).toBe(error)
})

it('tokens of a whole session are counted once, and those of one that began afresh are all its own', () => {
  const run = { resumed: true, session_id: 's1', tokens_before: 1000 } as RunRecord
  const told = (sessionId: string, cumulative: boolean) =>
    toldBy(said({ sessionId, tokens: 1500 }), run, cumulative)
  expect(told('s1', true)).toMatchObject({ tokens: 500, session_id: 's1' })
  expect(told('s1', false).tokens).toBe(1500)
  expect(told('s2', true)).toMatchObject({ tokens: 1500, session_id: 's2', resumed: false })
})
