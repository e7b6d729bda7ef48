// Who gets what, and why the others wait (specification 5): examples, and what holds for any queue.
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { distribute } from '../../src/core/distribute.ts'
import { TaskDistributor } from '../../src/look/agents.ts'
import { queueOrder } from '../../src/look/order.ts'
import { limitOver } from '../../src/look/verdict.ts'
import type { Entry, Priority, RunRecord, Slot, State, Task } from '../../src/types.ts'
import { ended } from './harness.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const task = (id: string, more: Partial<Task> = {}): Task => ({
  ...{
    id,
    description: id,
    priority: 'normal',
    createdAt: NOW,
    dependencies: [],
    contextFiles: [],
    contextRequired: false,
    ...{ subtasks: [], labels: [], remarks: [] },
  },
  ...more,
})
const entry = (id: string, more: Partial<Task> = {}, about: Partial<Entry> = {}): Entry => {
  const state: State = about.state ?? 'pending'
  const name = about.name ?? `${id}.yaml`
  return {
    ...{
      state,
      name,
      path: `/w/tasks/${state}/${name}`,
      file: `tasks/${state}/${name}`,
      id,
      task: task(id, more),
      problem: null,
    },
    ...{ body: '', stamp: '', ctimeMs: NOW, since: 0, ours: true, goneSince: null },
    ...{ edited: false, learnt: null },
    ...about,
  }
}
const slot = (id: string, type = 'claude', more: Partial<Slot> = {}): Slot => ({
  id,
  type,
  state: 'idle',
  taskCount: 0,
  ...more,
})
const given = (plan: ReturnType<typeof distribute>) =>
  plan.assign.map(({ entry, agent }) => `${entry.id}:${agent.id}`).join(' ')
const why = (plan: ReturnType<typeof distribute>, of: Entry) =>
  plan.waiting.get(of) ?? plan.held.get(of)

describe('which agent', () => {
  const two = [
    slot('agent_01', 'claude', { taskCount: 5 }),
    slot('agent_02', 'codex', { taskCount: 1 }),
    slot('agent_03', 'codex', { taskCount: 1 }),
    slot('agent_04', 'shell'),
  ]
  it('the least loaded, then the lower number; never shell unasked', () => {
    expect(given(distribute([entry('a')], two, NOW))).toBe('a:agent_02')
  })
  it('of the preferred type, and waits for it when it is busy', () => {
    expect(given(distribute([entry('a', { preferredAgent: 'claude' })], two, NOW))).toBe(
      'a:agent_01',
    )
    const a = entry('a', { preferredAgent: 'claude' })
    const plan = distribute(
      [a],
      [slot('agent_01', 'claude', { state: 'busy' }), slot('agent_02', 'codex')],
      NOW,
    )
    expect(why(plan, a)).toBe('every claude agent is busy (1 of 1)')
  })
  it('any, when the preferred type is not configured', () => {
    expect(given(distribute([entry('a', { preferredAgent: 'gemini' })], two, NOW))).toBe(
      'a:agent_02',
    )
  })
  it('shell for shell tasks only', () => {
    expect(given(distribute([entry('a', { preferredAgent: 'shell' })], two, NOW))).toBe(
      'a:agent_04',
    )
    const [a, s] = [entry('a'), entry('s', { preferredAgent: 'shell' })]
    expect(why(distribute([a], [slot('agent_01', 'shell')], NOW), a)).toMatch(
      /only shell agents are here: install claude/,
    )
    expect(why(distribute([s], [slot('agent_01')], NOW), s)).toMatch(/needs a shell agent/)
  })
  it('another than the one that failed last, where there is one', () => {
    const a = entry('a')
    const notes = new Map([[a, { lastAgent: 'agent_02' }]])
    expect(given(distribute([a], two, NOW, notes))).toBe('a:agent_03')
    expect(given(distribute([a], [slot('agent_02', 'codex')], NOW, notes))).toBe('a:agent_02')
  })
  it('says when its command is missing, or when all rest', () => {
    const a = entry('a')
    expect(
      why(distribute([a], [slot('agent_01', 'claude', { state: 'missing' })], NOW), a),
    ).toMatch(/not on this machine/)
    expect(why(distribute([a], [slot('agent_01', 'claude', { state: 'failed' })], NOW), a)).toMatch(
      /rests after failures/,
    )
  })
})

describe('which task', () => {
  it('high before normal before low, first in first out within one', () => {
    const queue = [
      entry('low', { priority: 'low', createdAt: NOW - 9 }),
      entry('n2', { createdAt: NOW - 1 }),
      entry('n1', { createdAt: NOW - 2 }),
      entry('high', { priority: 'high' }),
    ]
    expect(queueOrder(queue, NOW).map(({ entry }) => entry.id)).toEqual(['high', 'n1', 'n2', 'low'])
  })
  it('one level up for every 30 minutes of waiting', () => {
    const old = (priority: Priority, minutes: number) =>
      entry(
        `${priority}-${minutes}`,
        { priority, createdAt: NOW - minutes * 60_000 },
        { ctimeMs: NOW - minutes * 60_000 },
      )
    expect(queueOrder([entry('new', { priority: 'high' }), old('low', 29)], NOW)[0]?.entry.id).toBe(
      'new',
    )
    expect(queueOrder([entry('new'), old('low', 31)], NOW)[0]?.entry.id).toBe('low-31')
    expect(queueOrder([entry('new', { priority: 'high' }), old('low', 61)], NOW)[0]?.entry.id).toBe(
      'low-61',
    )
  })
  it('a clock that was set back counts for nothing', () => {
    expect(queueOrder([entry('a', { priority: 'low' }, { ctimeMs: NOW + 1e9 })], NOW)).toHaveLength(
      1,
    )
  })
})

describe('dependencies', () => {
  const wait = (on: string[], ...others: Entry[]) => {
    const a = entry('a', { dependencies: on })
    return why(distribute([a, ...others], [slot('agent_01')], NOW), a)
  }
  it.each<[string, string[], Entry[], RegExp]>([
    ['missing', ['b'], [], /depends on b, and there is no such task/],
    [
      'failed',
      ['b'],
      [entry('b', {}, { state: 'failed' })],
      /depends on b, which failed: `orchestrate retry b`/,
    ],
    ['running', ['b'], [entry('b', {}, { state: 'assigned' })], /waits for b \(assigned\)/],
    ['waiting', ['b'], [entry('b', { notBefore: NOW + 9 })], /waits for b \(pending\)/],
    [
      'unreadable',
      ['b'],
      [{ ...entry('b'), task: null, problem: { message: 'x' } }],
      /cannot be read/,
    ],
    ['itself', ['a'], [], /depends on itself/],
    [
      'a circle',
      ['b'],
      [entry('b', { dependencies: ['c'] }), entry('c', { dependencies: ['a'] })],
      /go in a circle: a → b → c → a/,
    ],
    [
      'the case of ids does not matter',
      ['B'],
      [entry('b', {}, { state: 'assigned' })],
      /waits for B/,
    ],
  ])('%s', (_, on, others, expected) => {
    expect(wait(on, ...others)).toMatch(expected)
  })
  it('runs when all are completed', () => {
    expect(
      wait(
        ['b', 'c'],
        entry('b', {}, { state: 'completed' }),
        entry('c', {}, { state: 'completed' }),
      ),
    ).toBeUndefined()
  })
})

it('waits for not_before and for a retry delay, and tells when', () => {
  const [a, b] = [entry('a', { notBefore: NOW + 5000 }), entry('b')]
  const plan = distribute(
    [a, b],
    [slot('agent_01')],
    NOW,
    new Map([[b, { ready: { at: NOW + 3000, why: 'attempt 1 failed (x)' } }]]),
  )
  expect(why(plan, a)).toMatch(/^not before \d\d:\d\d:\d\d$/)
  expect(why(plan, b)).toMatch(/^attempt 1 failed \(x\); again at/)
  expect(plan.later).toBe(NOW + 3000)
})

describe('two files of one id or one name', () => {
  it('the one further along wins, then the older', () => {
    const done = entry('a', {}, { state: 'completed' })
    const again = entry('A', {}, { name: 'other.yaml' })
    const plan = distribute([again, done], [slot('agent_01')], NOW)
    expect(plan.assign).toEqual([])
    expect(why(plan, again)).toMatch(
      /tasks\/completed\/a.yaml has the same id: rename this one, or `orchestrate retry A`/,
    )
    const [young, old] = [
      entry('b', {}, { name: 'y.yaml' }),
      entry('b', {}, { name: 'x.yaml', ctimeMs: NOW - 1 }),
    ]
    expect(given(distribute([young, old], [slot('agent_01')], NOW))).toBe('b:agent_01')
    expect(why(distribute([young, old], [], NOW), young)).toMatch(/same id/)
    const [one, two] = [
      entry('p', {}, { name: 'Same.yaml', state: 'assigned' }),
      entry('q', {}, { name: 'same.yaml' }),
    ]
    expect(why(distribute([one, two], [], NOW), two)).toMatch(/same name/)
  })
})

it('holds for any queue: no agent twice, no task twice, nothing before its dependencies, and a word for each that waits', () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  const anyEntry = fc.record({
    id: fc.constantFrom(...ids),
    state: fc.constantFrom<State>('pending', 'assigned', 'completed', 'failed'),
    dependencies: fc.subarray(ids),
    preferredAgent: fc.constantFrom('', 'claude', 'codex', 'shell', 'other'),
    name: fc.constantFrom('', 'x.yaml', 'y.yaml'),
  })
  const anySlot = fc.record({
    type: fc.constantFrom('claude', 'codex', 'shell'),
    state: fc.constantFrom<Slot['state']>('idle', 'busy', 'failed', 'missing'),
    taskCount: fc.nat(3),
  })
  fc.assert(
    fc.property(
      fc.array(anyEntry, { maxLength: 12 }),
      fc.array(anySlot, { maxLength: 5 }),
      (some, slots) => {
        const entries = some.map(({ id, state, name, preferredAgent, dependencies }) =>
          entry(
            id,
            { dependencies, ...(preferredAgent && { preferredAgent }) },
            { state, ...(name && { name }) },
          ),
        )
        const plan = distribute(
          entries,
          slots.map((one, n) => slot(`agent_0${n}`, one.type, one)),
          NOW,
        )
        const unique = (list: unknown[]) => expect(new Set(list).size).toBe(list.length)
        unique(plan.assign.map(({ agent }) => agent.id))
        unique(plan.assign.map(({ task }) => task.id))
        for (const one of entries.filter(({ state }) => state === 'pending')) {
          const places = [
            plan.assign.some(({ entry }) => entry === one),
            plan.waiting.has(one),
            plan.held.has(one),
          ]
          expect(places.filter(Boolean)).toHaveLength(1)
        }
        for (const { task, agent } of plan.assign) {
          expect(agent.state).toBe('idle')
          expect(agent.type === 'shell').toBe(task.preferredAgent === 'shell')
          for (const id of task.dependencies)
            expect(entries.some((other) => other.id === id && other.state === 'completed')).toBe(
              true,
            )
        }
      },
    ),
    { numRuns: 500 },
  )
})

describe('limits', () => {
  const HOUR = 3_600_000
  const limit = (more = {}) =>
    ended('agent_01', 'a', 'limited', {
      resets_at: new Date(NOW + HOUR).toISOString(),
      ended_at: new Date(NOW).toISOString(),
      error: 'You have hit your limit',
      ...more,
    })
  const agents = () => {
    const all = new TaskDistributor()
    all.arrange({ claude: 2, codex: 1 }, () => null)
    vi.useFakeTimers({ now: NOW })
    onTestFinished(() => void vi.useRealTimers())
    return all
  }
  const slots = (all: TaskDistributor, now: number) => Object.values(all.getAgentStatus(now))
  const states = (all: TaskDistributor, now: number) => slots(all, now).map(({ state }) => state)

  it('close a type until they are over, and then let its agents begin one after the other', () => {
    const all = agents()
    all.ended(limit())
    expect(states(all, NOW)).toEqual(['limited', 'limited', 'idle'])
    expect(slots(all, NOW)[0]).toMatchObject({ until: NOW + HOUR, why: 'You have hit your limit' })
    expect(states(all, NOW + HOUR)).toEqual(['idle', 'limited', 'idle'])
    expect(states(all, NOW + HOUR + 5000)).toEqual(['idle', 'idle', 'idle'])
    all.heed(limit({ resets_at: new Date(NOW + 1000).toISOString() })) // a shorter one takes nothing off
    expect(states(all, NOW + HOUR - 1)).toEqual(['limited', 'limited', 'idle'])
  })

  it('are lifted by a person, and an older word of the same limit does not bring them back', () => {
    const all = agents()
    all.ended(limit())
    vi.setSystemTime(NOW + 1000)
    expect(all.open('claude')).toBe(true)
    all.heed(limit())
    expect(states(all, NOW + 1000)).toEqual(['idle', 'idle', 'idle'])
    expect(all.open('claude')).toBe(false)
    all.heed(limit({ ended_at: new Date(NOW + 2000).toISOString() }))
    expect(states(all, NOW + 2000)).toEqual(['limited', 'limited', 'idle'])
  })

  it('a refused login closes its type until a person acts', () => {
    const all = agents()
    all.ended(ended('agent_01', 'a', 'unauthenticated', { error: 'claude is not logged in' }))
    expect(states(all, NOW + 1000 * HOUR)).toEqual(['failed', 'failed', 'idle'])
    all.reopen()
    expect(states(all, NOW)).toEqual(['idle', 'idle', 'idle'])
  })

  it('another configuration opens what was refused, not what is limited', () => {
    const all = agents()
    all.ended(limit())
    all.ended(
      ended('agent_03', 'b', 'misconfigured', { agent_type: 'codex', error: 'no such flag' }),
    )
    all.reopen()
    expect(states(all, NOW)).toEqual(['limited', 'limited', 'idle'])
  })

  const limited = { state: 'limited' as const, until: NOW + HOUR, why: 'You have hit your limit' }
  const two = [slot('agent_01', 'claude', limited), slot('agent_02', 'codex')]

  it('a task of that type waits with the reason, and is looked at when it is over; others go on', () => {
    const [mine, any] = [entry('mine', { preferredAgent: 'claude' }), entry('any')]
    const plan = distribute([mine, any], two, NOW)
    expect(plan.assign.map(({ entry: { id }, agent }) => [id, agent.id])).toEqual([
      ['any', 'agent_02'],
    ])
    expect(plan.waiting.get(mine)).toMatch(/^every claude agent is limited until .*\(You have hit/)
    expect(plan.later).toBe(NOW + HOUR)
  })

  it('a task with a session waits for its own type, one that may switch does not wait', () => {
    const one = entry('one')
    const stuck = distribute([one], two, NOW, new Map([[one, { stick: 'claude' }]]))
    expect([stuck.assign.length, stuck.later]).toEqual([0, NOW + HOUR])
    const mine = entry('mine', { preferredAgent: 'claude' })
    const plan = distribute([mine], two, NOW, new Map([[mine, { switches: true }]]))
    expect(plan.assign[0]?.agent.id).toBe('agent_02')
    const alone = distribute([mine], two.slice(0, 1), NOW, new Map([[mine, { switches: true }]]))
    expect(alone.later).toBe(NOW + HOUR)
  })

  it('what only a person can mend is said so, and time brings nothing', () => {
    const refused = { state: 'failed' as const, why: 'claude is not logged in' }
    const one = entry('one')
    const plan = distribute([one], [slot('agent_01', 'claude', refused)], NOW)
    expect(plan.waiting.get(one)).toBe(
      'claude is not logged in; then `orchestrate agents --resume claude`',
    )
    expect(plan.later).toBeNull()
  })

  it('the wait without a reset time doubles, and a told one is not believed for ever', () => {
    const past = (n: number) => Array(n).fill({ outcome: 'limited' }) as RunRecord[]
    const minutes = (n: number, told?: number) => (limitOver(told, past(n), NOW) - NOW) / 60_000
    expect([0, 1, 2, 5, 6, 19].map((n) => minutes(n))).toEqual([1, 2, 4, 32, 60, 60])
    expect(minutes(0, NOW + HOUR)).toBe(60)
    expect([0, 2, 3, 4].map((n) => minutes(n, NOW + 1000))).toEqual([1 / 60, 1 / 60, 1, 2])
    const other = { outcome: 'failed' } as RunRecord
    expect(limitOver(undefined, [...past(3), other], NOW)).toBe(NOW + 60_000)
  })
})

describe('TaskDistributor', () => {
  it('registers, assigns, releases, and rests an agent that failed three times in a row', () => {
    const agents = new TaskDistributor()
    agents.registerAgent('agent_01', 'claude')
    expect(agents.assignTask(task('a'))).toBe('agent_01')
    expect(agents.assignTask(task('b'))).toBeNull()
    expect(agents.getAgentStatus()).toMatchObject({
      agent_01: { state: 'busy', taskId: 'a', taskCount: 1 },
    })
    agents.release('agent_01', 'a', true)
    for (const _ of [1, 2]) {
      agents.assignTask(task('b'))
      agents.release('agent_01', 'b', true)
    }
    expect(agents.getAgentStatus()).toMatchObject({ agent_01: { state: 'failed', taskCount: 3 } })
    agents.rest('agent_01', 'idle')
    expect(agents.assignTask(task('c'))).toBe('agent_01')
    agents.unregisterAgent('agent_01')
    expect(agents.getAgentStatus()).toEqual({})
  })
  it('arranges slots over the types in order, and leaves a busy one until it is free', () => {
    const agents = new TaskDistributor()
    agents.arrange({ claude: 2, shell: 1 }, (type) => (type === 'shell' ? 'no sh' : null))
    expect(
      Object.values(agents.getAgentStatus()).map(({ id, type, state }) => `${id} ${type} ${state}`),
    ).toEqual(['agent_01 claude idle', 'agent_02 claude idle', 'agent_03 shell missing'])
    agents.busy('agent_02', 'a', 1)
    agents.arrange({ codex: 2 }, () => null)
    expect(
      Object.values(agents.getAgentStatus())
        .map(({ id, type }) => `${id} ${type}`)
        .sort(),
    ).toEqual(['agent_01 codex', 'agent_02 claude'])
    agents.release('agent_02', 'a', false)
    agents.arrange({ codex: 2 }, () => null)
    expect(agents.getAgentStatus()).toMatchObject({ agent_02: { type: 'codex' } })
  })
})
