import { readFileSync } from 'node:fs'
import { openHouse, SETTLE_MS } from './house.mjs'
import { figures, sleep, timed, wholeProcess } from './measure.mjs'
import { measureSpawns } from './spawns.mjs'

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
    const spawns = await measureSpawns(house, rounds)
    const cpu = await idleCpu(house, minutes * 60)
    found.push({ size, start, status: figures(status), asked: figures(asked), spawns, cpu })
    found.at(-1).memory = house.memory()
    house.close()
  }
  const [small] = found
  for (const { size, start, status, asked, spawns, cpu, memory } of found) {
    const at = `at ${size}`
    row({ what: `${at}: start`, unit: 'ms', median: start })
    const ratio = (own, its) =>
      Object.fromEntries(Object.keys(own).map((key) => [key, own[key] / its[key]]))
    row({ what: `${at}: status ÷ at 10`, unit: '×', ...ratio(status, small.status), limit: 1.3 })
    row({ what: `${at}: status over the socket`, unit: 'ms', ...asked })
    const add = figures(spawns.add)
    const drop = figures(spawns.drop.map((ms) => ms - SETTLE_MS))
    row({ what: `${at}: add to spawn`, unit: 'ms', ...add, limit: 50 })
    row({ what: `${at}: drop to spawn less ${SETTLE_MS}`, unit: 'ms', ...drop, limit: 50 })
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

/** ms after which the index has saved its image, though it is large. */
const SAVED_MS = 65_000

/** Per cent of a core that the orchestrator uses when nothing happens. */
async function idleCpu(house, seconds) {
  await sleep(SAVED_MS)
  const ticks = () => {
    const words = readFileSync(`/proc/${house.pid()}/stat`, 'utf8').split(') ')[1].split(' ')
    return Number(words[11]) + Number(words[12])
  }
  const before = ticks()
  await sleep(seconds * 1000)
  return ((ticks() - before) / (seconds * 100)) * 100
}
