// The figures of a torture run: test/torture/RESULTS.json, by suite, and their table between two markers in README.md.
// Promises: each suite names commit, date, node and seed, and a run of one suite leaves the figures of the others; what was skipped
// or never reached is not counted as tried.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { count } from './check.mjs'

const RESULTS = fileURLToPath(new URL('RESULTS.json', import.meta.url))
const README = fileURLToPath(new URL('../../README.md', import.meta.url))
const [BEGIN, END] = ['<!-- torture: begin -->', '<!-- torture: end -->']
const EMPTY = { tried: 0, lost: 0, repeated: 0, left: 0, wrong: 0, unreached: 0, skipped: 0 }

/** @param planned by suite, how many cases there were. @param write whether to keep it; @param readme also its table. */
export function report(done, { seed, level, planned, write, readme }) {
  const failed = done.filter((one) => one.violations.length > 0)
  if (write) {
    const all = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {}
    const date = new Date().toISOString().slice(0, 10)
    const about = { date, node: process.version, seed, level }
    for (const [suite, cases] of Object.entries(planned)) {
      const own = done.filter((one) => one.suite === suite)
      const bad = own.flatMap(({ name, violations }) =>
        violations.length ? { name, violations } : [],
      )
      const at = [...new Set(own.map((one) => one.commit))].join(', ') || commit()
      all[suite] = {
        commit: at,
        ...about,
        planned: cases,
        cases: own.length,
        rows: rowsOf(own),
        failed: bad,
      }
    }
    writeFileSync(RESULTS, `${JSON.stringify(all, null, 2)}\n`)
    if (readme) putTable(all)
  }
  const skipped = done.filter((one) => one.skipped).length
  return { failed: failed.length, skipped, table: tableOf(rowsOf(done)) }
}

function rowsOf(done) {
  const rows = new Map()
  for (const one of done) {
    const row = rows.get(one.fault) ?? { fault: one.fault, ...EMPTY }
    rows.set(one.fault, row)
    if (one.skipped) row.skipped++
    else if (one.reached) row.tried += one.tries
    else row.unreached++
    for (const [kind, times] of Object.entries(count(one.violations)))
      row[kind] += Math.min(times, 1)
  }
  return [...rows.values()]
}

function tableOf(rows) {
  const lines = rows.map(
    (row) =>
      `| ${row.fault} | ${row.tried} | ${row.lost} | ${row.repeated} | ${row.left} | ${row.wrong} | ${row.skipped || '-'} |`,
  )
  return [
    '| fault | tried | lost | repeated | left running | anything else wrong | skipped |',
    '|---|--:|--:|--:|--:|--:|--:|',
    ...lines,
  ].join('\n')
}

function putTable(all) {
  const text = readFileSync(README, 'utf8')
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`README.md has no ${BEGIN} … ${END}`)
  const suites = Object.values(all)
  const each = (key) =>
    [...new Set(suites.flatMap((suite) => String(suite[key]).split(', ')))].join(', ')
  const sum = (key) => suites.reduce((total, suite) => total + suite[key], 0)
  const about = `${sum('cases')} of the ${sum('planned')} cases of \`--full\`, ${each('date')} at ${each('commit')}, node ${each('node')}, seed ${each('seed')}; all figures: [RESULTS.json](test/torture/RESULTS.json).`
  const table = tableOf(suites.flatMap(({ rows }) => rows))
  writeFileSync(
    README,
    `${text.slice(0, from + BEGIN.length)}\n${table}\n\n${about}\n${text.slice(to)}`,
  )
}

export const commit = () => {
  try {
    const cwd = fileURLToPath(new URL('.', import.meta.url))
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd, encoding: 'utf8' }).trim()
  } catch {
    return 'unknown' // not a clone
  }
}
