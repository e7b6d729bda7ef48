// The figures of the bench: RESULTS.json, by part, and from it RESULTS.md and the plot of the README. Promises: each part names its
// commit, date and machine, and a run of one part leaves the figures of the others.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { plot } from './plot.mjs'
import { cells, HEAD, isMet } from './table.mjs'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const FILE = here('RESULTS.json')

export const recorded = () => (existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {})

/** @param parts rows by part. */
export function keepResults(parts, { rounds }) {
  const all = recorded()
  for (const [part, rows] of Object.entries(parts))
    all[part] = { ...machine(), rounds: Number(rounds), rows }
  writeFileSync(FILE, `${JSON.stringify(all, round, 2)}\n`)
  writeFileSync(here('RESULTS.md'), page(all))
  writeFileSync(here('cost.svg'), plot(all))
}

const round = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)

const machine = () => ({
  commit: commit(),
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cores: cpus().length,
})

function commit() {
  const git = (...words) => execFileSync('git', words, { cwd: here('.'), encoding: 'utf8' }).trim()
  const changed = git('status', '--porcelain', '--', '../../src', '../../bundle.mjs') !== ''
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' and changes' : ''}`
}

function page(all) {
  const parts = Object.entries(all).map(([part, { commit, date, node, cores, rounds, rows }]) => {
    const lines = rows.map((row) => {
      const met = row.limit ? (isMet(row) ? 'met' : '**not met**') : ''
      return `| ${[...cells(row), met].join(' | ')} |`
    })
    return [
      `## ${part}`,
      '',
      `Commit ${commit}, ${date}, node ${node}, ${cores} cores, ${rounds} rounds.`,
      '',
      `| ${HEAD.map((word) => word.toLowerCase()).join(' | ')} | |`,
      '|---|--:|--:|--:|---|---|---|',
      ...lines,
    ].join('\n')
  })
  return `# What it costs

Written by \`npm run bench -- --all --results\`; [README.md](README.md) says what each row is, and how to read it.

![The cost against the number of tasks](cost.svg)

${parts.join('\n\n')}
`
}
