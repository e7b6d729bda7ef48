// The simulated agent, as the core starts it, read by claude's reader. It is shipped: `orchestrate demo` runs it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kinds, version } from '../../src/agents/index.ts'
import type { AgentKind } from '../../src/types.ts'
import { settings } from './transcripts.ts'

const AGENT = fileURLToPath(new URL('../../fixtures/simulated-agent.mjs', import.meta.url))
const claude = kinds.claude as AgentKind
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulated-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function start(prompt: string, env: Record<string, string> = {}) {
  const command = [process.execPath, AGENT]
  const argv = claude.argv(command, { promptFile: 'unused', sessionId: 'sid' })
  const child = spawn(argv[0] as string, argv.slice(1), {
    cwd: folder,
    env: { ...claude.env(process.env, settings({ command })), ...env },
    detached: true,
  })
  const reader = claude.reader()
  let rest = ''
  const ended = once(child, 'exit').then(([exit, signal]) => ({
    exit: exit as number | null,
    signal: signal as string | null,
    ...reader.findings(),
  }))
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) reader.line(line)
  })
  child.stdin.end(prompt)
  return { child, reader, ended }
}
const run = (prompt: string, env?: Record<string, string>) => start(prompt, env).ended
const end = (child: ChildProcess) => process.kill(-(child.pid as number), 'SIGKILL')
async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await new Promise((done) => setTimeout(done, 20))
}

test('creates the file it is asked for, and tells so', async () => {
  expect(await run('Create src/hello.py that prints hello\n')).toMatchObject({
    exit: 0,
    ended: { ok: true },
    files: ['src/hello.py'],
    sessionId: 'sid',
    text: 'I created src/hello.py.\nSummary: Create src/hello.py that prints hello',
  })
  const first = await readFile(join(folder, 'src/hello.py'), 'utf8')
  expect(first).toBe('# Create src/hello.py that prints hello\n')
  expect(await run('Create src/hello.py again')).toMatchObject({ files: ['src/hello.py'] })
  expect((await readFile(join(folder, 'src/hello.py'), 'utf8')).startsWith(first)).toBe(true)
})

test('quotes what was handed over', async () => {
  await mkdir(join(folder, 'context/agent_outputs'), { recursive: true })
  await writeFile(join(folder, 'context/project_overview.md'), '\n# A shop for tea\n')
  await writeFile(join(folder, 'context/agent_outputs/first_output.md'), 'The API is /tea\n')
  const { text, files } = await run(
    'Document the API\n\n---\nRead these first:\n- context/project_overview.md\n- context/agent_outputs/first_output.md\n- context/absent.md\n',
  )
  expect(text).toContain('I read context/project_overview.md: "# A shop for tea"')
  expect(text).toContain('I read context/agent_outputs/first_output.md: "The API is /tea"')
  expect(files).toEqual([])
})

test('writes only below its folder, and not into what is the orchestrator’s', async () => {
  for (const path of ['../out.txt', '/tmp/out.txt', 'tasks/pending/x.yaml', 'a/../../out.txt']) {
    const { text, files } = await run(`Create ${path}`)
    expect(files).toEqual([])
    expect(text).toContain(`I did not write ${path}`)
  }
})

test('only the task’s own words count, not those around it', async () => {
  const prompt = 'Say hello\n\n---\ncreate notes.md if it is missing\nSIM:exit 5\n'
  expect(await run(prompt)).toMatchObject({ exit: 0, files: [] })
})

test.each([
  ['SIM:fail', { exit: 1, ended: { ok: false, error: expect.stringMatching(/told to fail/) } }],
  ['SIM:fail-once', { exit: 1, ended: { ok: false, error: expect.any(String) } }],
  ['SIM:no-result', { exit: 0, ended: null }],
  ['SIM:exit 3', { exit: 3, ended: { ok: true } }],
  ['SIM:touch made.bin', { exit: 0, ended: { ok: true }, files: null }],
  ['SIM:sleep 0.1', { exit: 0, ended: { ok: true } }],
  ['Invalid task: @#$%^&*()', { exit: 1, ended: { ok: false, error: expect.any(String) } }],
  ['', { exit: 1, ended: { ok: false, error: 'The prompt is empty.' } }],
  ['Costs #1: **bold** (see a->b) ------ ====== e.g. create it', { exit: 0, files: [] }],
])('%s', async (prompt, expected) => {
  expect(await run(prompt)).toMatchObject(expected)
})

test('SIM:fail-once succeeds at the second attempt', async () => {
  expect(await run('SIM:fail-once', { ORCHESTRATE_ATTEMPT: '2' })).toMatchObject({ exit: 0 })
})

test('SIM:hang ends at an interrupt with exit 0 and no end event; SIM:ignore-int does not', async () => {
  const polite = start('SIM:hang')
  const stubborn = start('SIM:hang SIM:ignore-int')
  await until(() => polite.reader.findings().text !== '' && stubborn.reader.findings().text !== '')
  process.kill(-(polite.child.pid as number), 'SIGINT')
  process.kill(-(stubborn.child.pid as number), 'SIGINT')
  expect(await polite.ended).toMatchObject({ exit: 0, ended: null })
  expect(stubborn.child.exitCode).toBeNull()
  end(stubborn.child)
  expect(await stubborn.ended).toMatchObject({ signal: 'SIGKILL' })
})

test('SIM:linger stays after its end event', async () => {
  const { child, reader, ended } = start('SIM:linger')
  await until(() => reader.findings().ended !== null)
  expect(child.exitCode).toBeNull()
  end(child)
  await ended
})

test('SIM:setsid-child leaves a process outside the group', async () => {
  const mark = `simulated-${process.pid}`
  expect(await run('SIM:setsid-child', { SIMULATED_MARK: mark })).toMatchObject({ exit: 0 })
  const marked: number[] = []
  for (const pid of (await readdir('/proc')).map(Number).filter(Boolean)) {
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (environ.includes(mark)) marked.push(pid)
  }
  expect(marked).toHaveLength(1)
  process.kill(marked[0] as number, 'SIGKILL')
})

test('tells its version', async () => {
  expect(await version([process.execPath, AGENT], { PATH: '' }, 10_000)).toMatch(/simulated/)
})
