// The figures of a torture run: test/torture/RESULTS.json, and their table between two markers in README.md.
// Promises: they name commit, date, node and seed; what was skipped or never reached is not counted as tried.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { count } from './check.mjs'

const RESULTS = fileURLToPath(new URL('RESULTS.json', import.meta.url))
const README = fileURLToPath(new URL('../../README.md', import.meta.url))
const [BEGIN, END] = ['<!-- torture: begin -->', '<!-- torture: end -->']

export async function report(done, { seed, level, planned, begun, write, readme }) {
  const rows = new Map()
  for (const one of done) {
    const row = rows.get(one.fault) ?? {
      fault: one.fault,
      tried: 0,
      lost: 0,
      repeated: 0,
      left: 0,
      wrong: 0,
      unreached: 0,
      skipped: 0,
    }
    rows.set(one.fault, row)
    if (one.skipped) row.skipped++
    else if (!one.reached) row.unreached++
    else row.tried += one.tries
    for (const [kind, times] of Object.entries(count(one.violations)))
      row[kind] += Math.min(times, 1)
  }
  const table = tableOf([...rows.values()])
  const failed = done.filter((one) => one.violations.length > 0)
  if (write) {
    const about = {
      commit: commit(),
      date: new Date().toISOString().slice(0, 10),
      node: process.version,
      seed,
      level,
      seconds: Math.round((Date.now() - begun) / 1000),
      planned,
      cases: done.length,
    }
    writeFileSync(
      RESULTS,
      `${JSON.stringify({ ...about, rows: [...rows.values()], failed: failed.map(({ name, violations }) => ({ name, violations })) }, null, 2)}\n`,
    )
    if (readme) putTable(about, table)
  }
  return { failed: failed.length, skipped: done.filter((one) => one.skipped).length, table }
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

function putTable({ commit: at, date, node, seed, cases, level }, table) {
  const text = readFileSync(README, 'utf8')
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`README.md has no ${BEGIN} … ${END}`)
  const again = `${cases} cases on ${date}, commit ${at}, node ${node}: \`npm run torture -- ${level === 'full' ? '--full ' : ''}--seed ${seed}\``
  writeFileSync(
    README,
    `${text.slice(0, from + BEGIN.length)}\n${again}\n\n${table}\n${text.slice(to)}`,
  )
}

const commit = () => {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    }).trim()
  } catch {
    return 'unknown' // not a clone
  }
}
