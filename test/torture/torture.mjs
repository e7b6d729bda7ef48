// `npm run torture`: breaks a running orchestrator in every way we know, and counts what was lost, repeated or left.
//   --full            every case, and a skipped one is a failure
//   --short           what `npm test` runs       --seed N     the same run again       --only NAME[,…]   suites, or a case by its name
//   --minutes N       at most so long a suite    --jobs N     cases at a time          --keep            the folders of what failed
//   --json            one line of JSON a case    --results    writes RESULTS.json      --readme          and its table into README.md
//   --journal FILE    goes on where an earlier run of this seed ended; what did not hold then is tried again
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { chance } from './random.mjs'
import { commit, report } from './results.mjs'
import { SUITES } from './suites/index.mjs'
import { closeAll } from './world.mjs'

const flag = { type: 'boolean', default: false }
const { values } = parseArgs({
  options: {
    ...{ full: flag, short: flag, json: flag, keep: flag, results: flag, readme: flag },
    ...{
      seed: { type: 'string' },
      only: { type: 'string' },
      minutes: { type: 'string' },
      jobs: { type: 'string' },
      journal: { type: 'string' },
    },
  },
})
const level = values.full ? 'full' : values.short ? 'short' : 'minutes'
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const wanted = values.only?.split(',') ?? Object.keys(SUITES)
const suites = wanted.filter((name) => name in SUITES)
const text = suites.length ? null : values.only
const begun = Date.now()
const say = (line) => values.json || process.stdout.write(`${line}\n`)
let enough = false
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    if (enough) process.exit(130)
    enough = true
    say('no further cases; once more ends those at work')
  })
process.on('exit', closeAll)

/** By suite and name: what an earlier part of this run has shown. */
const known = new Map(
  (values.journal && existsSync(values.journal) ? readFileSync(values.journal, 'utf8') : '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter((row) => row.seed === seed && row.level === level && !row.skipped)
    .map((row) => [`${row.suite} ${row.name}`, row]),
)
for (const [key, row] of known) if (row.violations.length) known.delete(key)
const at = commit()

const done = []
const planned = {}
say(
  `seed ${seed} (${level}); again: npm run torture -- --${level === 'minutes' ? '' : `${level} --`}seed ${seed}`,
)
for (const name of text ? Object.keys(SUITES) : suites) {
  const random = chance(seed)
  const cases = await SUITES[name]({ level, random, keep: values.keep }).catch((error) => [
    { fault: name, name, run: () => Promise.reject(error) },
  ])
  const chosen = text ? cases.filter((one) => one.name.includes(text)) : cases
  planned[name] = chosen.length
  const until = values.minutes
    ? Date.now() + Number(values.minutes) * 60_000
    : Number.POSITIVE_INFINITY
  const before = (one) => known.get(`${name} ${one.name}`)
  done.push(...chosen.map(before).filter(Boolean))
  const queue = chosen.filter((one) => !before(one))
  await Promise.all(
    Array.from({ length: Number(values.jobs ?? 2) }, () => work(name, queue, until)),
  )
}

async function work(suite, queue, until) {
  for (
    let one = queue.shift();
    one && !enough && (one.whole || Date.now() < until);
    one = queue.shift()
  ) {
    const from = Date.now()
    const { run, ...about } = one
    const end = one.skip
      ? { violations: [], skipped: one.skip }
      : await run().catch((error) => ({
          violations: [{ kind: 'wrong', text: `the harness: ${error.stack}` }],
        }))
    const row = {
      suite,
      ...about,
      reached: true,
      tries: 1,
      ...end,
      seconds: (Date.now() - from) / 1000,
      commit: at,
    }
    if (values.journal)
      appendFileSync(values.journal, `${JSON.stringify({ ...row, seed, level })}\n`)
    done.push(row)
    if (values.json) process.stdout.write(`${JSON.stringify(row)}\n`)
    for (const { kind, text } of row.violations) say(`  ${kind.toUpperCase()} ${row.name}: ${text}`)
    if (!row.reached) say(`  not reached: ${row.name}`)
    if (row.skipped) say(`  skipped: ${row.name}: ${row.skipped}`)
    if (done.length % 25 === 0)
      say(`  ${done.length} cases, ${Math.round((Date.now() - begun) / 1000)} s`)
  }
}

const keepIt = { write: values.results || values.readme, readme: values.readme }
const { failed, skipped, table } = report(done, { seed, level, planned, ...keepIt })
say(table)
say(
  `seed ${seed}: ${done.length} cases, ${failed} not held, ${skipped} skipped, ${Math.round((Date.now() - begun) / 1000)} s`,
)
process.exitCode = failed > 0 || (values.full && skipped > 0) ? 1 : 0
