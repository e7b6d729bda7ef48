// When the image is written: rarely, whole, and never without a change. Timers are turned by hand.
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { BIG, createSaver, SELDOM_MS, SOON_MS } from '../../src/index/save.ts'
import { agent, folder, handTimers, keptLog, opened, task } from './rows.ts'

/** A busy machine takes more than the second that is vitest's default. */
const soon = <T>(check: () => T) => vi.waitFor(check, 30_000)

async function saver(size = 100) {
  const home = await folder()
  const file = join(home, 'tasks.db')
  const hand = handTimers()
  const kept = keptLog()
  const state = { size, content: 'one', images: 0 }
  const parts = {
    file,
    log: kept.log,
    timers: hand.timers,
    size: () => state.size,
    image: () => {
      state.images++
      return Buffer.from(state.content)
    },
  }
  return { home, file, hand, state, lines: kept.lines, it: createSaver(parts) }
}
const content = (file: string) => readFile(file, 'utf8')

it('waits after the first change, and takes all changes until then in one image', async () => {
  const { it, hand, state, file } = await saver()
  expect(hand.waits()).toEqual([])
  it.changed()
  it.changed()
  expect(hand.waits()).toEqual([SOON_MS])
  state.content = 'two'
  hand.fire()
  await soon(async () => expect(await content(file)).toBe('two'))
  await it.close()
  expect(state.images).toBe(1)
})

it('waits longer for a large one', async () => {
  const { it, hand } = await saver(BIG + 1)
  it.changed()
  expect(hand.waits()).toEqual([SELDOM_MS])
})

it('a change while it writes is saved later', async () => {
  const { it, hand, file, state } = await saver()
  it.changed()
  hand.fire() // begins to write
  state.content = 'two'
  it.changed()
  expect(hand.waits()).toEqual([])
  await soon(() => expect(hand.waits()).toEqual([SOON_MS]))
  expect(await content(file)).toBe('one')
  hand.fire()
  await soon(async () => expect(await content(file)).toBe('two'))
})

it('close saves what is new, once, and nothing after it', async () => {
  const { it, hand, file, state } = await saver()
  it.changed()
  hand.fire()
  state.content = 'two'
  it.changed()
  await it.close()
  expect(await content(file)).toBe('two')
  it.changed()
  expect([hand.waits(), state.images]).toEqual([[], 2])
  await it.close()
  expect(state.images).toBe(2)
})

it('a failure is told once, tried again seldom, and leaves no draft and no half image', async () => {
  const { it, hand, file, home, lines, state } = await saver()
  await mkdir(file) // a folder in its place: the rename fails
  it.changed()
  hand.fire()
  await soon(() => expect(hand.waits()).toEqual([SELDOM_MS]))
  hand.fire()
  await soon(() => expect([hand.waits(), state.images]).toEqual([[SELDOM_MS], 2]))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^warn the index .* could not be saved/)
  expect(await readdir(home)).toEqual(['tasks.db'])
  await rm(file, { recursive: true })
  hand.fire()
  await soon(async () => expect(await content(file)).toBe('one'))
  await it.close()
})

it('a faulty image does not throw', async () => {
  const { it, hand, state, lines } = await saver()
  Object.defineProperty(state, 'content', { get: () => JSON.parse('{') })
  it.changed()
  hand.fire()
  await soon(() => expect(lines).toHaveLength(1))
  await it.close()
})

it('an index that is put the same rows again saves nothing', async () => {
  const file = join(await folder(), 'tasks.db')
  const hand = handTimers()
  const index = await opened(file, { timers: hand.timers })
  expect(hand.waits()).toEqual([])
  index.putTask(task('a'))
  index.putAgent(agent('agent_01'))
  expect(hand.waits()).toEqual([SOON_MS])
  await index.save()
  const { mtimeNs } = await stat(file, { bigint: true })
  index.putTask(task('a'))
  index.putAgent(agent('agent_01'))
  index.dropTask('tasks/pending/nobody.yaml')
  index.dropAgent('agent_09')
  expect(hand.waits()).toEqual([])
  await index.close()
  expect((await stat(file, { bigint: true })).mtimeNs).toBe(mtimeNs)
})

it('a folder that is not there does not stop the index', async () => {
  const home = await folder()
  const { log, lines } = keptLog()
  const index = await opened(join(home, 'gone', 'tasks.db'), { log })
  index.putTask(task('a'))
  await index.close()
  expect(lines.at(-1)).toMatch(/could not be saved: ENOENT/)
})
