// Runs the table of cases on the installed CLIs of a set and gives its rows.
// Promises: the test's own output goes to the terminal; its rows come back whatever failed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './install.mjs'

/** On two cores: three CLIs at once, of which one waits most of the time. */
const AT_ONCE = 3

/** @param {{ set: 'pinned' | 'newest', only?: string, cases?: string }} what */
export function runTable({ set, only = '', cases = '' }) {
  const folder = mkdtempSync(join(tmpdir(), 'agents-table-'))
  const rows = join(folder, 'rows.jsonl')
  const env = { AGENTS_SET: set, AGENTS_ROWS: rows, AGENTS_ONLY: only, AGENTS_CASES: cases }
  const words = ['run', 'test/agents/real.test.ts', `--maxConcurrency=${AT_ONCE}`]
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const { status } = spawnSync(process.execPath, [vitest, ...words, '--reporter=dot'], {
    ...{ cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } },
  })
  const lines = existsSync(rows) ? readFileSync(rows, 'utf8').trim().split('\n') : []
  rmSync(folder, { recursive: true, force: true })
  const all = lines.filter((line) => line !== '').map((line) => JSON.parse(line))
  return { status, rows: all.sort((one, other) => one.at - other.at) }
}
