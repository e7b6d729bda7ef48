// From a task to its agent: how long until the shim's `pid` file of attempt 1 is there, with tasks waiting and two shell
// agents free. And the orchestrator's memory meanwhile.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openHouse, SETTLE_MS } from './house.mjs'
import { figures, settled, sleep } from './measure.mjs'

/** ms between two rounds: the looks that follow the end of a run are not what is measured. */
const REST_MS = 300

export async function spawns({ dist, waiting, rounds, row }) {
  const house = await openHouse({ dist, agents: { shell: { max_instances: 2 } }, waiting })
  await house.start()
  const times = await measureSpawns(house, rounds)
  row({ what: 'add to spawn', unit: 'ms', ...figures(times.add), limit: 50 })
  const what = `drop to spawn (settle_ms is ${SETTLE_MS})`
  row({ what, unit: 'ms', ...figures(times.drop), limit: SETTLE_MS + 50 })
  const { now, peak } = house.memory()
  row({
    what: 'memory of the orchestrator (p95: peak)',
    unit: 'MB',
    median: now,
    p95: peak,
    limit: 150,
  })
  house.close()
}

/** ms of each, in turns, with two shell agents free. */
export async function measureSpawns(house, rounds) {
  const times = { add: [], drop: [] }
  for (let n = 0; n <= rounds; n++) {
    for (const [name, give] of Object.entries({ add, drop })) {
      const id = `${name}_${n}`
      const ms = await untilSpawn(house, id, () => give(house, id))
      if (n > 0) times[name].push(ms) // the first of each warms it up
      await settled(`${id} to be done and the agents free`, async () => {
        const { tasks, agents } = await house.ask('GET', '/status')
        return tasks.assigned === 0 && agents.busy === 0
      })
      await sleep(REST_MS)
    }
  }
  return times
}

const SCRIPT = 'true'

/** The clock runs from the moment the request goes out. */
const add = (house, id) => {
  const task = { id, description: SCRIPT, preferred_agent: 'shell' }
  return house.ask('POST', '/tasks', { tasks: [task] })
}

/** The clock runs from the moment before the file is there, as a person's editor or `cp` would make it. */
const drop = (house, id) =>
  writeFileSync(
    join(house.pending, `${id}.yaml`),
    `description: ${SCRIPT}\npreferred_agent: shell\n`,
  )

async function untilSpawn(house, id, give) {
  const pid = join(house.root, '.orchestrate', 'runs', id, '1', 'pid')
  const from = performance.now()
  const given = give()
  await settled(`${id} to begin`, () => existsSync(pid), { every: 1 })
  const ms = performance.now() - from
  await given
  return ms
}
