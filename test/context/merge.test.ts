// completed_tasks.json under concurrency and accident. Promises: nothing is lost between instances and processes;
// a broken file is kept beside its successor; a full disk surfaces, anything else does not stop a task.
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { batched } from '../../src/context/batch.ts'
import { ContextManager, createContext } from '../../src/context/context.ts'
import { withLock } from '../../src/context/lock.ts'
import { merge } from '../../src/context/merge.ts'
import { replace, see } from '../../src/context/replace.ts'
import { entryOf } from '../../src/context/summary.ts'
import { end, folder, put } from './sample.ts'

const JSON_FILE = 'context/completed_tasks.json'
const read = (root: string, name = JSON_FILE) => readFileSync(join(root, name), 'utf8')
const ids = (root: string): string[] =>
  JSON.parse(read(root)).map((one: { task_id: string }) => one.task_id)

function open(root: string, told: string[] = []) {
  const tell = (text: string) => told.push(text)
  return createContext({ root, directory: 'context', updateOnCompletion: true, tell })
}

test('20 at once from two instances: all there, latest first, twice is once', async () => {
  const root = folder()
  const options = { root, directory: 'context', updateOnCompletion: true }
  const both = [createContext(options), new ContextManager(options)]
  const all = Array.from({ length: 20 }, (_, n) => end(n + 1))
  await Promise.all(all.map((one, n) => both[n % 2]?.finish(one)))
  const expected = all.map((one) => one.task.id).reverse()
  expect(ids(root)).toEqual(expected)
  const before = read(root)
  await Promise.all(all.map((one, n) => both[(n + 1) % 2]?.finish(one)))
  expect(read(root)).toBe(before)
  expect(readdirSync(join(root, '.orchestrate'))).toEqual([])
  expect(readdirSync(join(root, 'context')).filter((one) => one.startsWith('.'))).toEqual([])
})

test('those that arrive together are one batch, and each is told of its own', async () => {
  const batches: number[][] = []
  let busy = 0
  const add = batched<number>(async (batch) => {
    batches.push(batch)
    expect(++busy).toBe(1)
    await new Promise((resolve) => setImmediate(resolve))
    busy--
    if (batch.includes(0)) throw new Error('first')
  })
  const first = add(0).catch((error) => error.message)
  await Promise.resolve()
  await Promise.resolve()
  const rest = Promise.all([1, 2, 3].map(add))
  expect(await first).toBe('first')
  await rest
  expect(batches).toEqual([[0], [1, 2, 3]])
})

test.each([
  ['not JSON', '{ "half": '],
  ['another shape', '{"tasks": []}'],
  ['too large', ' '.repeat((4 << 20) + 1)],
])('a broken file is moved aside, never deleted: %s', async (_, text) => {
  const root = folder()
  put(root, { [JSON_FILE]: text, [`${JSON_FILE}.broken-1`]: 'older' })
  const told: string[] = []
  await open(root, told).finish(end(1))
  expect(ids(root)).toEqual(['task_001'])
  expect(read(root, `${JSON_FILE}.broken-1`)).toBe('older')
  expect(read(root, `${JSON_FILE}.broken-2`)).toBe(text)
  expect(told).toEqual([expect.stringContaining('broken-2')])
})

test('the entries that can be read live on', async () => {
  const root = folder()
  await open(root).finish(end(1))
  put(root, { [JSON_FILE]: JSON.stringify([...JSON.parse(read(root)), { task_id: 7 }]) })
  await open(root).finish(end(2))
  expect(ids(root)).toEqual(['task_002', 'task_001'])
})

test('successes, and failures that need a person; what a person took out stays out', async () => {
  const root = folder()
  const failed = { status: 'failed', outcome: 'failed', error: 'no luck' } as const
  const context = open(root)
  await context.finish(end(1))
  await context.finish(end(2, failed))
  await context.finish(end(3, { ...failed, needs_review: true }))
  await context.finish(end(4, { status: 'cancelled', outcome: 'cancelled' }))
  expect(ids(root)).toEqual(['task_003', 'task_001'])
  put(root, { [JSON_FILE]: '[]' })
  await context.finish(end(5))
  expect(ids(root)).toEqual(['task_005'])
})

test('a link is refused; what was not written comes with the next merge', async () => {
  const root = folder()
  const other = folder()
  put(other, { victim: '[]\n' })
  mkdirSync(join(root, 'context'))
  symlinkSync(join(other, 'victim'), join(root, JSON_FILE))
  const told: string[] = []
  const context = open(root, told)
  await context.finish(end(1))
  expect(read(other, 'victim')).toBe('[]\n')
  expect(told).toEqual([expect.stringContaining('is not a regular file')])
  rmSync(join(root, JSON_FILE))
  await context.finish(end(2))
  expect(ids(root)).toEqual(['task_002', 'task_001'])
})

test('a file that someone saves meanwhile is not replaced', async () => {
  const root = folder()
  put(root, { note: 'one' })
  const seen = await see(join(root, 'note'), 100)
  put(root, { note: 'two, by a person' })
  expect(await replace(seen, 'ours', () => true)).toBe(false)
  const again = await see(join(root, 'note'), 100)
  expect(await replace(again, 'ours', () => false)).toBe(false)
  expect(read(root, 'note')).toBe('two, by a person')
  expect(readdirSync(root)).toEqual(['note'])
})

test('a lost lock: nothing is written, and it is said', async () => {
  const root = folder()
  put(root, { [JSON_FILE]: '[]\n' })
  const entry = entryOf(end(1), 'out.md')
  const added = entry ? [entry] : []
  const lost = merge(
    join(root, 'context'),
    added,
    () => false,
    () => {},
  )
  await expect(lost).rejects.toThrow('lock was lost')
  expect(read(root)).toBe('[]\n')
})

test('the lock of a dead program is taken over; losing one ends no process', async () => {
  const home = join(folder(), '.orchestrate')
  mkdirSync(join(home, 'context.lock'), { recursive: true })
  const old = new Date(Date.now() - 10_000)
  utimesSync(join(home, 'context.lock'), old, old)
  const lost = await withLock(
    home,
    async (held) => {
      expect(held()).toBe(true)
      rmSync(join(home, 'context.lock'), { recursive: true })
      while (held()) await new Promise((resolve) => setTimeout(resolve, 20))
      return 'lost'
    },
    2000,
  )
  expect(lost).toBe('lost')
})

test('a lock that stays: given up after a while, by its code', async () => {
  const home = join(folder(), '.orchestrate')
  const inner = withLock(home, () => withLock(home, async () => 'never', 2000), 2000)
  await expect(inner).rejects.toMatchObject({ code: 'ELOCKED' })
})
