// The four acceptance scenarios of the founding specification (10.2), with its commands to the letter. Added are `init`,
// waits, and short delays in config.yaml; claude and codex are stand-ins on the PATH.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CODEX, gate, open, SIMULATED, type Stage } from './stage.ts'

/** They begin to work when the test has seen what it wanted to see: `touch go`. */
const AGENTS = {
  claude: stand(SIMULATED),
  codex: stand(CODEX),
}
function stand(program: string): string {
  return `case " $* " in *" --version "* | *" --help "*) ;; *) ${gate('../go')} ;; esac\nexec '${process.execPath}' '${program}' "$@"`
}
const go = (stage: Stage) => stage.write('../go', '')
const pending = /1 pending|1 active/ // an agent may be quicker than the second command

it('Test 1: basic task flow', async () => {
  const stage = open(null, AGENTS)
  await stage.must('orchestrate init')
  await stage.must('orchestrate start')

  expect(
    (await stage.must('orchestrate add "Create README.md with project description"')).stdout,
  ).toBe('task_001\n')
  expect((await stage.must('orchestrate status')).stdout).toMatch(pending)
  go(stage)
  await stage.until('completion', () => stage.files().join() === 'completed/task_001.yaml')
  await stage.until('the row', async () => (await stage.status()).tasks.completed === 1)
  expect((await stage.must('orchestrate status')).stdout).toMatch(/0 pending.*1 completed/)

  const { stdout } = await stage.must('cat context/agent_outputs/task_001_output.md')
  expect(stdout).toContain('## Task: Create README.md with project description')
  expect(stdout).toContain('I created README.md.')
  await stage.must('ls README.md')

  await stage.must('orchestrate stop')
  expect(stage.pid()).toBeNull()
})

it('Test 2: multi-agent parallel execution', async () => {
  const stage = open(null, AGENTS)
  await stage.must('orchestrate start --agents claude:2,codex:2')

  await stage.must('orchestrate add "Task 1: Create auth module"')
  await stage.must('orchestrate add "Task 2: Create user module"')
  await stage.must('orchestrate add "Task 3: Create database module"')
  await stage.must('orchestrate add "Task 4: Create API module"')

  await stage.until('four at work', async () => (await stage.status()).agents.busy === 4)
  const agents = (await stage.must('orchestrate agents')).stdout
  expect(agents.match(/ busy /g)).toHaveLength(4)
  expect(agents.match(/claude/g)).toHaveLength(2)
  expect(agents.match(/codex/g)).toHaveLength(2)

  const active = (await stage.must('orchestrate tasks --status active')).stdout
  expect(active.match(/^task_00[1-4] +assigned/gm)).toHaveLength(4)

  go(stage)
  await stage.until(
    'completion',
    () =>
      stage
        .files()
        .join()
        .match(/completed/g)?.length === 4,
  )
  await stage.must('orchestrate stop')
  const types = [1, 2, 3, 4].map((n) => stage.result(`task_00${n}`))
  expect(types.map((one) => one?.status)).toEqual(Array(4).fill('success'))
  expect(types.map((one) => one?.agent_type).sort()).toEqual(['claude', 'claude', 'codex', 'codex'])
})

it('Test 3: error recovery', async () => {
  const config = `agents:
  claude: { max_instances: 2 }
task_queue: { max_retries: 1, retry_delay_seconds: 0.2 }
`
  const stage = open(config, AGENTS)
  go(stage)
  await stage.must('orchestrate start')

  await stage.must('orchestrate add "Invalid task: @#$%^&*()"')

  const failed = () =>
    stage.until('failure', async () => (await stage.row('failed/task_001.yaml'))?.needs_review)
  await failed()
  expect((await stage.must('orchestrate status')).stdout).toMatch(/1 failed/)
  expect((await stage.must('orchestrate tasks --status failed')).stdout).toMatch(
    /^task_001 +failed .*Invalid task: @#\$%\^&\*\(\)/m,
  )
  expect(stage.runs('task_001').map((run) => run.outcome)).toEqual(['failed', 'failed'])

  await stage.must('rm ../go')
  await stage.must('orchestrate retry task_001')
  await stage.until('the retry', async () => (await stage.status()).active[0]?.attempt === 3)
  const again = (await stage.must('orchestrate status')).stdout
  expect(again).toMatch(/1 active.*0 failed/)
  expect(again, 'which attempt it is').toMatch(/task_001 .*\b(attempt|try) 3\b/i)
  go(stage)
  await failed()

  await stage.must('orchestrate stop')
  expect(stage.runs('task_001')).toHaveLength(4)
})

it('Test 4: context sharing', async () => {
  const stage = open(null, AGENTS)
  go(stage)
  await stage.must('orchestrate init')
  await stage.must('echo "Project: Test System" > context/project_overview.md')
  await stage.must('orchestrate start')

  await stage.must('orchestrate add "Read project overview and create implementation plan"')
  await stage.until('completion', () => stage.files().includes('completed/task_001.yaml'))
  await stage.must('orchestrate add "Based on plan in context, implement first module"')
  await stage.until('completion', () => stage.files().includes('completed/task_002.yaml'))

  await stage.must('grep "Test System" context/agent_outputs/task_001_output.md')
  await stage.must('grep "plan" context/agent_outputs/task_002_output.md')
  // The second was pointed to what the first one did.
  const prompt = readFileSync(join(stage.at.runs, 'task_002/1/prompt.md'), 'utf8')
  expect(prompt).toContain('- context/current_state.md')
  expect(stage.read('context/current_state.md')).toContain('task_001')

  await stage.must('orchestrate stop')
})
