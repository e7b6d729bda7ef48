// The success criteria of the founding specification (10.1, 10.3): ten tasks in ten seconds, three agents at once and
// clean ends, and the scale of the first version: five agents, 1,000 tasks, 100 MB of context.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { childrenOf, gate, leftOf, SIMULATED, started, stateOf } from './stage.ts'

const claude = (count: number) =>
  `agents:\n  claude: { command: "'${process.execPath}' '${SIMULATED}'", max_instances: ${count} }\n`

it('SC-1: ten tasks by `add` are all assigned within ten seconds, and their results saved', async () => {
  const stage = await started(claude(3))
  const begun = Date.now()
  for (let n = 1; n <= 10; n++) await stage.must(`orchestrate add "Create part_${n}.md"`)
  await stage.until('completion', async () => (await stage.status()).tasks.completed === 10)
  const ids = Array.from({ length: 10 }, (_, n) => `task_${String(n + 1).padStart(3, '0')}`)
  const assigned = ids.map((id) => Date.parse(stage.runs(id)[0]?.assigned_at ?? ''))
  expect(Math.max(...assigned) - begun).toBeLessThan(10_000)
  for (const [n, id] of ids.entries()) {
    expect(stage.result(id)).toMatchObject({
      ...{ status: 'success', attempt: 1 },
      files_modified: [`part_${n + 1}.md`],
    })
    expect(stage.read(`context/agent_outputs/${id}_output.md`)).toContain(
      `I created part_${n + 1}.md.`,
    )
  }
  await stage.must('orchestrate stop')
})

it('SC-2: three agents work at once, end cleanly, and leave no zombie', async () => {
  const stage = await started(
    claude(3)
      .replace("'node'", 'node')
      .replace(/command: "/, 'command: "waiting '),
    { waiting: `case "$*" in *--version* | *--help*) ;; *) ${gate('go')} ;; esac\nexec "$@"` },
  )
  const orchestrator = stage.pid() as number
  // One leaves a process behind, in a session of its own: it is given ten seconds to leave.
  for (const n of [1, 2, 3, 4, 5, 6])
    stage.drop(`t${n}.yaml`, `description: Create t${n}.md${n === 1 ? ' SIM:setsid-child' : ''}\n`)
  await stage.until('three at work', async () => (await stage.status()).agents.busy === 3)
  const rows = JSON.parse((await stage.must('orchestrate agents --json')).stdout) as {
    state: string
    pid: number
  }[]
  const busy = rows.filter(({ state }) => state === 'busy')
  expect(new Set(busy.map(({ pid }) => pid)).size).toBe(3)
  for (const { pid } of busy) expect(stateOf(pid)).toMatch(/[SRD]/)
  stage.write('go', '')
  await stage.until('completion', async () => (await stage.status()).tasks.completed === 6)
  for (const { pid } of busy) expect(stateOf(pid), `the shim ${pid}`).toBeNull()
  // A child that has just ended is a zombie until its parent has heard of it.
  await stage.until('no zombies', () => childrenOf(orchestrator).length === 0)
  expect(leftOf(stage.root).map(({ pid }) => pid)).toEqual([orchestrator])
  await stage.must('orchestrate stop')
  expect(stateOf(orchestrator) ?? 'Z').toMatch(/[ZX]/) // it was detached: init takes it away
})

it('PC-3: five agents do 1,000 tasks beside 100 MB of context, in less than 150 MB', async () => {
  const stage = await started(`agents:
  shell: { max_instances: 5 }
task_queue: { max_retries: 0 }
`)
  const folder = join(stage.root, 'context/big')
  mkdirSync(folder, { recursive: true })
  for (let n = 0; n < 10; n++)
    writeFileSync(join(folder, `${n}.md`), Buffer.alloc(10 * 1024 * 1024, `line ${n} of context\n`))
  expect(statSync(join(folder, '9.md')).blocks * 512).toBeGreaterThanOrEqual(10 * 1024 * 1024)

  const lines = Array.from({ length: 1000 }, (_, n) => `echo ${n} >>ledger`).join('\n')
  const options = ['--agent', 'shell', '--context-file', 'context/big/1.md']
  const added = await stage.run(['add', '-', ...options], lines)
  expect(added.code, added.stderr).toBe(0)
  expect(new Set(added.stdout.trim().split('\n')).size).toBe(1000)
  const orchestrator = stage.pid() as number
  let most = 0
  await stage.until(
    'completion',
    async () => {
      const { tasks, agents } = await stage.status()
      most = Math.max(most, agents.busy)
      await new Promise((resolve) => setTimeout(resolve, 200)) // a poll costs the machine, too
      return tasks.completed === 1000
    },
    400_000,
  )
  const memory = readFileSync(`/proc/${orchestrator}/status`, 'latin1')
  const mb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(memory)?.[1]) / 1024
  expect(mb('VmRSS'), memory).toBeLessThan(150)
  expect(most).toBe(5)
  const done = stage.read('ledger').trim().split('\n').map(Number)
  expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  expect(readdirSync(join(stage.root, 'context/agent_outputs'))).toHaveLength(1000)
  const records = readdirSync(stage.at.state.completed).filter((name) =>
    /_result\.yaml$/.test(name),
  )
  expect(records).toHaveLength(1000)
  const sample = parse(readFileSync(join(stage.at.state.completed, records[500] ?? ''), 'utf8'))
  expect(sample).toMatchObject({ status: 'success', attempt: 1 })
  expect((await stage.must('orchestrate status')).stdout).toMatch(/0 pending.*1000 completed/)
  await stage.must('orchestrate stop')
  expect(existsSync(stage.at.lock)).toBe(false)
  console.log(`RSS ${mb('VmRSS').toFixed(0)} MB, at most ${mb('VmHWM').toFixed(0)} MB`)
}, 440_000)
