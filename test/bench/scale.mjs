// What waits must cost little, however much it is: a start, `status`, the way to an agent, an idle minute, memory.
import { idleCpu, openHouse, SETTLE_MS } from './house.mjs'
import { figures, quantile, ratios, timed, wholeProcess } from './measure.mjs'
import { measureSpawns } from './spawns.mjs'

/** Of fewer spawns, the 99th of a hundred would be the slowest. */
const SPAWNS = 100
/** Tasks in the folders: the spawns are measured with all, the others with the ends. */
const SIZES = [10, 1000, 100_000]

export async function scale({ dist, rounds, minutes, row }) {
  const found = []
  for (const size of SIZES) {
    const house = await openHouse({ dist, agents: { shell: { max_instances: 2 } }, waiting: size })
    process.stderr.write(`  ${size} waiting…\n`)
    const start = await timed(() => house.start())
    const status = []
    for (let n = 0; n < rounds; n++)
      status.push(await timed(() => wholeProcess([house.main, 'status'], house.root)))
    const asked = []
    for (let n = 0; n < rounds; n++) asked.push(await timed(() => house.ask('GET', '/status')))
    const spawns = await measureSpawns(house, Math.max(rounds, SPAWNS))
    const cpu = await idleCpu(house, minutes * 60)
    found.push({ size, start, status: figures(status), asked: figures(asked), spawns, cpu })
    found.at(-1).memory = house.memory()
    house.close()
  }
  const [small] = found
  for (const { size, start, status, asked, spawns, cpu, memory } of found) {
    const at = `at ${size}`
    row({ what: `${at}: start`, unit: 'ms', median: start })
    row({ what: `${at}: status ÷ at 10`, unit: '×', ...ratios(status, small.status), limit: 1.3 })
    row({ what: `${at}: status over the socket`, unit: 'ms', ...asked })
    const add = figures(spawns.add)
    const drop = figures(spawns.drop.map((ms) => ms - SETTLE_MS))
    row({ what: `${at}: add to spawn`, unit: 'ms', ...add, limit: 50 })
    row({ what: `${at}: drop to spawn less ${SETTLE_MS}`, unit: 'ms', ...drop, limit: 50 })
    for (const name of ['add', 'drop']) {
      const late = (its) => quantile(its.spawns[name], 0.99) - (name === 'drop' ? SETTLE_MS : 0)
      const own = found.find((one) => one.size === size)
      const what = `${at}: ${name} to spawn, p99 ÷ at 10`
      row({ what, unit: '×', median: late(own) / late(small), limit: 1.5 })
    }
    row({ what: `${at}: idle`, unit: '% of a core', median: cpu, limit: 0.2 })
    const more = memory.now - small.memory.now
    row({
      what: `${at}: memory more than at 10`,
      unit: 'MB',
      median: more,
      p95: memory.peak - small.memory.now,
      limit: 150,
    })
  }
}
