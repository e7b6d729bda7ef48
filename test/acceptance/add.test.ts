// `orchestrate add` from many hands at once, and all that it promises about ids, order and limits.
import { existsSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { gate, open, SHELLS, type Stage, shell, started } from './stage.ts'

const twenty = (stage: Stage) =>
  Promise.all(
    Array.from({ length: 20 }, (_, n) => stage.run(['add', `echo ${n} >>ledger`, '-a', 'shell'])),
  )
const ledger = (stage: Stage) => stage.read('ledger').trim().split('\n').map(Number)
const all = Array.from({ length: 20 }, (_, n) => n)
const done = (stage: Stage, count: number) => () =>
  stage.files().filter((file) => file.startsWith('completed/')).length === count

it('twenty `add` at once while agents claim: twenty ids, none lost, each done once', async () => {
  const stage = await started(SHELLS)
  const said = await twenty(stage)
  expect(said.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(Array(20).fill('0'))
  const ids = said.map(({ stdout }) => stdout.trim())
  expect(new Set(ids).size).toBe(20)
  for (const id of ids) expect(id).toMatch(/^task_0(0[1-9]|1\d|20)$/)
  await stage.until('completion', done(stage, 20))
  expect(ledger(stage).sort((a, b) => a - b)).toEqual(all)
  await stage.must('orchestrate stop')
})

it('twenty `add` at once without an orchestrator: the same, done at the next start', async () => {
  const stage = open(SHELLS)
  await stage.must('orchestrate init')
  const said = await twenty(stage)
  for (const { code, stderr } of said) {
    expect(stderr).toMatch(/^orchestrate is not running: `orchestrate start` begins the work\n$/)
    expect(code).toBe(0)
  }
  expect(new Set(said.map(({ stdout }) => stdout)).size).toBe(20)
  expect(stage.files()).toHaveLength(20)
  await stage.must('orchestrate start')
  await stage.until('completion', done(stage, 20))
  expect(ledger(stage).sort((a, b) => a - b)).toEqual(all)
  await stage.must('orchestrate stop')
})

it('`max_size` refuses `add` and holds a surplus drop, until there is room', async () => {
  const stage = await started(
    `agents:\n  shell: { max_instances: 1 }\ntask_queue: { max_size: 2, settle_ms: 50 }\n`,
  )
  await stage.must(`orchestrate add -a shell "${gate('go').replaceAll('"', '\\"')}"`)
  await stage.until('it runs', () => stage.files().join() === 'assigned/task_001.yaml')
  await stage.must('orchestrate add -a shell true')
  await stage.must('orchestrate add -a shell true')
  const refused = await stage.type('orchestrate add -a shell true')
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(/^orchestrate: the queue is full: 2 of 2 .*\n {2}.*max_size.*\n$/)
  expect(existsSync(stage.at.state.pending)).toBe(true)
  expect(readdirSync(stage.at.state.pending)).toEqual(['task_002.yaml', 'task_003.yaml'])

  stage.drop('surplus.yaml', shell('true', 'priority: low\n'))
  await stage.until('it is held', async () =>
    /the queue is full/.test((await stage.row('pending/surplus.yaml'))?.reason ?? ''),
  )
  const status = JSON.parse((await stage.must('orchestrate status --json')).stdout)
  expect(status.tasks).toMatchObject({ pending: 2, assigned: 1, held: 1 })
  expect(stage.log()).toMatch(/surplus\.yaml: the queue is full \(task_queue\.max_size is 2\)/)
  stage.write('go', '')
  await stage.until('completion', done(stage, 4))
  await stage.must('orchestrate stop')
  // Nothing runs, and the rule is the same.
  for (const n of [1, 2]) await stage.must(`orchestrate add -a shell "echo ${n}"`)
  expect((await stage.type('orchestrate add -a shell true')).code).toBe(1)
  expect(stage.files().filter((file) => file.startsWith('pending/'))).toHaveLength(2)
})

it('`--after` waits, `--priority high` goes first, `--agent` chooses', async () => {
  const stage = open(
    `agents:\n  shell: { max_instances: 1 }\n  mine: { command: sh -c "cat >/dev/null; echo mine >>ledger" }\n`,
  )
  await stage.must('orchestrate init')
  await stage.must(`orchestrate add --agent shell "echo last >>ledger" --priority low`)
  await stage.must(`orchestrate add --agent shell "echo first >>ledger" --after task_003 -p high`)
  await stage.must(`orchestrate add --agent shell "echo begin >>ledger; ${gate('go')}" -p high`)
  await stage.must(`orchestrate add --agent shell "echo middle >>ledger"`)
  await stage.must('orchestrate start')
  await stage.until(
    'the reason',
    async () =>
      (await stage.status()).waiting.find(({ id }) => id === 'task_002')?.reason ===
      'it waits for task_003 (assigned)',
  )
  await stage.must(`orchestrate add --agent mine "a prompt for mine"`)
  await stage.until('the other one', () => stage.files().includes('completed/task_005.yaml'))
  stage.write('go', '')
  await stage.until('completion', done(stage, 5))
  expect(stage.read('ledger').trim().split('\n')).toEqual([
    ...['begin', 'mine', 'first', 'middle', 'last'],
  ])
  expect(stage.result('task_005')?.agent_type).toBe('mine')
  await stage.must('orchestrate stop')
})

it('`add -` takes one task a line, all of them or none', async () => {
  const stage = await started(SHELLS)
  const lines =
    'echo "one: \'quoted\' # no comment" >>said\n\n  echo two >>said\r\necho three: $((1+2)) >>said'
  const added = await stage.run(['add', '-', '--agent', 'shell'], lines)
  expect(added).toEqual({ code: 0, stdout: 'task_001\ntask_002\ntask_003\n', stderr: '' })
  await stage.until('completion', done(stage, 3))
  expect(stage.read('said').trim().split('\n').sort()).toEqual([
    ...["one: 'quoted' # no comment", 'three: 3', 'two'],
  ])
  const long = 'x'.repeat(200_000)
  const none = await stage.run(['add', '-', '--agent', 'shell'], `echo four >>said\n${long}\n`)
  expect(none).toMatchObject({ code: 1, stdout: '' })
  expect(none.stderr).toMatch(/too long/)
  expect((await stage.run(['add', '-'], '\n \n')).code).toBe(1)
  expect(stage.files()).toHaveLength(3)
  await stage.must('orchestrate stop')
})
