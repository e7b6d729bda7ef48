// What a killed writer left beside the file it was writing is removed at the next start; a living writer's is not.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { removeLitter } from '../../src/files/litter.ts'
import { writeRun } from '../../src/files/run-folder.ts'
import { type Workspace, workspace } from '../../src/files/workspace.ts'
import { type RunRecord, STATES } from '../../src/types.ts'

const [DEAD, ALIVE] = [111, 222]
const OLD = new Date(Date.now() - 120_000)
let at: Workspace
beforeEach(() => {
  at = workspace(mkdtempSync(join(tmpdir(), 'litter-')))
})
afterEach(() => rmSync(at.root, { recursive: true }))

function left(path: string, when = OLD): string {
  const whole = join(at.root, path)
  mkdirSync(dirname(whole), { recursive: true })
  writeFileSync(whole, 'half')
  utimesSync(whole, when, when)
  return whole
}
const clean = () => {
  const there = STATES.filter((state) => existsSync(at.state[state]))
  const names = new Map(there.map((state) => [state, readdirSync(at.state[state])]))
  return removeLitter(at, join(at.root, 'context'), (pid) => pid === ALIVE, names)
}

it.each([
  `tasks/pending/.task_001.yaml.${DEAD}.1.draft`,
  `tasks/completed/.a_result.yaml.${DEAD}.12.draft.2609461402`,
  `context/.completed_tasks.json.${DEAD}.3.draft`,
  `context/agent_outputs/.a_output.md.${DEAD}.4.draft`,
  `.orchestrate/config.json.${DEAD}.draft`,
  `.orchestrate/schema/.task.schema.json.${DEAD}.1.draft`,
])('%s goes', async (path) => {
  const litter = left(path)
  await clean()
  expect(existsSync(litter)).toBe(false)
})

it('a folder whose names nobody has read is read', async () => {
  const litter = left(`tasks/failed/.x_result.yaml.${DEAD}.1.draft`)
  await removeLitter(at, join(at.root, 'context'), () => false, new Map())
  expect(existsSync(litter)).toBe(false)
})

it('an empty folder of a start that was killed goes, one that holds something stays', async () => {
  for (const [state, inside] of [
    ['pending', []],
    ['failed', ['x']],
  ] as const) {
    const probe = join(at.state[state], `.probe.${DEAD}.0.draft`)
    mkdirSync(probe, { recursive: true })
    for (const name of inside) writeFileSync(join(probe, name), '')
    utimesSync(probe, OLD, OLD)
  }
  await clean()
  expect(readdirSync(at.state.pending)).toEqual([])
  expect(readdirSync(at.state.failed)).toEqual([`.probe.${DEAD}.0.draft`])
})

it('in a run folder it goes with the end of the run: only the holder of the lock writes there', async () => {
  const run = { task_id: 'a', attempt: 2, outcome: 'success' } as RunRecord
  const litter = left(`.orchestrate/runs/a/2/.run.json.${DEAD}.9.draft`, new Date())
  // Who is killed after the last record is written is followed by nobody who writes there again.
  const killed = async () => {
    expect(readdirSync(dirname(litter))).toEqual([])
    throw new Error('killed')
  }
  await expect(writeRun(at.runs, run, killed)).rejects.toThrow('killed')
  await writeRun(at.runs, run)
  expect(readdirSync(dirname(litter))).toEqual(['run.json'])
})

it.each([
  ['its writer lives', `tasks/pending/.a.yaml.${ALIVE}.1.draft`, OLD],
  [
    'it is young, and may be of another container',
    `tasks/pending/.a.yaml.${DEAD}.1.draft`,
    new Date(),
  ],
  ['it is a person’s', `tasks/pending/notes.${DEAD}.draft`, OLD],
  ['it is a task', `tasks/pending/a.${DEAD}.draft.yaml`, OLD],
  ['it is an editor’s', 'tasks/pending/.a.yaml.swp', OLD],
])('%s: it stays', async (_, path, when) => {
  const file = left(path, when)
  await clean()
  expect(existsSync(file)).toBe(true)
})
