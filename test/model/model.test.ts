// The promises of DESIGN 1, by random sequences of what people, agents, machines and clocks do. A failure shrinks to a short
// script. MODEL_SEED (and MODEL_PATH) replay one, MODEL_PRINT shows them all; ORCHESTRATE_FULL=1 makes it long.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { commands, IDS } from './commands.ts'
import { compare } from './compare.ts'
import { fresh, type Model } from './promises.ts'
import { build, can, type World } from './world.ts'

const full = process.env.ORCHESTRATE_FULL === '1'
/** The short form is the same each time; by chance it looks where it is given the time to. */
const seed = Number(process.env.MODEL_SEED ?? (full ? Date.now() % 2 ** 31 : 20261125))
const path = process.env.MODEL_PATH
/** Most of a run is waiting, so that a few go side by side. */
const LANES = path ? 1 : 3
const RUNS = full ? 100 : 10
/** About half of them make no sense when their turn comes, and are left out. */
const LONG = full ? 100 : 40
/** On a busy machine fewer runs are made; and shrinking stops in time, so that what was found is told. */
const MOST_MS = Number(process.env.MODEL_SECONDS ?? (full ? 3000 : 60)) * 1000

for (const [what, here] of Object.entries(can))
  it.runIf(here)(`${what}: this machine can set it`, () => expect(here).toBe(true))

it(
  `holds every promise, whatever happens (seed ${seed})`,
  async () => {
    const end = performance.now() + MOST_MS
    const lanes = Array.from({ length: LANES }, (_, lane) => many(seed + lane, end))
    const runs = (await Promise.all(lanes)).reduce((sum, one) => sum + one, 0)
    expect(runs, 'runs').toBeGreaterThan(0)
    if (full) expect(runs).toBe(LANES * RUNS)
    console.log(`model: ${runs} of ${LANES * RUNS} runs, seed ${seed}`)
  },
  MOST_MS + 90_000,
)

async function many(own: number, end: number): Promise<number> {
  let runs = 0
  // Without bias: it would make most of them short.
  const script = fc.noBias(fc.commands(commands, { maxCommands: LONG, size: 'max' }))
  const property = fc.asyncProperty(script, async (all) => {
    if (performance.now() > end) return
    const world = build()
    const model: Model = { ...fresh(IDS), up: true }
    try {
      await world.start()
      await fc.asyncModelRun(() => ({ model, real: world }), all)
      await atLast(model, world)
      runs++
      if (process.env.MODEL_PRINT) console.log(String(all))
    } finally {
      await world.close()
    }
  })
  await fc.assert(property, { seed: own, numRuns: RUNS, ...(path && { path }) })
  return runs
}

/** Room on the disk and an orchestrator: then all comes to rest. */
async function atLast(model: Model, world: World): Promise<void> {
  if (model.full) world.free()
  if (!model.up) await world.start()
  Object.assign(model, { full: false, up: true })
  await compare(model, world)
}
