// The index holds what was put into it, whatever was put in whatever order, also after it was closed and opened again.
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openIndex } from '../../src/index/index.ts'
import type { AgentView, EventView, RunRecord, TaskView } from '../../src/types.ts'
import { agent, event, folder, keptLog, opened, run, task } from './rows.ts'

interface Model {
  tasks: Map<string, TaskView>
  runs: Map<string, RunRecord>
  agents: Map<string, AgentView>
  events: EventView[]
}

const id = fc.constantFrom('a', 'A', 'b', 'task_007')
const words = fc.string({ unit: 'grapheme', maxLength: 20 })
const file = fc.constantFrom(
  'tasks/pending/a.yaml',
  'tasks/failed/A.yaml',
  `tasks/pending/'";--.yml`,
)
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null })

const move = fc.oneof(
  fc.record({
    do: fc.constant('putTask' as const),
    row: fc.record({
      file,
      id,
      status: fc.constantFrom('pending', 'assigned', 'completed', 'failed', 'held', 'invalid'),
      priority: fc.constantFrom('high', 'normal', 'low'),
      description: words,
      createdAt: fc.oneof(fc.nat(), fc.constant(1767225600000.25)),
      agentId: orNull(id),
      attempt: fc.nat(5),
      outcome: orNull(fc.constantFrom('success', 'crashed')),
      needsReview: fc.boolean(),
      error: orNull(words),
      reason: orNull(words),
      stamp: orNull(words),
      learnt: orNull(words),
    }),
  }),
  fc.record({ do: fc.constant('dropTask' as const), row: file }),
  fc.record({
    do: fc.constant('putRun' as const),
    row: fc
      .record({ id, attempt: fc.integer({ min: 1, max: 3 }), text: words, over: fc.boolean() })
      .map(({ id, attempt, text, over }) =>
        run(id, { attempt, argv: [text], ...(over && { outcome: 'failed', error: text }) }),
      ),
  }),
  fc.record({
    do: fc.constant('putAgent' as const),
    row: fc.record({
      id,
      type: words,
      state: fc.constantFrom('idle', 'busy', 'failed', 'limited', 'missing'),
      taskId: orNull(id),
      taskCount: fc.nat(),
      pid: orNull(fc.nat()),
      until: orNull(fc.nat()),
      why: orNull(words),
    }),
  }),
  fc.record({ do: fc.constant('dropAgent' as const), row: id }),
  fc.record({ do: fc.constant('event' as const), row: words.map((text) => event(text)) }),
  fc.record({ do: fc.constantFrom('save' as const, 'turn' as const, 'ask' as const) }),
)

type Move = typeof move extends fc.Arbitrary<infer T> ? T : never

function apply(model: Model, it: Move): void {
  switch (it.do) {
    case 'putTask':
      return void model.tasks.set(it.row.file, it.row)
    case 'dropTask':
      return void model.tasks.delete(it.row)
    case 'putRun':
      return void model.runs.set(`${it.row.task_id.toLowerCase()} ${it.row.attempt}`, it.row)
    case 'putAgent':
      return void model.agents.set(it.row.id, it.row)
    case 'dropAgent':
      return void model.agents.delete(it.row)
    case 'event':
      return void model.events.push(it.row)
    default: // these change nothing
  }
}

const sorted = <T>(rows: Map<string, T>): T[] =>
  [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)

it('holds the rows of any sequence of puts and drops; after a restart, the runs and events', async () => {
  const home = await folder()
  let n = 0
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 40 }), async (moves) => {
      const { log, lines } = keptLog()
      const where = join(home, `${n++}.db`)
      const index = await openIndex({ file: where, log })
      const model: Model = { tasks: new Map(), runs: new Map(), agents: new Map(), events: [] }
      for (const it of moves) {
        apply(model, it)
        if (it.do === 'putTask') index.putTask(it.row)
        else if (it.do === 'dropTask') index.dropTask(it.row)
        else if (it.do === 'putRun') index.putRun(it.row)
        else if (it.do === 'putAgent') index.putAgent(it.row)
        else if (it.do === 'dropAgent') index.dropAgent(it.row)
        else if (it.do === 'event') index.event(it.row)
        else if (it.do === 'save') await index.save()
        else if (it.do === 'turn') await new Promise((turn) => setImmediate(turn))
        else index.show('a')
      }
      const runs = sorted(model.runs)
      expect(index.dump()).toEqual({
        ...{ tasks: sorted(model.tasks), runs, agents: sorted(model.agents) },
        events: model.events,
      })
      await index.close()
      const again = await openIndex({ file: where, log })
      expect(again.dump()).toEqual({ tasks: [], runs, agents: [], events: model.events })
      await again.close()
      expect(lines.filter((line) => line.startsWith('warn'))).toEqual([])
    }),
    { numRuns: 60 },
  )
})

it('keeps the latest 10,000 events, and their numbers go on', async () => {
  const index = await opened(join(await folder(), 'tasks.db'))
  for (let i = 1; i <= 10_050; i++) index.event(event(`event ${i}`))
  const { events } = index.dump()
  expect(events.length).toBe(10_000)
  expect([events[0]?.text, events.at(-1)?.text]).toEqual(['event 51', 'event 10050'])
  expect(index.events(10_049)).toMatchObject({ events: [{ seq: 10_050 }], last: 10_050 })
})

it('forgets the higher attempts of a run folder that was removed, and no others', async () => {
  const index = await opened(join(await folder(), 'tasks.db'))
  const at = (attempt: number, hour: string) =>
    index.putRun(run('a', { attempt, assigned_at: `2026-01-01T${hour}:00:00.000Z` }))
  at(2, '11') // in any order: the core may tell of old ones again
  at(1, '10')
  expect(index.dump().runs.map((one) => one.attempt)).toEqual([1, 2])
  at(1, '12')
  expect(index.dump().runs.map((one) => one.attempt)).toEqual([1])
})

it('tells of each run that ends once, and of none that ended before', async () => {
  const where = join(await folder(), 'tasks.db')
  const index = await openIndex({ file: where, log: () => {} })
  const told: string[] = []
  const forget = index.onRunEnd((one) => told.push(`${one.task_id} ${one.outcome}`))
  const [past, now] = ['2020-01-01T00:00:00.000Z', new Date(Date.now() + 1000).toISOString()]
  index.putRun(run('old', { outcome: 'success', ended_at: past })) // an earlier orchestrator's
  index.putRun(run('a'))
  index.putRun(run('a', { outcome: 'success', ended_at: past })) // known as running: it ended now
  index.putRun(run('a', { outcome: 'success', ended_at: past, needs_review: true }))
  index.putRun(run('b', { outcome: 'failed', ended_at: now })) // never told as running
  index.putRun(run('c'))
  expect(told).toEqual(['a success', 'b failed'])
  await index.close()

  const again = await opened(where)
  again.onRunEnd((one) => told.push(`${one.task_id} ${one.outcome}`))
  again.putRun(run('b', { outcome: 'failed', ended_at: now }))
  again.putRun(run('c', { outcome: 'timeout', ended_at: past })) // adopted, then ended
  expect(told).toEqual(['a success', 'b failed', 'c timeout'])
  forget()
})

it('never throws: a row it cannot take is told once, and a closed index takes nothing', async () => {
  const { log, lines } = keptLog()
  const index = await opened(join(await folder(), 'tasks.db'), { log })
  // No type of ours holds a symbol; sql.js throws at it, as it would at a full heap.
  const broken = JSON.parse('{"id":"x"}', (_, value) => (value === 'x' ? Symbol('x') : value))
  index.putAgent(broken)
  index.putAgent(broken)
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1)
  index.putAgent(agent('agent_01'))
  index.putTask(task('a'))
  expect(index.dump().agents).toHaveLength(1)
  await index.close()
  expect(() => index.putTask(task('b'))).not.toThrow()
})

it('half a surrogate pair, which YAML can spell, is kept as the replacement character', async () => {
  const index = await opened(join(await folder(), 'tasks.db'))
  index.putTask(task('a', { description: 'x\ud800y\0z' }))
  expect(index.tasks()[0]?.description).toBe('x\ufffdy\0z')
})
