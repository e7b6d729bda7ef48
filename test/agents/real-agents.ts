// Which agent CLIs are there to run: the small set at pinned versions, the newest ones, and the simulated cursor.
// Promises: looks, starts nothing; what is not installed is not in a list, and `HOW_TO_INSTALL` tells how.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const SETS = ['pinned', 'newest'] as const
export type CliSet = (typeof SETS)[number]
const FOLDER: Record<CliSet, string> = {
  pinned: join(ROOT, 'test/real-agents/node_modules'),
  newest: join(ROOT, 'test/real-agents/latest/node_modules'),
}
/** Package and program of each, of a set. Where a CLI is a native program, its platform package is enough: the other only picks it. */
const PACKAGES: Record<CliSet, Record<string, [string, string]>> = {
  pinned: {
    claude: ['@anthropic-ai/claude-code', 'cli.js'],
    codex: ['codex-linux-x64', 'vendor/x86_64-unknown-linux-musl/codex/codex'],
    gemini: ['@google/gemini-cli', 'bundle/gemini.js'],
  },
  newest: {
    claude: ['@anthropic-ai/claude-code-linux-x64', 'claude'],
    codex: ['codex-linux-x64', 'vendor/x86_64-unknown-linux-musl/bin/codex'],
    gemini: ['@google/gemini-cli', 'bundle/gemini.js'],
    opencode: ['opencode-linux-x64', 'bin/opencode'],
  },
}
const SIMULATED_CURSOR = join(ROOT, 'fixtures/simulated-cursor.mjs')

export type RealAgent = 'claude' | 'codex' | 'gemini'
export type Name = RealAgent | 'opencode' | 'cursor'
export const REAL_AGENTS: RealAgent[] = ['claude', 'codex', 'gemini']
export const HOW_TO_INSTALL = 'npm ci --prefix test/real-agents --ignore-scripts'

export interface Cli {
  name: Name
  set: CliSet
  version: string
  /** What the command begins with: the program, behind node where it is a script. */
  program: string[]
}

/** Of a set, those that are installed. `cursor` has no package: a simulated one stands in for it, with the pinned set. */
export function clis(set: CliSet): Cli[] {
  const found = Object.keys(PACKAGES[set]).flatMap((name) => cli(name as Name, set) ?? [])
  const cursor: Cli = {
    ...{ name: 'cursor', set: 'pinned', version: 'simulated' },
    program: [process.execPath, SIMULATED_CURSOR],
  }
  return set === 'pinned' ? [...found, cursor] : found
}

/** Names of a set that are not installed. */
export const absent = (set: CliSet): Name[] =>
  (Object.keys(PACKAGES[set]) as Name[]).filter((name) => !cli(name, set))

export const HOW: Record<CliSet, string> = {
  pinned: HOW_TO_INSTALL,
  newest: 'npm run test:agents -- --latest',
}

export const installed = (name: RealAgent): boolean => cli(name, 'pinned') !== null

export function cli(name: Name, set: CliSet): Cli | null {
  const [folder, file] = PACKAGES[set][name] ?? []
  if (!folder || !file) return null
  const program = join(FOLDER[set], folder, file)
  if (!existsSync(program)) return null
  const about = readFileSync(join(FOLDER[set], folder, 'package.json'), 'utf8')
  const { version } = JSON.parse(about) as { version: string }
  return {
    ...{ name, set, version: version.replace(/-linux-x64$/, '') },
    program: file.endsWith('.js') ? [process.execPath, program] : [program],
  }
}
