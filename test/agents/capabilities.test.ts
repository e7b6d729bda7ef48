// Whether a CLI still knows our flags: programs that print a version and a help, and the real ones where they are installed.
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kindOf, kinds, probe } from '../../src/agents/index.ts'
import type { AgentKind } from '../../src/types.ts'
import { HOW_TO_INSTALL, installed, REAL_AGENTS } from './real-agents.ts'
import { setUp } from './set-up.ts'
import { settings } from './transcripts.ts'

let folder: string
const env = { PATH: process.env.PATH ?? '' }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capabilities-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const claude = kinds.claude as AgentKind
const codex = kinds.codex as AgentKind
const flagsOf = (kind: AgentKind) => kind.cli?.flags ?? []
const log = () => join(folder, 'asked')
const times = async (words: string) =>
  (await readFile(log(), 'utf8').catch(() => '')).split('\n').filter((line) => line === words)
    .length

/** A program that answers `--version` and help, and writes down what it was asked. */
async function program(name: string, version: string, help: string[]): Promise<string> {
  // In a folder of its own, and called as the CLI is.
  const path = join(folder, name, name.split('-')[0] ?? name)
  await mkdir(dirname(path), { recursive: true })
  const script = `#!/bin/sh
echo "$*" >> ${log()}
case "$*" in
  --version) echo "${version}" ;;
  *--help) cat << 'HELP'
Usage: ${name} [options]
${help.map((flag) => `  ${flag} <value>   does something`).join('\n')}
HELP
  ;;
  *) exit 1 ;;
esac
`
  await writeFile(path, script, { mode: 0o755 })
  return path
}
const look = (kind: AgentKind, command: string[], timeoutMs = 10_000) =>
  probe(kind, command, env, { timeoutMs, cwd: folder })

test('all is well', async () => {
  const path = await program('claude', '2.1.200 (Claude Code)', flagsOf(claude))
  expect(await look(claude, [path, '--model', 'x'])).toEqual({
    version: '2.1.200 (Claude Code)',
    missing: [],
    tested: true,
    note: null,
  })
})

test('a flag that is gone is named, with what to do', async () => {
  const left = flagsOf(codex).map((flag) => (flag === '--json' ? '--jsonl' : flag))
  const path = await program('codex', 'codex-cli 0.150.0', left)
  const found = await look(codex, [path, 'exec'])
  expect(found).toMatchObject({ missing: ['--json'], tested: true })
  expect(found?.note).toBe(
    'codex codex-cli 0.150.0 does not know --json: install a version from 0.100.0 to 0.169.0, or correct agents.codex.command in config.yaml',
  )
  expect(await times('exec --help')).toBe(1)
})

test.each([
  ['2.1.111', false],
  ['2.1.112', true],
  ['2.1.332', true],
  ['2.1.333', false],
  ['2.2.0', false],
  ['10.0', false],
])('version %s: tested %s', async (version, tested) => {
  const path = await program(`claude-${version}`, version, flagsOf(claude))
  const found = await look(claude, [path])
  expect(found?.tested).toBe(tested)
  if (tested) expect(found?.note).toBeNull()
  else expect(found?.note).toMatch(/outside of what is tested \(2\.1\.112 to 2\.1\.332\)/)
})

test('asked once, and again when the program has changed', async () => {
  const path = await program('claude-once', '2.1.200', flagsOf(claude))
  const before = await times('--version')
  await Promise.all([look(claude, [path]), look(claude, [path]), look(claude, [path])])
  await look(claude, [path, '--model', 'other'])
  expect(await times('--version')).toBe(before + 1)
  await appendFile(path, '# a new release\n')
  await look(claude, [path])
  expect(await times('--version')).toBe(before + 2)
})

test('no answer: said so, and asked again the next time', async () => {
  // The same file both times; what it needs is not there at first.
  const path = join(folder, 'claude-late/claude')
  await mkdir(dirname(path))
  const needed = join(folder, 'claude-needed/claude')
  await writeFile(path, `#!/bin/sh\nexec ${needed} "$@"\n`, { mode: 0o755 })
  expect(await look(claude, [path])).toMatchObject({ version: null, missing: [], tested: false })
  expect((await look(claude, [path]))?.note).toMatch(/gives no answer.*agents\.claude\.command/)
  await program('claude-needed', '2.1.200', flagsOf(claude))
  expect(await look(claude, [path])).toMatchObject({ version: '2.1.200', note: null })
})

test('a help that is silent accuses no flag', async () => {
  const path = join(folder, 'claude-mute/claude')
  await mkdir(dirname(path))
  await writeFile(path, '#!/bin/sh\n[ "$*" = --version ] && echo 2.1.200\nexit 0\n', {
    mode: 0o755,
  })
  expect(await look(claude, [path])).toMatchObject({ missing: [], tested: true })
})

test('a program that we know nothing of is not asked', async () => {
  const path = await program('mine', '1.0', [])
  const kind = kindOf('mine', settings({ command: [path] }))
  expect(await look(kind, [path])).toBeNull()
  expect(await look(kinds.shell as AgentKind, [])).toBeNull()
})

test('every CLI names its flags and what it was tested with; each flag that is added is among them', () => {
  for (const kind of Object.values(kinds).filter((one) => one.hasEndEvent)) {
    const run = { promptFile: 'PROMPT', sessionId: 'SID' }
    const added = [false, true]
      .flatMap((resume) => kind.argv([], { ...run, resume }))
      .filter((word) => word.startsWith('-') && word !== '-')
    const long = added.map((word) => (word === '-p' ? '--print' : word))
    expect(kind.cli?.flags).toEqual(expect.arrayContaining(long))
    expect(kind.cli?.tested.from).toMatch(/^\d+\.\d+/)
  }
})

for (const name of REAL_AGENTS)
  test.skipIf(!installed(name))(
    `${name} as installed knows our flags${installed(name) ? '' : ` (absent: ${HOW_TO_INSTALL})`}`,
    async () => {
      const setup = await setUp(name, 'http://127.0.0.1:9', join(folder, 'home'))
      const command = setup.command.split(' ')
      const all = { ...env, ...setup.env }
      const limits = { timeoutMs: 50_000, cwd: folder }
      const found = await probe(kinds[name] as AgentKind, command, all, limits)
      expect(found).toMatchObject({ missing: [], tested: true, note: null })
    },
  )
