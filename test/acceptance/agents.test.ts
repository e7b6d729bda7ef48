// What a person sees of agents that meet limits, cost money and go on with their sessions: by the commands alone.
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Profile } from '../../src/types.ts'
import { open, SIMULATED, started } from './stage.ts'

const CONFIG = `agents:
  claude:
    command: "'${process.execPath}' '${SIMULATED}'"
    max_instances: 1
task_queue: { settle_ms: 50, retry_delay_seconds: 0, max_retries: 0 }
`

it('a limit is shown with its end, and is lifted by hand', async () => {
  const house = await started(CONFIG)
  await house.must('orchestrate add "Do it SIM:limit 3000" --id a')
  await house.until('the limit', async () => (await house.agents())[0]?.state === 'limited')
  const shown = await house.must('orchestrate agents')
  expect(shown.stdout).toMatch(/^agent_01 +claude +limited until \d\d/m)
  expect(shown.stderr).toMatch(/claude: You've hit your 5-hour limit.*agents --resume claude/)
  expect((await house.must('orchestrate status')).stdout).toMatch(
    /^a +every claude agent is limited until/m,
  )
  const [row] = await house.agents()
  expect(Date.parse(row?.until ?? '')).toBeGreaterThan(Date.now() + 1_000_000)
  expect((await house.type('orchestrate agents --resume nobody')).stderr).toMatch(/claude, shell/)
  expect((await house.must('orchestrate agents --resume claude')).stderr).toMatch(
    /takes tasks again/,
  )
  await house.until('the end', () => house.files().includes('completed/a.yaml'))
  expect(house.runs('a').map((run) => run.outcome)).toEqual(['limited', 'success'])
  await house.must('orchestrate stop')
  expect((await house.type('orchestrate agents --resume claude')).code).toBe(1)
})

it('feedback goes to the session, costs are added up, and show says how to go on by hand', async () => {
  const house = await started(CONFIG)
  await house.must('orchestrate add "Do it SIM:cost 0.5 SIM:exit 1" --id a --label docs')
  await house.until('the failure', () => house.files().includes('failed/a.yaml'))
  await house.must('orchestrate retry a --feedback "SIM:cost 0.25 and mind the tests"')
  await house.until('the success', () => house.files().includes('completed/a.yaml'))
  const [first, second] = house.runs('a')
  expect(second).toMatchObject({ resumed: true, session_id: first?.session_id, labels: ['docs'] })
  const shown = (await house.must('orchestrate show a')).stdout
  expect(shown).toMatch(/^used +750,000 tokens, \$0\.75$/m)
  expect(shown).toMatch(new RegExp(`^go on .*--resume ${first?.session_id}`, 'm'))
  expect((await house.must('orchestrate status')).stdout).toMatch(/today 750,000 tokens, \$0\.75/)
  expect((await house.status()).today).toEqual({ tokens: 750_000, cost_usd: 0.75 })
  expect((await house.must('orchestrate agents')).stdout).toMatch(/750,000 tokens, \$0\.75$/m)
  const stats = async () =>
    JSON.parse((await house.must('orchestrate agents --stats --json')).stdout) as Profile[]
  const running = await stats()
  expect(running).toMatchObject([
    { agent_type: 'claude', label: '', runs: 2, succeeded: 1, retries: 1 },
    { agent_type: 'claude', label: 'docs', runs: 2, succeeded: 1, tokens: 375_000 },
  ])
  await house.must('orchestrate stop')
  expect(await stats()).toEqual(running)
  await house.must('rm tasks.db')
  await house.must('orchestrate start')
  await house.until('the files fill the index', async () => expect(await stats()).toEqual(running))
  expect((await house.must('orchestrate agents --stats')).stdout).toMatch(
    /^docs +claude +1 of 2 +50 %/m,
  )
})

it('a budget in the configuration stops the claims, and a raised one lets them go on', async () => {
  const house = await started(CONFIG)
  await house.must('orchestrate add "Do it SIM:cost 2" --id a')
  await house.until('the success', () => house.files().includes('completed/a.yaml'))
  house.write('config.yaml', `${CONFIG}budget: { usd_per_day: 1 }\n`)
  await house.until('the new budget', () => /config/.test(house.log()))
  await house.must('orchestrate add "Another" --id b --after a')
  await house.until('the reason', async () =>
    /^today's budget is used up \(\$2\.00 of \$1\.00/.test(
      (await house.row('pending/b.yaml'))?.reason ?? '',
    ),
  )
  house.write('config.yaml', `${CONFIG}budget: { usd_per_day: 100 }\n`)
  await house.until('the end', () => house.files().includes('completed/b.yaml'))
})

it('a dry run shows command, names of the environment and prompt, and writes nothing', async () => {
  const house = open(CONFIG)
  await house.must('orchestrate init')
  house.env.SECRET_TOKEN = 'hunter2'
  const { stdout } = await house.must(
    'orchestrate add "Write the tests" --dry-run --agent claude --context-file config.yaml',
  )
  expect(stdout).toMatch(/^agent +claude$/m)
  expect(stdout).toMatch(/^command +.*simulated-agent\.mjs.* --session-id SESSION_ID/m)
  expect(stdout).toMatch(/^environment +.*\bSECRET_TOKEN\b/m)
  expect(stdout).toMatch(/^environment +.*\bORCHESTRATE_RUN\b/m)
  expect(stdout).not.toMatch(/hunter2/)
  house.env.ANTHROPIC_API_KEY = 'a-key'
  expect((await house.type('orchestrate doctor')).stdout).toMatch(
    /claude .*; metered: ANTHROPIC_API_KEY pays/,
  )
  expect(stdout).toMatch(/^Write the tests\n(.*\n)*- config\.yaml$/m)
  expect(house.files()).toEqual([])
  const bad = await house.type('orchestrate add "x" --on-limit perhaps')
  expect([bad.code, bad.stderr]).toEqual([1, expect.stringMatching(/wait, switch or fail/)])
})

it('a task that continues another, and one that switches at a limit, say so in their files', async () => {
  const house = open(CONFIG)
  await house.must('orchestrate init')
  await house.must(
    'orchestrate add "Go on" --id b --continues a --on-limit switch --label docs,tests',
  )
  const text = house.read(join('tasks/pending/b.yaml'))
  expect(text).toMatch(/^continues: "a"$/m)
  expect(text).toMatch(/^on_limit: "switch"$/m)
  expect(text).toMatch(/^labels: \["docs","tests"\]$/m)
})

it('run waits for the end of a limit, and is done when the work is', async () => {
  const house = open(CONFIG)
  await house.must('orchestrate init')
  await house.must('orchestrate add "Do it SIM:limit 3" --id a')
  expect((await house.must('orchestrate run')).stdout).toMatch(/1 completed/)
  expect(house.runs('a').map((run) => run.outcome)).toEqual(['limited', 'success'])
})
