// What was settled long ago is remembered by its name alone, over a stop by its row. Whatever is done to the files meanwhile, also
// while nothing looks: the rows say what a first look would say, and what waits knows of all it depends on. Real files.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { TaskQueue } from '../../src/core/queue.ts'
import { type Workspace, workspace } from '../../src/files/workspace.ts'
import { createShow } from '../../src/index/picture.ts'
import { duplicates } from '../../src/look/duplicates.ts'
import { createMemory } from '../../src/look/memory.ts'
import { type Entry, type Settled, STATES, type State, type TaskView } from '../../src/types.ts'

const LATER = 60_000

/** A look, as the orchestrator makes it, and the rows that it puts. */
function open(at: Workspace, rows: Map<string, TaskView>, settleMs = 0) {
  const settled = [...rows.values()].flatMap((row) =>
    row.stamp && row.learnt ? settledOf(row) : [],
  )
  const kept = new Set(settled.map(({ state, name }) => `tasks/${state}/${name}`))
  for (const file of rows.keys()) if (!kept.has(file)) rows.delete(file)
  const queue = new TaskQueue(at.root, { settleMs, settled })
  const memory = createMemory(at.runs, queue, (entry) => queue.news.changed.add(entry))
  const none = { putAgent() {}, dropAgent() {}, putRun() {}, event() {} }
  const show = createShow(
    {
      ...none,
      putTask: (row) => void rows.set(row.file, row),
      dropTask: (file) => void rows.delete(file),
    },
    () => {},
  )
  const held = () => {
    const all = new Map<Entry, string>()
    duplicates([...queue.entries.values()], { held: all, waiting: new Map() })
    return all
  }
  return {
    queue,
    async look(hints: Iterable<string>, full: boolean) {
      const { changed } = await queue.scan(hints, full)
      for (const entry of changed) await memory.learn(entry)
      const { entries, names, news } = queue
      const why = { held: held(), waiting: new Map() }
      const all = new Set([...news.changed, ...why.held.keys(), ...entries.values()])
      show.picture({
        entries,
        names,
        changed: all,
        gone: news.gone,
        why,
        agents: [],
        last: memory.last,
      })
      for (const one of Object.values(news)) one.clear()
    },
  }
}

const settledOf = ({ status, file, id, stamp, learnt }: TaskView): Settled[] => [
  {
    state: status as 'failed',
    name: file.split('/').slice(2).join('/'),
    id,
    stamp: stamp ?? '',
    learnt,
  },
]

/** Those with what they depend on, in all of the folders. */
function known(queue: TaskQueue, all: Iterable<Entry>) {
  const about = (id: string) =>
    [...all]
      .filter((one) => one.id.toLowerCase() === id.toLowerCase())
      .map(({ file, task, problem }) => [file, task?.description, problem?.message].join(' '))
      .sort()
  const asked = [...queue.in('pending')].flatMap(({ id, task }) => [
    id,
    ...(task?.dependencies ?? []),
  ])
  return Object.fromEntries(asked.map((id) => [id, about(id)]))
}

const shown = (rows: Map<string, TaskView>) =>
  [...rows.values()]
    .map(({ stamp: _, learnt: __, reason: ___, ...row }) => row)
    .sort((a, b) => (a.file < b.file ? -1 : 1))

const state = fc.constantFrom<State>('pending', 'completed', 'completed', 'failed')
const name = fc.constantFrom('a.yaml', 'b.yaml', 'B.yml', 'c.yaml', 'd.yaml', 'e.yaml')
const text = fc.constantFrom(
  'description: one\n',
  'description: two\nid: b\n',
  'description: three\ndependencies: [a, b]\n',
  'description: four\ndependencies: [d]\nid: x\n',
  'description: five\nid: A\n',
  'description: six\ncontinues: c\n',
  'description: [\n',
)
const id = fc.constantFrom('a', 'b', 'c', 'd', 'x')
type Deed = [string, (at: Workspace) => string[]]

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(state, name, text).map(
      ([to, file, said]): Deed => [
        `write ${to}/${file} ${said}`,
        (at) => {
          writeFileSync(join(at.state[to], file), said)
          return [`tasks/${to}/${file}`]
        },
      ],
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(state, name, state).map(
      ([from, file, to]): Deed => [
        `mv ${from}/${file} ${to}`,
        (at) => {
          if (existsSync(join(at.state[from], file)))
            renameSync(join(at.state[from], file), join(at.state[to], file))
          return [`tasks/${from}/${file}`, `tasks/${to}/${file}`]
        },
      ],
    ),
  },
  fc.tuple(state, name).map(
    ([from, file]): Deed => [
      `rm ${from}/${file}`,
      (at) => {
        rmSync(join(at.state[from], file), { force: true })
        return [`tasks/${from}/${file}`]
      },
    ],
  ),
  fc.tuple(state, name).map(
    ([to, file]): Deed => [
      `touch ${to}/${file}`,
      (at) => {
        const path = join(at.state[to], file)
        if (existsSync(path)) utimesSync(path, 1e9, 1e9)
        return [`tasks/${to}/${file}`]
      },
    ],
  ),
)
/** To what nobody looks at while it is settled. */
const hidden: fc.Arbitrary<Deed> = fc.oneof(
  fc.tuple(id, fc.constantFrom('success', 'failed'), fc.integer({ min: 1, max: 2 })).map(
    ([task_id, outcome, attempt]): Deed => [
      `run ${task_id} ${attempt} ${outcome}`,
      (at) => {
        const path = join(at.runs, task_id, String(attempt), 'run.json')
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, JSON.stringify({ task_id, attempt, outcome, agent_id: 'agent_01' }))
        return []
      },
    ],
  ),
  id.map(
    (one): Deed => [
      `forget ${one}`,
      (at) => {
        rmSync(join(at.runs, one), { recursive: true, force: true })
        return []
      },
    ],
  ),
  fc.tuple(state, name).map(
    ([to, file]): Deed => [
      `edit ${to}/${file}`,
      (at) => {
        const path = join(at.state[to], file)
        if (existsSync(path)) appendFileSync(path, 'priority: high\n')
        return []
      },
    ],
  ),
)

type Step =
  | { do: 'deed'; deed: Deed; full: boolean }
  | { do: 'ask'; id: string }
  | { do: 'cool' }
  | { do: 'stop'; deeds: Deed[] }
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('deed' as const), deed, full: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cool' as const) }) },
  fc.record({ do: fc.constant('ask' as const), id }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('stop' as const),
      deeds: fc.array(fc.oneof(deed, hidden), { maxLength: 3 }),
    }),
  },
)

it('rows of what is remembered by its name alone are those of a first look', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), async (steps) => {
      const root = mkdtempSync(join(tmpdir(), 'orchestrate-cold-'))
      onTestFinished(() => rmSync(root, { recursive: true, force: true }))
      const at = workspace(root)
      for (const one of STATES) mkdirSync(at.state[one], { recursive: true })
      mkdirSync(at.runs, { recursive: true })
      const rows = new Map<string, TaskView>()
      let house = open(at, rows)
      await house.look([], true)
      for (const one of steps) {
        if (one.do === 'deed') await house.look(one.deed[1](at), one.full)
        else if (one.do === 'ask') {
          house.queue.about(one.id)
          await house.look([], false)
        } else if (one.do === 'cool') house.queue.cool(() => false, Date.now() + LATER)
        else {
          for (const [, act] of one.deeds) act(at)
          house = open(at, rows)
          do await house.look([], true)
          while (house.queue.behind)
        }
        const warm = [...house.queue.entries.values()]
        // A task that is written over where it was settled is what it was, until a stop.
        if (warm.some((entry) => entry.edited)) continue
        const first = new Map<string, TaskView>()
        const fresh = open(at, first)
        await fresh.look([], true)
        expect(shown(rows)).toEqual(shown(first))
        const all = [...fresh.queue.entries.values()]
        expect(known(house.queue, warm)).toEqual(known(fresh.queue, all))
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 150) },
  )
})

/** One that is done, `foo` by its own word, and cold. */
async function cooled(settleMs = 0, text = 'description: one\nid: foo\n') {
  const root = mkdtempSync(join(tmpdir(), 'orchestrate-cold-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const at = workspace(root)
  for (const one of STATES) mkdirSync(at.state[one], { recursive: true })
  const rows = new Map<string, TaskView>()
  writeFileSync(join(at.state.completed, 'x.yaml'), text)
  const house = open(at, rows, settleMs)
  await house.look([], true)
  house.queue.cool(() => false, Date.now() + LATER)
  expect(house.queue.entries.size).toBe(0)
  return { at, rows, ...house }
}
const TWIN = 'description: again\nid: foo\n'

it('a folder that is gone with all it held is not made again', async () => {
  const { at, queue, look } = await cooled()
  renameSync(at.state.completed, join(at.root, 'away'))
  const { missing } = await queue.scan([], true)
  expect(missing).toEqual(['completed'])
  renameSync(join(at.root, 'away'), at.state.completed)
  writeFileSync(join(at.state.pending, 'y.yaml'), TWIN)
  await look(['tasks/pending/y.yaml'], true)
  expect(queue.find('foo')?.file).toBe('tasks/pending/y.yaml')
  expect(queue.find('foo', ['completed'])?.file).toBe('tasks/completed/x.yaml')
})

it('what was removed while nothing looked is gone in the first look', async () => {
  const { at, rows } = await cooled()
  rmSync(join(at.state.completed, 'x.yaml'))
  const { queue, look } = open(at, rows, 250)
  await look([], true)
  expect(rows.size).toBe(0)
  expect(queue.about('foo')).toEqual([])
})

it('whose task was removed while nothing looked is a record left alone', async () => {
  const { at, rows } = await cooled()
  rmSync(join(at.state.completed, 'x.yaml'))
  const records = ['foo_agent_01.yaml', 'foo_result.yaml']
  for (const name of records) writeFileSync(join(at.state.completed, name), 'task_id: foo\n')
  const { queue } = open(at, rows)
  const { orphans } = await queue.scan([], true)
  expect(orphans.map(({ path }) => basename(path)).sort()).toEqual(records)
})

it('what nothing that waits depends on any more is a name again', async () => {
  const { at, queue, look } = await cooled()
  const cool = () => queue.cool(() => false, Date.now() + LATER)
  const done = () => queue.entries.has('tasks/completed/x.yaml')
  const [path, hint] = [join(at.state.pending, 'y.yaml'), 'tasks/pending/y.yaml']
  writeFileSync(path, 'description: two\ndependencies: [foo]\n')
  await look([hint], false)
  await look([], true)
  cool()
  expect(done()).toBe(true)
  writeFileSync(path, 'description: two again\n')
  await look([hint], false)
  await look([], true)
  cool()
  expect(done()).toBe(false)
})

it('of two of one id, the one that was not edited is found', async () => {
  const { at, queue, look } = await cooled()
  const [first, second] = [join(at.state.pending, 'a.yaml'), join(at.state.pending, 'b.yaml')]
  writeFileSync(first, 'description: one\n')
  await look(['tasks/pending/a.yaml'], false)
  writeFileSync(second, 'description: two\nid: a\n')
  await look(['tasks/pending/b.yaml'], false)
  expect(queue.find('a')?.name).toBe('a.yaml')
  writeFileSync(first, 'description: one more\n')
  await look(['tasks/pending/a.yaml'], false)
  expect(queue.find('a')?.name).toBe('b.yaml')
})

it('what was removed while a look broke off is gone in the next', async () => {
  const { at, rows, queue, look } = await cooled()
  writeFileSync(join(at.state.pending, 'y.yaml'), 'description: two\n')
  rmSync(join(at.state.completed, 'x.yaml'))
  const known = {
    get() {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    },
  }
  const { rules } = queue
  queue.rules = { ...rules, known: known as never }
  await expect(look([], true)).rejects.toThrow('EMFILE')
  queue.rules = rules
  await look([], true)
  await look([], true)
  expect([...rows.keys()]).toEqual(['tasks/pending/y.yaml'])
})

it('what is written over in two steps is what it was, until it stands still', async () => {
  const { at, rows, queue, look } = await cooled(10_000)
  const [path, hint] = [join(at.state.completed, 'x.yaml'), 'tasks/completed/x.yaml']
  writeFileSync(path, 'description: on')
  await look([hint], false)
  expect(rows.get(hint)).toMatchObject({ id: 'foo', description: 'one' })
  expect(queue.about('foo')).toHaveLength(1)
  appendFileSync(path, 'e more\nid: foo\n')
  await look([hint], false)
  expect(queue.about('foo')).toMatchObject([{ task: null, id: 'foo' }])
  queue.rules = { ...queue.rules, settleMs: 0 }
  await look([hint], false)
  expect(rows.get(hint)).toMatchObject({ id: 'foo', description: 'one more' })
})

it('one that cannot be read any more keeps its id, and holds another of it', async () => {
  const { at, rows, queue, look } = await cooled()
  const path = join(at.state.completed, 'x.yaml')
  rmSync(path)
  mkdirSync(path) // as root, nothing else is unreadable
  writeFileSync(join(at.state.pending, 'y.yaml'), TWIN)
  await look(['tasks/pending/y.yaml'], false)
  expect(queue.find('foo', ['completed'])?.file ?? 'not a file').toBe('not a file')
  expect(rows.get('tasks/completed/x.yaml')?.reason).toBe('is not a regular file')

  const entry = { ...(queue.find('foo') as Entry), file: 'tasks/completed/z.yaml', name: 'z.yaml' }
  const problem = { message: 'EACCES', passing: true }
  const unread = { ...entry, state: 'completed' as const, task: null }
  for (const one of [unread, { ...unread, problem }]) {
    const held = new Map<Entry, string>()
    duplicates([queue.find('foo') as Entry, one], { held, waiting: new Map() })
    expect([...held.values()]).toEqual([expect.stringContaining('tasks/completed/z.yaml has')])
  }
})

it('rows of what can be no task are none', async () => {
  const { at, rows } = await cooled()
  const [row] = [...rows.values()]
  for (const file of ['.gitkeep', '../x.yaml', 'x_result.yaml', 'notes.txt'])
    rows.set(`tasks/completed/${file}`, { ...(row as TaskView), file: `tasks/completed/${file}` })
  writeFileSync(join(at.state.completed, '.gitkeep'), '')
  const { queue, look } = open(at, rows)
  await look([], true)
  expect([...rows.keys()]).toEqual(['tasks/completed/x.yaml'])
  expect(queue.about('foo')).toHaveLength(1)
})
