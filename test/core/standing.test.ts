// The plan of the part that a look takes up is the plan of all: any queue, any sequence of what may happen to it.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { distribute } from '../../src/core/distribute.ts'
import { Standing } from '../../src/look/standing.ts'
import { vetted } from '../../src/look/vet.ts'
import type { Entry, Note, Priority, Slot, State, Task } from '../../src/types.ts'
import { STATES } from '../../src/types.ts'

const MINUTE = 60_000

/** The folders, in memory. */
function queueOf() {
  const entries = new Map<string, Entry>()
  const news = {
    ...{ changed: new Set<Entry>(), gone: new Set<string>() },
    ...{ keys: new Set<string>(), dropped: new Set<Entry>() },
  }
  const keys = ({ id, name }: Entry) => [id.toLowerCase(), name.slice(0, -5).toLowerCase()]
  const tell = (one: Entry) => {
    for (const key of keys(one)) news.keys.add(key)
  }
  return {
    entries,
    news,
    in: (state: State) => new Set([...entries.values()].filter((one) => one.state === state)),
    about: (id: string) =>
      [...entries.values()].filter((one) => keys(one).includes(id.toLowerCase())),
    tell,
    put(one: Entry) {
      entries.set(one.file, one)
      tell(one)
    },
    take(one: Entry) {
      entries.delete(one.file)
      tell(one)
    },
    move(one: Entry, state: State) {
      if (entries.has(`tasks/${state}/${one.name}`)) return
      this.take(one)
      Object.assign(one, { state, file: `tasks/${state}/${one.name}` })
      this.put(one)
    },
  }
}

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')
const types = fc.constantFrom('claude', 'codex', 'shell', 'nobody')
const added = fc.record({
  what: fc.constant('add' as const),
  name: ids,
  id: fc.option(ids, { nil: undefined }),
  priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
  wish: fc.option(types, { nil: undefined }),
  on: fc.array(ids, { maxLength: 2 }),
  after: fc.option(fc.integer({ min: 0, max: 90 }), { nil: undefined }),
})
const happens = fc.oneof(
  { weight: 4, arbitrary: added },
  fc.record({ what: fc.constant('move' as const), of: fc.nat(), to: fc.constantFrom(...STATES) }),
  fc.record({ what: fc.constant('mv' as const), of: fc.nat(), to: fc.constantFrom(...STATES) }),
  fc.record({ what: fc.constant('rm' as const), of: fc.nat() }),
  fc.record({ what: fc.constant('miss' as const), of: fc.nat() }),
  fc.record({ what: fc.constant('time' as const), minutes: fc.integer({ min: -60, max: 45 }) }),
  fc.record({
    what: fc.constant('note' as const),
    of: fc.nat(),
    note: fc.constantFrom<Note>(
      ...[{}, { held: 'a person' }, { wait: 'an editor', open: true }, { stick: 'codex' }],
      ...[{ lastAgent: 'agent_01' }, { switches: true }],
    ),
  }),
  fc.record({
    ...{ what: fc.constant('delay' as const), of: fc.nat(), minutes: fc.nat({ max: 60 }) },
    held: fc.boolean(),
  }),
  fc.record({
    what: fc.constant('agent' as const),
    of: fc.nat(),
    state: fc.constantFrom<Slot['state']>('idle', 'busy', 'limited', 'failed'),
  }),
  fc.record({ what: fc.constant('none' as const), is: fc.boolean() }),
)

it('plans a part as it would plan all', () => {
  fc.assert(
    fc.property(fc.array(happens, { minLength: 1, maxLength: 40 }), (events) => {
      const queue = queueOf()
      const standing = new Standing(queue)
      const notes = new Map<Entry, Note>()
      const agents: Slot[] = ['claude', 'claude', 'codex', 'shell'].map((type, n) => ({
        ...{ id: `agent_0${n + 1}`, type, state: 'idle' as const, taskCount: 0 },
      }))
      let now = Date.UTC(2026, 0, 1)
      let none = false
      const nth = (n: number) => {
        const all = [...queue.entries.values()]
        return all[n % all.length]
      }
      for (const event of events) {
        now += 1000
        const one = 'of' in event ? nth(event.of) : undefined
        switch (event.what) {
          case 'add': {
            const fresh = entryOf(event, now)
            const old = queue.entries.get(fresh.file)
            if (old) queue.take(old)
            if (old) queue.news.dropped.add(old)
            queue.put(fresh)
            break
          }
          case 'move':
            if (one) queue.move(one, event.to)
            break
          case 'mv': {
            // By a person: for the folders it is another one.
            if (!one || queue.entries.has(`tasks/${event.to}/${one.name}`)) break
            queue.take(one)
            queue.news.dropped.add(one)
            const file = `tasks/${event.to}/${one.name}`
            queue.put({ ...one, state: event.to, file })
            break
          }
          case 'rm':
            if (one) queue.take(one)
            if (one) queue.news.dropped.add(one)
            break
          case 'miss':
            if (!one) break
            one.goneSince = one.goneSince === null ? 1 : null
            queue.tell(one)
            break
          case 'time':
            now += event.minutes * MINUTE
            break
          case 'note':
            if (!one) break
            notes.set(one, event.note)
            standing.wake(one)
            break
          case 'delay':
            if (!one) break
            notes.set(one, {
              ...(event.held && { held: 'a person' }),
              ready: { at: now + event.minutes * MINUTE, why: 'it failed' },
            })
            standing.wake(one)
            break
          case 'agent': {
            const agent = agents[event.of % agents.length] as Slot
            const until = event.state === 'limited' ? now + 10 * MINUTE : null
            Object.assign(agent, { state: event.state, until })
            break
          }
          case 'none':
            none = event.is
        }
        standing.heed(now)
        const slots = none ? [] : agents
        const noted = new Map([...notes].filter(([{ state }]) => state === 'pending'))
        const part = standing.part(slots.filter(({ state }) => state === 'idle').length || 1)
        const plan = distribute(part, slots, now, noted)
        const whole = distribute([...queue.entries.values()], slots, now, noted)
        const given = ({ assign }: typeof plan) =>
          assign.map(({ entry, agent }) => [entry.file, agent.id])
        expect(given(plan)).toEqual(given(whole))
        standing.settle(part, plan, noted, now)
        for (const entry of queue.entries.values()) {
          const says = [standing.why.held.get(entry), standing.why.waiting.get(entry)].map(dateless)
          const truth = [whole.held.get(entry), whole.waiting.get(entry)].map(dateless)
          expect(says, entry.file).toEqual(truth)
        }
        const times = [plan.later ?? Number.POSITIVE_INFINITY, standing.next]
        expect(Math.min(...times)).toBeLessThanOrEqual(whole.later ?? Number.POSITIVE_INFINITY)
        // Nothing is waited for that time does not bring: `start --once` would not end.
        if ([...queue.entries.values()].every(({ goneSince }) => goneSince === null))
          expect(Math.min(...times) === Number.POSITIVE_INFINITY).toBe(whole.later === null)
        for (const { entry, agent } of plan.assign) {
          queue.move(entry, 'assigned')
          Object.assign(agent, { state: 'busy', taskCount: agent.taskCount + 1 })
        }
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 2000) },
  )
})

it('what is woken while a plan is made is planned again', () => {
  const queue = queueOf()
  const standing = new Standing(queue)
  const one = entryOf({ ...plain, name: 'a', on: ['b'] }, 1)
  queue.put(one)
  standing.heed(1)
  const part = standing.part(1)
  standing.wake(one) // its attempts were read again meanwhile
  standing.settle(part, distribute(part, [], 1), new Map(), 1)
  expect(standing.part(1)).toContain(one)
  standing.settle(standing.part(1), distribute(standing.part(1), [], 2), new Map(), 2)
  expect(standing.part(1)).toEqual([])
})

it('looks beyond any number of those that something is in the way of', async () => {
  const queue = { ...queueOf(), names: new Map() }
  const standing = new Standing(queue)
  for (let n = 0; n < 700; n++) {
    const one = entryOf({ ...plain, name: `t${n}`, priority: n < 699 ? 'high' : 'low' }, n)
    Object.assign(one.task as Task, { contextRequired: true, contextFiles: [`${n}.md`] })
    queue.put(one)
  }
  const agent = { ...{ id: 'agent_01', type: 'claude', state: 'idle' as const, taskCount: 0 } }
  const make = (part: readonly Entry[], notes: ReadonlyMap<Entry, Note>) =>
    distribute(part, [agent], 1, notes)
  const parts = {
    ...{ queue: queue as never, pending: '', heads: 1, remark: () => {} },
    processes: { editor: () => null, writers: () => new Set<string>() } as never,
    context: {
      check: async (task: Task) => ({ outside: [], missing: task.id === 't699' ? [] : ['it'] }),
    } as never,
  }
  standing.heed(1)
  const all = standing.part(0)
  standing.settle(all, distribute(all, [], 1), new Map(), 1) // no agent is free: they stand in line
  const { plan } = await vetted(standing, () => ({}), make, parts)
  expect(plan.assign.map(({ entry }) => entry.id)).toEqual(['t699'])
})

/** `not before 2026-01-02 00:10` stays so on that day, when it would be `00:10:00` if it were said anew. */
const dateless = (text?: string) => text?.replace(/(\d{4}-\d\d-\d\d )?(\d\d:\d\d)(:\d\d)?/, '$2')

function entryOf({ name, id, priority, wish, on, after }: Added, now: number): Entry {
  const task: Task = {
    ...{ id: id ?? name, description: name, priority, createdAt: now, dependencies: on },
    ...{ contextFiles: [], contextRequired: false, subtasks: [], labels: [], remarks: [] },
    ...(wish && { preferredAgent: wish }),
    ...(after !== undefined && { notBefore: now + after * MINUTE }),
  }
  const file = `tasks/pending/${name}.yaml`
  return {
    ...{ state: 'pending', name: `${name}.yaml`, path: `/w/${file}`, file, id: task.id, task },
    ...{ problem: null, body: '', stamp: '', since: 0, ours: true, goneSince: null },
    ...{ edited: false, learnt: null },
    ctimeMs: now - (now % 4000), // some are of one time
  }
}
const plain: Added = {
  ...{ name: 'a', id: undefined, priority: 'normal', wish: undefined, on: [], after: undefined },
}
interface Added {
  name: string
  id: string | undefined
  priority: Priority
  wish: string | undefined
  on: string[]
  after: number | undefined
}
