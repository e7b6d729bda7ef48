// Puts the real CLIs where test/agents/real-agents.ts looks for them: the pinned set, or the newest of each.
// Promises: packages from the configured registry, no install scripts, nothing outside test/real-agents; answers with a sentence per
// CLI that could not be had.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PINNED = join(ROOT, 'test/real-agents')
const NEWEST = join(PINNED, 'latest')
/** Name, package, and what to install of it: of a native CLI its program alone, the package itself only picks it. */
const PACKAGES = {
  claude: ['@anthropic-ai/claude-code', (v) => ['@anthropic-ai/claude-code-linux-x64', v]],
  codex: ['@openai/codex', (v) => ['codex-linux-x64', `npm:@openai/codex@${v}-linux-x64`]],
  gemini: ['@google/gemini-cli', (v) => ['@google/gemini-cli', v]],
  opencode: ['opencode-ai', (v) => ['opencode-linux-x64', v]],
}
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional']

/** @param {'pinned' | 'newest'} set @returns {string[]} what is not there, and why */
export function install(set) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return [
      `the programs of these CLIs are taken for linux-x64, not ${process.platform}-${process.arch}`,
    ]
  return set === 'pinned' ? pinned() : newest()
}

function pinned() {
  if (existsSync(join(PINNED, 'node_modules'))) return []
  const done = npm(['ci', '--prefix', PINNED, ...QUIET.slice(0, 3)])
  return done === null ? ['npm could not install the pinned set'] : []
}

function newest() {
  const found = Object.entries(PACKAGES).map(([name, [package_, of]]) => {
    const version = npm(['view', package_, 'version'])?.trim()
    return { name, version, wanted: version ? of(version) : null }
  })
  const dependencies = Object.fromEntries(found.flatMap(({ wanted }) => (wanted ? [wanted] : [])))
  const about = JSON.stringify({ name: 'newest-agents', private: true, dependencies })
  const file = join(NEWEST, 'package.json')
  const there = existsSync(join(NEWEST, 'node_modules')) && readFileSync(file, 'utf8') === about
  const missing = found
    .filter(({ wanted }) => !wanted)
    .map(({ name }) => `${name}: no version told`)
  if (there || missing.length === found.length) return missing
  mkdirSync(NEWEST, { recursive: true })
  writeFileSync(file, about)
  for (const { name, version } of found) console.log(`${name} ${version ?? 'is skipped'}`)
  const done = npm(['install', '--prefix', NEWEST, ...QUIET])
  return done === null ? ['npm could not install the newest set'] : missing
}

function npm(words) {
  const stdio = ['ignore', 'pipe', 'inherit']
  const { status, stdout } = spawnSync('npm', words, { encoding: 'utf8', stdio })
  return status === 0 ? stdout : null
}
