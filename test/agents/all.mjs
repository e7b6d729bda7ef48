// `npm run test:agents`: installs the pinned CLIs (`--latest`: the newest ones), runs every case on each, writes the compatibility page.
// `--only claude,codex`: these alone. Promises: what is skipped is named; exit 0 only when every case was right.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { install, ROOT } from './install.mjs'
import { page } from './page.mjs'
import { runTable } from './run-table.mjs'

const PAGE = join(ROOT, 'src/agents/COMPATIBILITY.md')
const { latest, only } = parseArgs({
  options: { latest: { type: 'boolean' }, only: { type: 'string' } },
}).values
const set = latest ? 'newest' : 'pinned'

for (const missing of install(set)) console.log(`skipped: ${missing}`)
const began = Date.now()
const { status, rows } = runTable({ set, only })
const run = rows.filter((row) => !row.skipped)
for (const row of rows.filter((row) => row.skipped))
  console.log(`skipped: ${row.cli} ${row.version}: ${row.case}: ${row.skipped}`)
const wrong = run.filter((row) => row.wrong.length > 0)
for (const row of wrong)
  console.log(`wrong: ${row.cli} ${row.version}: ${row.case}: ${row.wrong.join('; ')}`)
if (run.length > 0) {
  const before = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : ''
  writeFileSync(PAGE, page(before, rows, set, !only))
}
const seconds = Math.round((Date.now() - began) / 1000)
console.log(`${run.length - wrong.length} of ${run.length} cases right, ${seconds} s`)
process.exitCode = status === 0 && run.length > 0 ? 0 : 1
