// The exact JSON of DESIGN 5, from rows in every state.
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createQueries } from '../../src/index/queries.ts'
import { agent, event, folder, opened, run, task } from './rows.ts'

const index = async () => opened(join(await folder(), 'tasks.db'))
const NOTHING = { pending: 0, assigned: 0, completed: 0, failed: 0, held: 0, invalid: 0 }

it('status of nothing', async () => {
  expect((await index()).status({ pid: 7 })).toStrictEqual({
    ...{ running: true, pid: 7, tasks: NOTHING, active: [], waiting: [] },
    agents: { total: 0, busy: 0 },
    today: { tokens: 0, cost_usd: 0 },
  })
})

it('status: counts, active runs, and why the others wait, in queue order', async () => {
  const it = await index()
  const now = Date.now()
  const fresh = { createdAt: now, reason: 'every agent is busy (1 of 1)' }
  it.putTask(task('low', { ...fresh, priority: 'low' }))
  it.putTask(task('second', { ...fresh, reason: null }))
  it.putTask(task('first', { ...fresh, createdAt: now - 1000 }))
  it.putTask(task('high', { ...fresh, priority: 'high' }))
  it.putTask(task('old-low', { ...fresh, priority: 'low', createdAt: now - 61 * 60_000 }))
  it.putTask(task('old-high', { ...fresh, priority: 'high', createdAt: now - 62 * 60_000 }))
  it.putTask(task('double', { status: 'held', reason: 'it has the same id' }))
  it.putTask(task('broken', { status: 'invalid', reason: 'line 1, column 2: what is that' }))
  it.putTask(task('Busy', { status: 'assigned', agentId: 'agent_01', attempt: 2 }))
  it.putTask(task('done', { status: 'completed', outcome: 'success' }))
  it.putRun(run('busy', { attempt: 1, agent_type: 'codex' }))
  const chosen = 'claude: 3 of 3 runs went well'
  it.putRun(run('busy', { attempt: 2, assigned_at: '2026-01-01T11:00:00.000Z', chosen }))
  it.putAgent(agent('agent_01', { state: 'busy', taskId: 'Busy', taskCount: 1, pid: 42 }))
  it.putAgent(agent('agent_02'))
  const reason = fresh.reason
  expect(it.status({ pid: 7, halted: 'the disk is full', notes: ['config.yaml'] })).toStrictEqual({
    running: true,
    pid: 7,
    tasks: { pending: 6, assigned: 1, completed: 1, failed: 0, held: 1, invalid: 1 },
    active: [
      {
        ...{ id: 'Busy', agent_id: 'agent_01', agent_type: 'claude', attempt: 2 },
        ...{ started_at: '2026-01-01T11:00:00.000Z', chosen, description: 'do Busy' },
      },
    ],
    waiting: [
      { id: 'old-high', reason },
      { id: 'old-low', reason },
      { id: 'high', reason },
      { id: 'first', reason },
      { id: 'second', reason: 'it waits for its turn' },
      { id: 'low', reason },
      { id: 'double', reason: 'it has the same id' },
      { id: 'broken', reason: 'line 1, column 2: what is that' },
    ],
    agents: { total: 2, busy: 1 },
    today: { tokens: 0, cost_usd: 0 },
    halted: 'the disk is full',
    notes: ['config.yaml'],
  })
})

it('status is bounded, and a long queue does not hide what a person must see to', async () => {
  const it = await index()
  for (let i = 0; i < 300; i++) it.putTask(task(`t${i}`))
  it.putTask(task('double', { status: 'held', reason: 'why' }))
  const { waiting, tasks } = it.status({ pid: 1 })
  expect(waiting).toHaveLength(101)
  expect(waiting.at(-1)).toEqual({ id: 'double', reason: 'why' })
  expect(tasks.pending).toBe(300)
})

it('counts, whichever status most tasks have, and had the last time', async () => {
  const it = await index()
  const names = ['completed', 'pending', 'assigned', 'failed', 'held', 'invalid'] as const
  for (const [n, status] of names.entries()) {
    for (let i = 0; i <= n; i++) it.putTask(task(`${status}${i}`, { status }))
    const tasks = Object.fromEntries(names.map((name, i) => [name, i <= n ? i + 1 : 0]))
    expect(it.counts().tasks).toEqual(tasks)
    expect(it.counts().tasks).toEqual(tasks)
  }
  it.dropTask('tasks/pending/invalid0.yaml')
  expect(it.counts().tasks.invalid).toBe(5)
})

it('tasks: all of them, by status, and `active` for assigned', async () => {
  const it = await index()
  it.putTask(task('b', { status: 'failed', needsReview: true, outcome: 'crashed', error: 'bang' }))
  it.putTask(task('a', { status: 'assigned', agentId: 'agent_01', attempt: 1 }))
  it.putTask(task('oldest', { createdAt: 5 }))
  expect(it.tasks().map(({ id }) => id)).toEqual(['oldest', 'a', 'b'])
  expect(it.tasks({ limit: 1 }).map(({ id }) => id)).toEqual(['oldest'])
  expect(it.tasks({ status: 'active' })).toEqual(it.tasks({ status: 'assigned' }))
  expect(it.tasks({ status: 'active' }).map(({ id }) => id)).toEqual(['a'])
  expect(it.tasks({ status: 'failed' })).toStrictEqual([
    {
      ...{ id: 'b', status: 'failed', priority: 'normal', description: 'do b', agent_id: null },
      ...{ attempt: 0, outcome: 'crashed', needs_review: true, error: 'bang', reason: null },
      file: 'tasks/failed/b.yaml',
    },
  ])
  expect(it.tasks({ status: 'held' })).toEqual([])
})

it('agents', async () => {
  const it = await index()
  it.putAgent(agent('agent_02', { type: 'shell' }))
  it.putAgent(agent('agent_01', { state: 'busy', taskId: 'a', taskCount: 3, pid: 42 }))
  const free = { until: null, why: null, today: { tokens: 0, cost_usd: 0 } }
  expect(it.agents()).toStrictEqual([
    {
      id: 'agent_01',
      type: 'claude',
      state: 'busy',
      task_id: 'a',
      task_count: 3,
      pid: 42,
      ...free,
    },
    {
      id: 'agent_02',
      type: 'shell',
      state: 'idle',
      task_id: null,
      task_count: 0,
      pid: null,
      ...free,
    },
  ])
})

it('show: files of that id without case, its runs without their mark, its events', async () => {
  const it = await index()
  it.putTask(task('Task_1'))
  it.putTask(task('task_1', { status: 'failed' }))
  it.putTask(task('task_10'))
  it.putRun(run('task_1'))
  it.event(event('begun', { taskId: 'TASK_1', kind: 'start' }))
  it.event(event('of another', { taskId: 'task_10' }))
  const shown = it.show('task_1')
  expect(shown?.tasks.map(({ file }) => file)).toEqual([
    'tasks/failed/task_1.yaml',
    'tasks/pending/Task_1.yaml',
  ])
  const { nonce: _, ...rest } = run('task_1')
  expect(shown?.runs).toStrictEqual([rest])
  expect(shown?.events).toStrictEqual([
    {
      ...{ seq: 1, at: '2026-01-01T00:00:00.000Z', kind: 'start', task_id: 'TASK_1' },
      ...{ agent_id: null, text: 'begun' },
    },
  ])
  expect(it.show('task_2')).toBeNull()
})

it('events: the ones after, at most 500, and from the beginning for one who knew another index', async () => {
  const it = await index()
  expect(it.events(0)).toEqual({ events: [], last: 0 })
  for (let i = 1; i <= 600; i++) it.event(event(`${i}`))
  expect(it.events(598).events.map(({ text }) => text)).toEqual(['599', '600'])
  expect(it.events(0).events).toHaveLength(500)
  expect(it.events(600)).toEqual({ events: [], last: 600 })
  expect(it.events(601).events[0]?.seq).toBe(1)
  it.event(event('no such date', { at: 1e300 }))
  expect(it.events(600).events[0]?.at).toBe('1970-01-01T00:00:00.000Z')
})

it('a task rises with the time that is handed in', () => {
  const asked: unknown[] = []
  const rows = <Row>(_: string, values: unknown[] = []): Row[] => {
    asked.push(...values)
    return []
  }
  createQueries({ rows, change: () => 0, commit() {} }, () => 123).status({ pid: 1 })
  expect(asked[0]).toBe(123)
})
