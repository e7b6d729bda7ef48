// git under a working queue: branches, rebases and cleans go over the task folders while agents run. Nothing runs twice,
// no run is stopped, an emptied folder is made again, and the history of a task is git's.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { gate, open, SHELLS, type Stage, shell } from './stage.ts'

const FIVE = SHELLS.replace('max_instances: 2', 'max_instances: 5')
const completed = (stage: Stage, ...ids: string[]) =>
  stage.until(ids.join(), () => ids.every((id) => stage.files().includes(`completed/${id}.yaml`)))
/** After this, the orchestrator has seen all that was there before. */
async function passed(stage: Stage, id: string) {
  stage.drop(`${id}.yaml`, shell('true'))
  await completed(stage, id)
}
const reason = async (stage: Stage, file: string) => (await stage.row(file))?.reason ?? ''
/** Outside of what git looks at. */
const ledger = (stage: Stage) => stage.read('.git/ledger').trim().split('\n').sort()
const works = (id: string) => shell(`echo ${id} >>.git/ledger; ${gate('.git/go')}`)
const once = (stage: Stage, ...ids: string[]) => {
  expect(ledger(stage)).toEqual(ids)
  for (const id of ids)
    expect(
      stage.runs(id).map(({ outcome }) => outcome),
      id,
    ).toEqual(['success'])
}

/** Four tasks, each in a commit of its own, on the branch `tasks`; `main` has another commit than its root. */
async function repository(): Promise<Stage> {
  const stage = open(FIVE)
  await stage.must('git init -qb main && orchestrate init && git add . && git commit -qm begin')
  await stage.must('git checkout -qb tasks')
  for (const id of ['a', 'b', 'c', 'd']) {
    stage.drop(`${id}.yaml`, works(id))
    await stage.must(`git add . && git commit -qm "Ask for ${id}"`)
  }
  await stage.must('git checkout -q main')
  stage.write('README.md', '# other work\n')
  await stage.must('git add . && git commit -qm "Do other work"')
  await stage.must('orchestrate start')
  return stage
}
const begun = (stage: Stage, count: number) =>
  stage.until(
    'they run',
    () => existsSync(join(stage.root, '.git/ledger')) && ledger(stage).length === count,
  )

it('`checkout` to and fro while the agents run', async () => {
  const stage = await repository()
  await stage.must('git checkout -q tasks')
  await begun(stage, 4)
  for (let turn = 0; turn < 5; turn++)
    await stage.must('git checkout -qf main; sleep 0.2; git checkout -qf tasks; sleep 0.2')
  // git put back what it missed: each is known for what it is.
  await stage.until('they are held', async () => (await stage.status()).tasks.held === 4)
  expect(await reason(stage, 'pending/a.yaml')).toMatch(/tasks\/assigned\/a.yaml has the same id/)
  await stage.must('git checkout -qf main')
  writeFileSync(join(stage.root, '.git/go'), '')
  await completed(stage, 'a', 'b', 'c', 'd')
  await stage.must('git checkout -qf tasks')
  await stage.until('they are held', async () => (await stage.status()).tasks.held === 4)
  await passed(stage, 'later')
  once(stage, 'a', 'b', 'c', 'd')
  expect(stage.log()).not.toMatch(/interrupted|cancelled|error/)
  await stage.must('orchestrate stop')
})

it('`rebase` of the tasks that run, their removal and their history', async () => {
  const stage = await repository()
  await stage.must('git checkout -q tasks')
  await begun(stage, 4)
  await stage.must('git rebase -q --autostash main')
  await passed(stage, 'p1')
  expect(stage.files().filter((file) => file.startsWith('pending'))).toEqual([])
  writeFileSync(join(stage.root, '.git/go'), '')
  await completed(stage, 'a', 'b', 'c', 'd')
  await passed(stage, 'p2')
  once(stage, 'a', 'b', 'c', 'd')
  await stage.must('git add -A && git commit -qm "Have them done"')
  const life = await stage.must('git log --follow --format=%s -- tasks/completed/a.yaml')
  expect(life.stdout).toBe('Have them done\nAsk for a\n')
  const moved = await stage.must(
    'git log --follow --name-status --format= -- tasks/completed/a.yaml',
  )
  expect(moved.stdout).toMatch(
    /^R100\ttasks\/pending\/a.yaml\ttasks\/completed\/a.yaml\nA\ttasks\/pending\/a.yaml$/m,
  )
  // What is done may be rebased as anything else.
  await stage.must('git commit -q --allow-empty -m more && git rebase -q --force-rebase main')
  await passed(stage, 'p3')
  once(stage, 'a', 'b', 'c', 'd')
  expect(stage.log()).not.toMatch(/interrupted|cancelled|error/)
  await stage.must('orchestrate stop')
})

it('`clean -fd` takes what waits untracked, not what runs, and the folders it empties come back', async () => {
  const stage = await repository()
  stage.drop('runs.yaml', works('runs'))
  await begun(stage, 1)
  stage.drop('waits.yaml', shell('true', 'not_before: 2099-01-01\n'))
  await stage.until('it waits', async () => (await stage.status()).tasks.pending === 1)
  await stage.must('git clean -qfd')
  await stage.until('it is gone', async () => (await stage.status()).tasks.pending === 0)
  await stage.until('the folders', () =>
    Object.values(stage.at.state).every((folder) => existsSync(folder)),
  )
  await passed(stage, 'next') // no mkdir by hand
  writeFileSync(join(stage.root, '.git/go'), '')
  await completed(stage, 'runs')
  once(stage, 'runs')
  expect(stage.log()).not.toMatch(/nothing is claimed/)
  await stage.must('orchestrate stop')
})

it('an empty folder that a branch lacks is made again; one that held tasks stops the claims until it is back', async () => {
  const stage = await repository()
  // On `kept`, completed/ and failed/ are tracked; on `main` there is neither.
  await stage.must('git checkout -qb kept')
  for (const state of ['completed', 'failed']) stage.write(`tasks/${state}/.gitkeep`, '')
  await stage.must('git add . && git commit -qm keep && git checkout -q main')
  await stage.until('the folders', () => existsSync(stage.at.state.failed))
  await passed(stage, 'one')
  await stage.must(
    'git checkout -q kept && git add . && git commit -qm one && git checkout -q main',
  )
  expect(existsSync(stage.at.state.completed)).toBe(false)
  stage.drop('two.yaml', shell('true'))
  await stage.until('the sentence', async () =>
    /tasks\/completed is gone, nothing is claimed until it is back \(`mkdir -p/.test(
      await reason(stage, 'pending/two.yaml'),
    ),
  )
  expect((await stage.status()).tasks).toMatchObject({ pending: 1, completed: 1 })
  expect(readdirSync(stage.at.tasks)).not.toContain('completed')
  expect(readdirSync(stage.at.tasks)).toContain('failed')
  await stage.must('git checkout -q kept')
  await completed(stage, 'one', 'two')
  expect(stage.runs('one')).toHaveLength(1)
  expect(stage.log().match(/tasks\/\w+ is gone/g)).toHaveLength(1)
  await stage.must('orchestrate stop')
})
