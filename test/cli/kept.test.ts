// What `tasks` shows while nothing runs, from what was kept at the last stop: it is what the files say, whatever was done to them.
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { keyOf, listTasks } from '../../src/cli/stopped-tasks.ts'
import { TaskQueue } from '../../src/core/queue.ts'
import { formatRecord } from '../../src/files/record.ts'
import { release } from '../../src/files/run-folder.ts'
import { type Workspace, workspace } from '../../src/files/workspace.ts'
import { viewOf } from '../../src/index/picture.ts'
import type { TaskJson } from '../../src/index/shapes.ts'
import { duplicates } from '../../src/look/duplicates.ts'
import { keep, readWaiting } from '../../src/look/kept.ts'
import { createMemory } from '../../src/look/memory.ts'
import { type Entry, STATES, type State, type TaskView } from '../../src/types.ts'
import { open, SHELLS, type Stage } from '../acceptance/stage.ts'

const RUNS = Number(process.env.RUNS ?? 150)

interface Look {
  learned: boolean
  /** Whether of what is settled the row alone is remembered. */
  cold: boolean
  /** What is done to the files after they were read, and whether another look follows. */
  meanwhile: [string, Deed][]
  again: boolean
}

/** Reads all as an orchestrator does, and stops. */
async function stopped(at: Workspace, { learned, cold, meanwhile, again }: Look): Promise<void> {
  const queue = new TaskQueue(at.root, { settleMs: 0 })
  const memory = createMemory(at.runs, queue, (entry) => queue.news.changed.add(entry))
  const rows = new Map<string, TaskView>()
  const look = async () => {
    const { changed } = await queue.scan(queue.entries.keys())
    if (learned) for (const entry of changed) await memory.learn(entry)
    const { entries, news } = queue
    for (const file of news.gone) rows.delete(file)
    const why = { held: new Map<Entry, string>(), waiting: new Map<Entry, string>() }
    duplicates([...entries.values()], why)
    for (const entry of entries.values())
      rows.set(entry.file, viewOf(entry, { why, last: memory.last }))
    for (const one of Object.values(news)) one.clear()
    if (cold) queue.cool(() => false, Date.now() + 60_000)
  }
  await look()
  for (const [, deed] of meanwhile) await deed(at)
  if (again) await look()
  const settled = [...rows.values()].filter(({ stamp, learnt }) => stamp && learnt)
  await keep(at, keyOf('normal'), { entries: queue.entries, last: memory.last }, settled, '')
}

const state = fc.constantFrom<State>(...STATES)
const name = fc.constantFrom('a.yaml', 'b.yaml', 'A.yml', 'c_result.yaml', 'd.yaml', 'e.yaml')
/** Mostly where something lies. */
const spot = fc.oneof(
  fc.constantFrom<[State, string]>(
    ['pending', 'a.yaml'],
    ['failed', 'b.yaml'],
    ['completed', 'd.yaml'],
    ['pending', 'e.yaml'],
  ),
  fc.tuple(state, name),
)
const text = fc.constantFrom(
  'description: one\n',
  'description: two\n',
  'description: one\nid: b\n',
  'description: one\npriority: high\n',
  'description: [\n',
  '',
  'description: x\ncreated_at: 2020-01-01T00:00:00Z\n',
)
const id = fc.constantFrom('a', 'b', 'd', 'e')
const outcome = fc.constantFrom('success', 'failed', undefined)

/** Of a time that can be given to it again. */
function put(path: string, words: string): void {
  writeFileSync(path, words)
  utimesSync(path, 1e9, 1e9)
}

type Deed = (at: Workspace) => unknown
const deeds: fc.Arbitrary<[string, Deed]> = fc.oneof(
  fc
    .tuple(state, name, text)
    .map(([where, what, words]): [string, Deed] => [
      `write ${where}/${what} ${JSON.stringify(words)}`,
      (at) => writeFileSync(join(at.state[where], what), words),
    ]),
  // As a program does that copies times along: of the same size and time, in the same file.
  spot.map(([where, what]): [string, Deed] => [
    `change ${where}/${what} and hide it`,
    (at) => {
      const path = join(at.state[where], what)
      if (!existsSync(path)) return
      const { atime, mtime } = statSync(path)
      writeFileSync(path, readFileSync(path, 'utf8').replace('one', 'two'))
      utimesSync(path, atime, mtime)
    },
  ]),
  fc.tuple(spot, state, name).map(([[from, one], to, other]): [string, Deed] => [
    `mv ${from}/${one} ${to}/${other}`,
    (at) => {
      const path = join(at.state[from], one)
      if (existsSync(path)) renameSync(path, join(at.state[to], other))
    },
  ]),
  fc
    .tuple(state, name)
    .map(([where, what]): [string, Deed] => [
      `rm ${where}/${what}`,
      (at) => rmSync(join(at.state[where], what), { force: true }),
    ]),
  fc
    .tuple(id, fc.integer({ min: 1, max: 2 }), outcome)
    .map(([of, attempt, end]): [string, Deed] => [
      `run ${of}/${attempt} ${end}`,
      (at) => {
        const path = join(at.runs, of, String(attempt), 'run.json')
        mkdirSync(dirname(path), { recursive: true })
        const run = { task_id: of, agent_id: 'agent_01', attempt, nonce: 'n', outcome: end }
        writeFileSync(
          `${path}.draft`,
          JSON.stringify({ ...run, error: end === 'failed' ? 'no' : undefined }),
        )
        renameSync(`${path}.draft`, path)
        // A run begins by a claim, which moves the file.
        for (const where of STATES)
          for (const what of [`${of}.yaml`, 'A.yml', 'b.yaml', 'a.yaml', 'd.yaml', 'e.yaml']) {
            const file = join(at.state[where], what)
            if (!existsSync(file)) continue
            renameSync(file, `${file}.moved`)
            renameSync(`${file}.moved`, file)
          }
      },
    ]),
  id.map((of): [string, Deed] => [
    `rm -r runs/${of}`,
    (at) => rmSync(join(at.runs, of), { recursive: true, force: true }),
  ]),
  id.map((of): [string, Deed] => [`release ${of}`, (at) => release(at.runs, of)]),
  // Over what is there, not beside it.
  fc.tuple(id, outcome).map(([of, end]): [string, Deed] => [
    `run ${of} becomes ${end}`,
    (at) => {
      const path = join(at.runs, of, '1', 'run.json')
      if (!existsSync(path)) return
      writeFileSync(
        path,
        JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), outcome: end }),
      )
    },
  ]),
  // As from a backup.
  fc
    .tuple(id, fc.integer({ min: 1, max: 3 }), outcome)
    .map(([of, attempt, end]): [string, Deed] => [
      `run ${of}/${attempt} ${end} comes back`,
      (at) => {
        const run = { task_id: of, agent_id: 'agent_01', attempt, nonce: 'n', outcome: end }
        mkdirSync(join(at.runs, of, String(attempt)), { recursive: true })
        writeFileSync(join(at.runs, of, String(attempt), 'run.json'), JSON.stringify(run))
      },
    ]),
  fc.tuple(id, fc.constantFrom('1', '2')).map(([of, attempt]): [string, Deed] => [
    `an empty folder ${of}/${attempt}`,
    (at) => {
      rmSync(join(at.runs, of, attempt), { recursive: true, force: true })
      mkdirSync(join(at.runs, of, attempt), { recursive: true })
    },
  ]),
  fc
    .tuple(fc.constantFrom<State>('completed', 'failed'), id, fc.boolean())
    .map(([where, of, ran]): [string, Deed] => [
      `a record ${where}/${of} ${ran}`,
      (at) => {
        const record = {
          task_id: of,
          outcome: 'cancelled',
          error: '',
          ...(ran && { agent_id: 'agent_02', attempt: 1 }),
        }
        writeFileSync(join(at.state[where], `${of}_result.yaml`), formatRecord(record))
      },
    ]),
)

const looks: fc.Arbitrary<Look> = fc.record({
  learned: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  cold: fc.boolean(),
  meanwhile: fc.array(deeds, { maxLength: 2 }),
  again: fc.boolean(),
})

it('says of every task what its files say', async () => {
  let from = 0
  const list = fc.array(deeds, { maxLength: 12 })
  const after = fc.array(deeds, { maxLength: 3 })
  const says = async (before: [string, Deed][], look: Look, then: [string, Deed][]) => {
    const at = workspace(mkdtempSync(join(tmpdir(), 'orchestrate-kept-')))
    try {
      for (const path of [...Object.values(at.state), at.runs]) mkdirSync(path, { recursive: true })
      for (const one of ['pending/a', 'failed/b', 'completed/d', 'pending/e'])
        put(join(at.tasks, `${one}.yaml`), 'description: one\n')
      for (const [, deed] of before) await deed(at)
      await stopped(at, look)
      for (const [, deed] of then) await deed(at)
      const kept = await listTasks(at)
      rmSync(join(at.home, 'tasks.json'))
      expect(kept).toEqual(await listTasks(at))
      from += kept.length
    } finally {
      rmSync(at.root, { recursive: true })
    }
  }
  await fc.assert(fc.asyncProperty(list, looks, after, says), { numRuns: RUNS })
  expect(from).toBeGreaterThan(RUNS) // tasks were listed
}, 600_000)

it('without a free descriptor nothing is taken for never run', async () => {
  const at = workspace(mkdtempSync(join(tmpdir(), 'orchestrate-kept-')))
  const { readdirSync } = fs
  try {
    for (const path of [...Object.values(at.state), join(at.runs, 'a', '1')])
      mkdirSync(path, { recursive: true })
    put(join(at.state.pending, 'a.yaml'), 'description: one\n')
    const run = { task_id: 'a', agent_id: 'agent_01', attempt: 1, nonce: 'n', outcome: 'success' }
    writeFileSync(join(at.runs, 'a', '1', 'run.json'), JSON.stringify(run))
    const queue = new TaskQueue(at.root, { settleMs: 0 })
    const [entry] = await queue.list()
    const memory = createMemory(at.runs, queue, () => {})
    fs.readdirSync = (() => {
      throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' })
    }) as typeof readdirSync
    syncBuiltinESMExports()
    await expect(memory.learn(entry as Entry)).rejects.toThrow('EMFILE')
  } finally {
    fs.readdirSync = readdirSync
    syncBuiltinESMExports()
    rmSync(at.root, { recursive: true })
  }
})

it('reads nothing again that is as it was at the stop', async () => {
  const here = open(SHELLS)
  here.drop('good.yaml', 'description: exit 0\npreferred_agent: shell\n')
  here.drop('bad.yaml', 'description: exit 1\npreferred_agent: shell\nmax_retries: 0\n')
  await here.run(['run'])
  const rows = async (): Promise<TaskJson[]> => JSON.parse(await must(here, 'tasks --json'))
  const texts = async () => (await rows()).map(({ description }) => description).sort()
  const before = await rows()
  expect(before.map(({ status }) => status).sort()).toEqual(['completed', 'failed'])
  // Were a file read, this would not be seen.
  const kept = here.read('.orchestrate/tasks.json')
  here.write('.orchestrate/tasks.json', kept.replaceAll('exit ', 'kept '))
  expect(await texts()).toEqual(['kept 0', 'kept 1'])
  here.drop('new.yaml', 'description: new\n')
  expect(await texts()).toEqual(['kept 0', 'kept 1', 'new'])
  here.write('.orchestrate/tasks.json', 'cut sho')
  expect((await rows()).filter(({ id }) => id !== 'new')).toEqual(before)
})

it('what is no task in it stands in no way of a start', async () => {
  const here = open(SHELLS)
  const tasks = [{ file: 'tasks/pending/a.yaml', state: 'pending', task: 'no task' }]
  here.write('.orchestrate/tasks.json', JSON.stringify({ key: 'k', stop: '', tasks }))
  const { waiting } = await readWaiting(workspace(here.root), 'k')
  expect(waiting.size).toBe(1)
})

const must = async (here: Stage, words: string) => (await here.must(`orchestrate ${words}`)).stdout
