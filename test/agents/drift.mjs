// `npm run drift`: what the newest CLIs have of flags and events, against what fixtures/drift/<cli>.json recorded (`--record` writes it).
// Promises: exit 0 when nothing changed, 1 when something did or could not be seen; prints each name that was added or removed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { install, ROOT } from './install.mjs'
import { runTable } from './run-table.mjs'

const FOLDER = join(ROOT, 'fixtures/drift')
/** Where a CLI has the flags of a headless run. */
const HELP = { codex: ['exec'], opencode: ['run'] }
/** A run with tools and a good end, and one that is refused. */
const CASES = 'several tools,login not accepted (401)'
const { record } = parseArgs({ options: { record: { type: 'boolean' } } }).values

let changed = install('newest').map((missing) => `could not be seen: ${missing}`)
const { rows } = runTable({ set: 'newest', cases: CASES })
const seen = new Map()
for (const row of rows) {
  if (row.skipped) changed.push(`could not be seen: ${row.cli}: ${row.skipped}`)
  else seen.set(row.cli, [...(seen.get(row.cli) ?? []), row])
}
for (const [cli, own] of seen) {
  const now = {
    version: own[0].version,
    flags: flags(own[0].program, HELP[cli] ?? []),
    events: [...new Set(own.flatMap((row) => row.events))].sort(),
  }
  const file = join(FOLDER, `${cli}.json`)
  const was = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
  const differs = was ? differences(was, now) : ['nothing was recorded']
  console.log(`${cli} ${was?.version ?? '-'} → ${now.version}: ${differs.length || 'no'} changes`)
  for (const one of differs) console.log(`  ${one}`)
  changed = [...changed, ...differs]
  if (!record) continue
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`)
}
for (const one of changed.filter((text) => text.startsWith('could not'))) console.log(one)
process.exitCode = !record && (changed.length > 0 || seen.size === 0) ? 1 : 0

function flags([program, ...words], command) {
  const home = mkdtempSync(join(tmpdir(), 'drift-'))
  const env = { PATH: process.env.PATH, HOME: home, NO_COLOR: '1' }
  const { stdout, stderr } = spawnSync(program, [...words, ...command, '--help'], {
    ...{ encoding: 'utf8', env, timeout: 30_000 },
  })
  rmSync(home, { recursive: true, force: true })
  return [...new Set(`${stdout}${stderr}`.match(/(?<![\w-])--[a-z][\w-]*\w/g) ?? [])].sort()
}

function differences(was, now) {
  return ['flags', 'events'].flatMap((what) => [
    ...now[what].filter((one) => !was[what].includes(one)).map((one) => `+ ${one}`),
    ...was[what].filter((one) => !now[what].includes(one)).map((one) => `- ${one}`),
  ])
}
