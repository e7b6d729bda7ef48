// The real claude, codex and gemini, started as the core starts them, against the mock model.
// Promises: no network, no key, no trace outside a temporary folder; skipped, with the reason in the name, where they are not installed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kinds, version } from '../../src/agents/index.ts'
import type { AgentKind, AgentSettings, Findings } from '../../src/types.ts'
import {
  HOW_TO_INSTALL,
  installed,
  mockModel,
  REAL_AGENTS,
  type RealAgent,
  setUp,
} from './real-agents.ts'

let model: Awaited<ReturnType<typeof mockModel>>
let top: string
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'real-agents-'))
  model = await mockModel()
})
afterAll(async () => {
  await model.stop()
  await rm(top, { recursive: true, force: true })
})

interface Run {
  exit: number | null
  findings: Findings
  explained: string | undefined
  readable: string
  folder: string
  argv: string[]
  env: Record<string, string>
}

/** As the core does: argv and env of the kind, prompt file as stdin, stdout and stderr into files. */
async function run(name: RealAgent, prompt: string): Promise<Run> {
  const kind = kinds[name] as AgentKind
  const folder = await mkdtemp(join(top, `${name}-`))
  const cwd = join(folder, 'workspace')
  await mkdir(cwd)
  const setup = await setUp(name, model.url, join(folder, 'home'))
  const command = setup.command.split(' ')
  const settings: AgentSettings = {
    command,
    maxInstances: 1,
    maxOutputMb: 100,
    retryOnFailure: true,
    env: setup.env,
    inheritEnv: 'minimal',
  }
  const promptFile = join(folder, 'prompt.md')
  await writeFile(promptFile, prompt)
  const files = await Promise.all([
    open(promptFile),
    open(join(folder, 'stdout'), 'w'),
    open(join(folder, 'stderr'), 'w'),
  ])
  const argv = kind.argv(command, { promptFile, sessionId: crypto.randomUUID() })
  const env = kind.env(process.env, settings)
  const child = spawn(argv[0] as string, argv.slice(1), {
    cwd,
    env,
    detached: true,
    stdio: [files[0].fd, files[1].fd, files[2].fd],
  })
  const clock = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), 50_000)
  const [exit] = (await once(child, 'exit')) as [number | null]
  clearTimeout(clock)
  for (const file of files) await file.close()
  const lines = (await readFile(join(folder, 'stdout'), 'utf8')).split('\n')
  const stderr = await readFile(join(folder, 'stderr'), 'utf8')
  const reader = kind.reader()
  for (const line of lines) reader.line(line)
  const readable = lines.map((line) => kind.readable(line)).filter((line) => line !== null)
  return {
    exit,
    findings: reader.findings(),
    explained: kind.explain(exit, stderr.slice(-4096))?.error,
    readable: readable.join('\n'),
    folder: cwd,
    argv,
    env,
  }
}

for (const name of REAL_AGENTS) {
  if (!installed(name)) {
    test.skip(`${name}: real agents are not installed: ${HOW_TO_INSTALL}`, () => {})
    continue
  }

  test(`${name} writes a file and says so`, async () => {
    const { exit, findings, folder, readable } = await run(
      name,
      'Please do this:\nMOCK:write-file made.txt by the mock\nMOCK:say all is written\n',
    )
    expect(findings.ended).toEqual({ ok: true })
    expect(exit).toBe(0)
    expect(await readFile(join(folder, 'made.txt'), 'utf8')).toBe('by the mock\n')
    expect(findings.text).toBe('all is written')
    expect(findings.sessionId).toMatch(/^[0-9a-f-]{36}$/)
    expect(findings.tokens).toBeGreaterThan(1000)
    expect(findings.files?.map((path) => path.replace(`${folder}/`, ''))).toEqual(['made.txt'])
    expect(readable).toMatch(/made\.txt/)
    expect(readable).toMatch(/all is written\n(.*\n)*= done$/)
  })

  test(`${name} runs a command, and then the files are unknown`, async () => {
    const { exit, findings, folder } = await run(name, 'MOCK:bash echo hi > by-shell.txt\n')
    expect([exit, findings.ended]).toEqual([0, { ok: true }])
    expect(findings.files).toBeNull()
    expect(await readFile(join(folder, 'by-shell.txt'), 'utf8')).toBe('hi\n')
  })

  test(`${name} without a valid login is an honest failure`, async () => {
    const { exit, findings } = await run(name, 'MOCK:401\n')
    expect(findings.ended?.ok).toBe(false)
    expect(findings.ended?.error).toMatch(/401/)
    expect(exit).not.toBe(0)
  })

  test(`${name} refused by its model is an honest failure`, async () => {
    const { exit, findings } = await run(name, 'MOCK:400\n')
    expect(findings.ended?.ok).toBe(false)
    expect(findings.ended?.error).toMatch(/400/)
    expect(exit).not.toBe(0)
  })

  test(`${name} tells its version`, async () => {
    const folder = await mkdtemp(join(top, `${name}-`))
    const { command, env } = await setUp(name, model.url, folder)
    const path = { PATH: process.env.PATH ?? '' }
    expect(await version(command.split(' '), { ...path, ...env }, 20_000)).toMatch(/\d+\.\d+\.\d+/)
  })
}
