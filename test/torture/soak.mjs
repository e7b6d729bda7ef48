#!/usr/bin/env node
// The soak (issue 3, SC-3): hours of random load and faults against the built program, on real files and processes.
// Promises: the seed is printed; a violation is recorded with the last 50 actions, and it goes on; exit 1 after any.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createBook } from './soak/book.mjs'
import { createMirror } from './soak/check-mirror.mjs'
import { createPlaces } from './soak/check-places.mjs'
import { createProcessCheck } from './soak/check-processes.mjs'
import { createRuns } from './soak/check-runs.mjs'
import { createCheckout } from './soak/checkout.mjs'
import { createCommand, sleep } from './soak/command.mjs'
import { createDrain } from './soak/drain.mjs'
import { createFaults } from './soak/faults.mjs'
import { createHands } from './soak/hands.mjs'
import { createJournal } from './soak/journal.mjs'
import { createKeeper } from './soak/keeper.mjs'
import { createLoad } from './soak/load.mjs'
import { chance } from './soak/random.mjs'
import { table } from './soak/report.mjs'
import { sabotage } from './soak/sabotage.mjs'
import { openWorld } from './soak/world.mjs'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    json: { type: 'string' },
    /** Leaves the workspace for a person to look at. */
    keep: { type: 'boolean', default: false },
    /** Does damage itself, to show that it is seen. */
    sabotage: { type: 'boolean', default: false },
  },
})
const minutes = Number(options.minutes)
const seed = Number(options.seed)
if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes N --seed S, as numbers')
const say = (text) => process.stdout.write(`${text}\n`)

const world = openWorld()
const journal = createJournal(join(world.top, 'actions.ndjson'), say)
const book = createBook(world)
const command = createCommand(world)
/** Agents that cost half a minute each fit only into a longer run. */
const long = minutes >= 2
const base = { world, book, journal, command, long }
/** Each has a chance of its own, so that none shifts the choices of another. */
const own = (n) => ({ ...base, dice: chance(seed + n) })
const keeper = createKeeper(own(1))
const load = createLoad(own(2))
const hands = createHands(own(3))
const checkout = createCheckout(own(4))
const faults = createFaults({ ...own(5), keeper, checkout })
const places = createPlaces(base)
const runs = createRuns(base)
const processes = createProcessCheck({ ...base, keeper })
const mirror = createMirror({ ...base, keeper })
const drain = createDrain({ ...base, keeper, hands, places, runs, processes, mirror })

/** By a clock that no one can set. */
const begun = performance.now()
const end = begun + minutes * 60_000
let stopped = false
const until = () => stopped || performance.now() > end
/** Of each ten minutes (or of a shorter run) the first fifth: no fault of the orchestrator, and a measurement at its end. */
const period = Math.min(10, minutes) * 60_000
const calmFor = Math.min(period / 5, 90_000)
const calm = () => (performance.now() - begun) % period < calmFor

async function check() {
  let [last, sampled, ledger] = [Date.now(), 0, Date.now()]
  while (!until()) {
    await sleep(2000)
    processes.measure()
    const turn = Math.floor((performance.now() - begun) / period)
    const into = (performance.now() - begun) % period
    if (into > calmFor * 0.8 && into < calmFor && turn >= sampled) {
      sampled = turn + 1
      await mirror()
      processes.sample()
      say(progress())
    }
    if (Date.now() - last > 8000) {
      await places()
      await processes.check()
      last = Date.now()
    }
    if (Date.now() - ledger > 120_000) {
      runs.check()
      ledger = Date.now()
    }
  }
}
const progress = () =>
  `${Math.round(journal.at() / 60)} min: ${journal.counts.given ?? 0} tasks given, ${journal.counts['kill -9 of the orchestrator'] ?? 0} kills, ${journal.violations.length} violations, ${JSON.stringify(processes.samples.at(-1))}`

for (const name of ['SIGINT', 'SIGTERM'])
  process.on(name, () => {
    say(`${name}: no more load, no more faults`)
    journal.did(name)
    stopped = true
  })

say(`soak: seed ${seed}, ${minutes} minutes, ${world.top}`)
if (!world.mounted) say('not root, or no mount: no disk becomes full in this run')
try {
  await keeper.up({ calmly: true })
  const spoil = options.sabotage ? sabotage({ ...base, until }) : Promise.resolve()
  const mean = minutes < 2 ? 2500 : 3500
  const loop = (work) =>
    work.catch((error) => journal.violation('the soak itself', error.message, error.stack))
  await Promise.all(
    [load(until), hands.work(until), faults.work({ until, calm, mean }), check(), spoil].map(loop),
  )
  say(progress())
  const tasks = await drain()
  const figures = {
    ...{
      seed,
      minutes: Math.round((performance.now() - begun) / 6000) / 10,
      mounted: world.mounted,
    },
    ...{ tasks, counts: journal.counts, violations: journal.violations },
    processes: { peak: processes.peak, samples: processes.samples },
  }
  say(table(figures))
  if (options.json) writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`)
  process.exitCode = journal.violations.length ? 1 : 0
} finally {
  world.close(options.keep)
}
