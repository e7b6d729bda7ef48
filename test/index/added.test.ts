// What `add` writes is in the index when `add` returns, once, whatever a look makes of it at the same time: `status` right
// after it tells the truth (specification 10.2, Test 1).
import { expect, it } from 'vitest'
import { createShow } from '../../src/index/picture.ts'
import type { Entry, RunRecord } from '../../src/types.ts'
import { open, shell } from '../core/harness.ts'
import { folder, opened } from './rows.ts'

it('with 900 others waiting, and agents that take it up at once', async () => {
  const house = open((settings) => {
    settings.queue.retryDelayMs = 0
  }, {})
  const index = await opened(house.settings.database)
  await house.again({ show: createShow(index, () => {}) }).start()
  try {
    for (let n = 0; n < 900; n++)
      house.drop(`w_${n}.yaml`, shell('true', 'not_before: 2099-01-01T00:00:00Z\n'))
    await house.until('all are read', () => index.counts().tasks.pending === 900)
    const ids: string[] = []
    for (let n = 0; n < 30; n++) {
      const [id = ''] = await house.orchestrator.add([
        { description: 'true', preferred_agent: 'shell' },
      ])
      ids.push(id)
      for (const one of ids) expect(index.show(one)?.tasks, `${one} after ${id}`).toHaveLength(1)
    }
    await house.until('all are done', () => index.counts().tasks.completed === 30, 50_000)
    expect(index.counts().tasks).toMatchObject({ pending: 900, assigned: 0, failed: 0, held: 0 })
  } finally {
    await house.orchestrator.stop('now')
    await index.close() // its last save is not to meet the removal of the folder
  }
})

const entry = (state: 'pending' | 'assigned'): Entry => ({
  ...{ state, name: 'a.yaml', path: `/tasks/${state}/a.yaml`, file: `tasks/${state}/a.yaml` },
  ...{ id: 'a', task: null, problem: null, body: '', stamp: '', ctimeMs: 0, since: 0 },
  ...{ ours: true, goneSince: null, edited: false, learnt: null },
})

it('one look may come too early to see it; the next one is believed', async () => {
  const index = await opened(`${await folder()}/tasks.db`)
  const show = createShow(index, () => {})
  let before: string[] = []
  const picture = (...entries: Entry[]) => {
    const now = new Map(entries.map((one) => [one.file, one]))
    show.picture({
      ...{
        entries: now,
        names: new Map(),
        changed: entries,
        gone: before.filter((file) => !now.has(file)),
      },
      why: { held: new Map(), waiting: new Map() },
      agents: [],
      last: () => undefined,
    })
    before = [...now.keys()]
  }
  const states = () => index.dump().tasks.map(({ file }) => file)
  const add = () => show.added({ id: 'a', description: 'a', priority: 'high' })

  add()
  expect(index.tasks()).toMatchObject([{ id: 'a', status: 'pending', priority: 'high' }])
  picture()
  expect(states()).toEqual(['tasks/pending/a.yaml'])
  picture()
  expect(states()).toEqual([]) // a person removed it before any look

  add()
  picture(entry('pending'))
  picture()
  expect(states()).toEqual([])

  add()
  before = ['tasks/pending/a.yaml']
  show.run({ task_id: 'a', file: 'a.yaml', attempt: 1 } as RunRecord) // found and claimed in one look
  picture(entry('assigned'))
  expect(states()).toEqual(['tasks/assigned/a.yaml'])
})
