// The table, row by row (DESIGN 3), and what holds for every state of it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, judge, settle } from '../../src/core/decide.ts'
import type { Action, Outcome, RunRecord, RunSight, State } from '../../src/types.ts'
import { STATES } from '../../src/types.ts'

const record = (more: Partial<RunRecord> = {}) =>
  ({ task_id: 'a', attempt: 1, agent_id: 'agent_01', agent_type: 'shell', ...more }) as RunRecord
const sight = (more: Partial<RunSight> = {}): RunSight => ({
  ...{
    record: record(),
    phase: 'running',
    assigned: true,
    alive: true,
    endEvent: null,
    exit: null,
  },
  ...{ ageMs: 0, stoppingMs: 0, endedMs: 0, outputMb: 0 },
  ...{ events: 1, tools: 0, quietMs: 0, ...more },
})
const rules = {
  ...{ deadlineMs: 1000, maxOutputMb: 100, hasEndEvent: true },
  stallMs: { start: 100, idle: 200, tool: 300 },
}
const ok = { ok: true }

describe('the table', () => {
  it.each<[string, State | null, Partial<RunSight>, Action['do'], Outcome?]>([
    ['no run', 'assigned', { record: null, phase: 'none', alive: false }, 'back'],
    [
      'an earlier run that is over',
      'assigned',
      { record: record({ outcome: 'failed' }), phase: 'ended', alive: false, assigned: false },
      'back',
    ],
    [
      'written down, not moved',
      'assigned',
      { record: record({ outcome: 'failed', error: 'x' }), phase: 'ended', alive: false },
      'finalise',
      'failed',
    ],
    ['no event yet', 'assigned', { events: 0, quietMs: 100 }, 'follow'],
    ['no event for too long', 'assigned', { events: 0, quietMs: 101 }, 'interrupt'],
    ['silent', 'assigned', { quietMs: 101 }, 'follow'],
    ['silent for too long', 'assigned', { quietMs: 201 }, 'interrupt'],
    ['silent while a tool is at work', 'assigned', { tools: 1, quietMs: 201 }, 'follow'],
    ['one tool call for too long', 'assigned', { tools: 1, quietMs: 301 }, 'interrupt'],
    [
      'ended for its silence',
      'assigned',
      { record: record({ stopping: 'stall-idle' }), phase: 'ended', alive: false, exit: 130 },
      'finalise',
      'stalled',
    ],
    [
      'ended without a first event',
      'assigned',
      { record: record({ stopping: 'stall-start' }), phase: 'ended', alive: false, exit: 0 },
      'finalise',
      'never-started',
    ],
    [
      'a limit, by its own word',
      'assigned',
      { phase: 'ended', alive: false, exit: 1, endEvent: { ok: false, outcome: 'limited' } },
      'finalise',
      'limited',
    ],
    [
      'a refused permission, though it exits 0',
      'assigned',
      { phase: 'ended', alive: false, exit: 0, endEvent: { ok: false, outcome: 'denied' } },
      'finalise',
      'denied',
    ],
    ['prepared, nothing lives', 'assigned', { phase: 'unborn', alive: false }, 'fence'],
    ['prepared, its shim lives', 'assigned', { phase: 'unborn' }, 'follow'],
    ['fenced', 'assigned', { phase: 'stillborn', alive: false }, 'finalise', 'never-started'],
    ['running', 'assigned', {}, 'follow'],
    ['too long', 'assigned', { ageMs: 1001 }, 'interrupt'],
    [
      'interrupted a moment ago',
      'assigned',
      { record: record({ stopping: 'timeout' }), stoppingMs: 29_000 },
      'follow',
    ],
    [
      'interrupted, and still there',
      'assigned',
      { record: record({ stopping: 'timeout' }), stoppingMs: 30_001 },
      'kill',
    ],
    [
      'interrupted, and only its children are left',
      'assigned',
      { record: record({ stopping: 'timeout' }), phase: 'ended', exit: 130 },
      'kill',
    ],
    ['gone without exit', 'assigned', { alive: false }, 'finalise', 'interrupted'],
    ['end event, then silence', 'assigned', { endEvent: ok, endedMs: 9000 }, 'follow'],
    ['end event, and it lingers', 'assigned', { endEvent: ok, endedMs: 10_001 }, 'kill'],
    [
      'exit, and children linger',
      'assigned',
      { phase: 'ended', exit: 0, endEvent: ok, endedMs: 10_001 },
      'kill',
    ],
    [
      'a success',
      'assigned',
      { phase: 'ended', exit: 0, endEvent: ok, alive: false },
      'finalise',
      'success',
    ],
    ...(['linger', 'timeout', 'stop'] as const).map(
      (stopping): [string, State, Partial<RunSight>, Action['do'], Outcome] => [
        `its end event, then killed by us (${stopping})`,
        'assigned',
        { record: record({ stopping }), phase: 'ended', exit: 137, endEvent: ok, alive: false },
        'finalise',
        stopping === 'linger' ? 'success' : stopping === 'stop' ? 'cancelled' : 'timeout',
      ],
    ),
    [
      'told its failure, and was killed for lingering',
      'assigned',
      {
        record: record({ stopping: 'linger' }),
        ...{ phase: 'ended', exit: 137, endEvent: { ok: false, error: 'no' }, alive: false },
      },
      'finalise',
      'failed',
    ],
    [
      'lingers, and is still there after the kill',
      'assigned',
      { record: record({ stopping: 'linger' }), endEvent: ok, endedMs: 10_001 },
      'kill',
    ],
    [
      'a success whose shim was killed',
      'assigned',
      { endEvent: ok, alive: false },
      'finalise',
      'success',
    ],
    [
      'exit 0 in silence',
      'assigned',
      { phase: 'ended', exit: 0, alive: false },
      'finalise',
      'no-result',
    ],
    [
      'an error event with exit 0',
      'assigned',
      { phase: 'ended', exit: 0, endEvent: { ok: false }, alive: false },
      'finalise',
      'failed',
    ],
    [
      'an end event with exit 1',
      'assigned',
      { phase: 'ended', exit: 1, endEvent: ok, alive: false },
      'finalise',
      'failed',
    ],
    ['a signal', 'assigned', { phase: 'ended', exit: 139, alive: false }, 'finalise', 'crashed'],
    [
      'the time-out took effect',
      'assigned',
      { record: record({ stopping: 'timeout' }), phase: 'ended', exit: 130, alive: false },
      'finalise',
      'timeout',
    ],
    [
      'it came to its end within the grace',
      'assigned',
      {
        record: record({ stopping: 'timeout' }),
        phase: 'ended',
        exit: 0,
        endEvent: ok,
        alive: false,
      },
      'finalise',
      'success',
    ],
    [
      'stop --now',
      'assigned',
      { record: record({ stopping: 'stop' }), phase: 'ended', exit: 130, alive: false },
      'finalise',
      'cancelled',
    ],
    [
      'too much memory',
      'assigned',
      { record: record({ stopping: 'memory' }), phase: 'ended', exit: 130, alive: false },
      'finalise',
      'failed',
    ],
    ['too much output', 'assigned', { outputMb: 101 }, 'interrupt'],
    [
      'too much output, and it is leaving',
      'assigned',
      { record: record({ stopping: 'output' }), outputMb: 199 },
      'follow',
    ],
    [
      'too much output, and it goes on',
      'assigned',
      { record: record({ stopping: 'output' }), outputMb: 201 },
      'kill',
    ],
    [
      'ended, and its children print too much',
      'assigned',
      { phase: 'ended', exit: 0, endEvent: ok, outputMb: 101 },
      'kill',
    ],
    [
      'too much output, gone',
      'assigned',
      { record: record({ stopping: 'output' }), phase: 'ended', exit: 130, alive: false },
      'finalise',
      'failed',
    ],
    ['moved to failed/ while it ran', 'failed', {}, 'interrupt'],
    [
      'moved while it ran, over, its record still in assigned/',
      'failed',
      { record: record({ outcome: 'cancelled' }), phase: 'ended', alive: false },
      'finalise',
      'cancelled',
    ],
    ['removed while it ran', null, {}, 'interrupt'],
    [
      'moved, and ended well',
      'completed',
      { phase: 'ended', exit: 0, endEvent: ok, alive: false },
      'finalise',
      'cancelled',
    ],
    ['waiting, never run', 'pending', { record: null, phase: 'none', alive: false }, 'distribute'],
    [
      'waiting, succeeded before',
      'pending',
      { record: record({ outcome: 'success' }), phase: 'ended', alive: false },
      'hold',
    ],
    [
      'waiting, released',
      'pending',
      { record: record({ outcome: 'success', released: true }), phase: 'ended', alive: false },
      'distribute',
    ],
    [
      'waiting, failed before',
      'pending',
      { record: record({ outcome: 'failed' }), phase: 'ended', alive: false },
      'distribute',
    ],
    [
      'settled',
      'completed',
      { record: record({ outcome: 'success' }), phase: 'ended', alive: false, assigned: false },
      'nothing',
    ],
  ])('%s in %s', (_, where, seen, action, outcome) => {
    const decided = decide(where, sight(seen), rules)
    expect(decided.do).toBe(action)
    if (outcome) expect(decided).toMatchObject({ outcome })
  })

  it('takes exit 0 for a success where a kind has no end events', () => {
    const ended = sight({ phase: 'ended', exit: 0, alive: false })
    expect(decide('assigned', ended, { ...rules, hasEndEvent: false })).toMatchObject({
      outcome: 'success',
    })
    // An interrupt that a program ends with exit 0 is none.
    const record = { ...ended.record, stopping: 'timeout' } as RunRecord
    expect(judge('assigned', { ...ended, record }, { ...rules, hasEndEvent: false })).toMatchObject(
      { outcome: 'timeout' },
    )
    expect(
      judge('assigned', sight({ alive: false }), { ...rules, hasEndEvent: false }),
    ).toMatchObject({ outcome: 'interrupted' })
  })
})

const anySight = fc.record({
  record: fc
    .record({
      outcome: fc.constantFrom(undefined, 'success' as const, 'failed' as const),
      stopping: fc.constantFrom(
        undefined,
        'timeout' as const,
        'stall-idle' as const,
        'output' as const,
        'stop' as const,
        'linger' as const,
      ),
    })
    .map((more) => record(JSON.parse(JSON.stringify(more)))),
  phase: fc.constantFrom(
    'none' as const,
    'unborn' as const,
    'stillborn' as const,
    'running' as const,
    'ended' as const,
  ),
  ...{
    assigned: fc.boolean(),
    alive: fc.boolean(),
    endEvent: fc.constantFrom(null, { ok: true }, { ok: false }),
    exit: fc.constantFrom(null, 0, 1, 130),
  },
  ...{ ageMs: fc.nat(5000), stoppingMs: fc.nat(60_000), endedMs: fc.nat(60_000) },
  outputMb: fc.nat(300),
  ...{ events: fc.nat(2), tools: fc.nat(2), quietMs: fc.nat(400) },
})

it('holds for every state: nothing living is finalised, nothing is a success that did not say so', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(null, ...STATES),
      anySight,
      fc.boolean(),
      (where, seen, hasEndEvent) => {
        const action = decide(where, seen, { ...rules, hasEndEvent })
        const over = seen.record.outcome !== undefined
        if (action.do === 'finalise' && !over) expect(seen.alive).toBe(false)
        if (action.do === 'distribute') expect(where).toBe('pending')
        if (action.do === 'finalise' && action.outcome === 'success' && !over) {
          expect(where).toBe('assigned')
          // One that we ended after its end event has no exit status of its own.
          const lingered = seen.record.stopping === 'linger'
          expect(seen.exit === 0 || seen.exit === null || lingered).toBe(true)
          expect(hasEndEvent ? seen.endEvent?.ok : seen.exit === 0).toBe(true)
          if (!hasEndEvent) expect(seen.record.stopping).toBeUndefined()
        }
        if (seen.alive && !over && seen.phase !== 'none')
          expect(['follow', 'interrupt', 'kill']).toContain(action.do)
      },
    ),
    { numRuns: 20_000 }, // pure: all of them in a second
  )
})

describe('where a task goes after a run', () => {
  const limits = {
    ...{ maxRetries: 2, retryOnFailure: true },
    ...{ onInterrupt: 'retry' as const, onLimit: 'wait' as const },
  }
  const past = (...outcomes: (Outcome | [Outcome, State])[]) =>
    outcomes.map((one) =>
      record(
        Array.isArray(one)
          ? { outcome: one[0], settled: one[1] }
          : { outcome: one, settled: 'pending' },
      ),
    )

  it.each<[string, Outcome, RunRecord[], Partial<ReturnType<typeof settle>>]>([
    ['a success', 'success', [], { state: 'completed', needsReview: false }],
    ['a first failure', 'failed', [], { state: 'pending', retryCount: 0 }],
    ['a second', 'timeout', past('failed'), { state: 'pending', retryCount: 1 }],
    [
      'the last',
      'crashed',
      past('failed', 'stalled'),
      { state: 'failed', needsReview: true, retryCount: 2 },
    ],
    [
      'cancelled runs do not count',
      'failed',
      past('cancelled', 'interrupted', 'failed'),
      { state: 'pending', retryCount: 1 },
    ],
    [
      'a person queued it again',
      'failed',
      past('failed', 'failed', ['failed', 'failed']),
      { state: 'pending', retryCount: 0 },
    ],
    ['a first interruption', 'interrupted', past('failed'), { state: 'pending', free: true }],
    [
      'a second in a row',
      'interrupted',
      past('interrupted'),
      { state: 'failed', needsReview: true },
    ],
    ['never started', 'never-started', past('never-started'), { state: 'pending', free: true }],
    [
      'never started, three times',
      'never-started',
      past('never-started', 'never-started'),
      { state: 'failed', needsReview: true },
    ],
    ['stopped', 'cancelled', past('failed'), { state: 'pending', free: true }],
    ['stalled', 'stalled', past('failed'), { state: 'pending', retryCount: 1, free: false }],
    ['a limit costs nothing', 'limited', past('failed'), { state: 'pending', free: true }],
    [
      'a limit for the twentieth time',
      'limited',
      past(...Array<Outcome>(19).fill('limited')),
      { state: 'failed', needsReview: true },
    ],
    ['no login', 'unauthenticated', [], { state: 'pending', free: true }],
    [
      'no login, three times',
      'unauthenticated',
      past('unauthenticated', 'unauthenticated'),
      { state: 'failed', needsReview: true },
    ],
    ['an unknown flag', 'misconfigured', past('failed'), { state: 'pending', free: true }],
    ['a refused permission', 'denied', [], { state: 'failed', needsReview: true }],
    ['no end event, once', 'no-result', past('failed'), { state: 'pending', free: false }],
    [
      'no end event, twice in a row',
      'no-result',
      past('no-result'),
      { state: 'failed', needsReview: true },
    ],
  ])('%s', (_, outcome, before, expected) => {
    expect(settle(outcome, before, limits)).toMatchObject(expected)
  })

  it('honours retry_on_failure, max_retries 0 and on_interrupt: hold', () => {
    expect(settle('failed', [], { ...limits, retryOnFailure: false })).toMatchObject({
      state: 'failed',
      needsReview: true,
    })
    expect(settle('failed', [], { ...limits, maxRetries: 0 })).toMatchObject({ state: 'failed' })
    expect(settle('limited', [], { ...limits, onLimit: 'fail' })).toMatchObject({
      state: 'failed',
      needsReview: true,
    })
    expect(settle('interrupted', [], { ...limits, onInterrupt: 'hold' })).toMatchObject({
      state: 'failed',
      needsReview: true,
    })
  })
})
