// `npm run bench [-- --check] [-- --dist DIR] [-- --rounds N] [-- --only NAME,…] [-- --all]
// [-- --results]`: the figures of PC-1 and SC-1 and more, one table; `--results` keeps them in RESULTS.md.
// Promises: exit 1 with `--check` only when a limit is broken by far, or a ratio doubled; nothing is left behind.

import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { history } from './history.mjs'
import { removeAll } from './house.mjs'
import { lists } from './lists.mjs'
import { manyAgents } from './many-agents.mjs'
import { processes } from './processes.mjs'
import { keepResults, recorded } from './results.mjs'
import { scale } from './scale.mjs'
import { spawns } from './spawns.mjs'
import { createTable } from './table.mjs'
import { tenTasks } from './ten-tasks.mjs'
import { throughput } from './throughput.mjs'

const PARTS = { processes, spawns, 'ten-tasks': tenTasks }
/** Minutes each. */
const LONG = { 'many-agents': manyAgents, lists, throughput, scale, history }

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    dist: { type: 'string', default: fileURLToPath(new URL('../../dist', import.meta.url)) },
    rounds: { type: 'string', default: '21' },
    waiting: { type: 'string', default: '1000' },
    tasks: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '1' },
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
    results: { type: 'boolean', default: false },
  },
})

// What this machine adds to every node, a bare one too, would make each ratio look smaller: 100 ms of certificates in one place.
for (const name of ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS']) delete process.env[name]

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    removeAll()
    process.exit(130)
  })
}

const known = Object.values(recorded()).flatMap(({ rows }) => rows)
const table = createTable(({ what }) => known.find((row) => row.what === what))
const parts = {}
const wanted = values.only?.split(',')
try {
  for (const [name, part] of Object.entries({ ...PARTS, ...LONG })) {
    if (wanted ? !wanted.includes(name) : name in LONG && !values.all) continue
    process.stderr.write(`${name}…\n`)
    const [rounds, waiting, tasks, minutes] = [
      ...[values.rounds, values.waiting, values.tasks, values.minutes],
    ].map(Number)
    const before = table.rows.length
    await part({ dist: resolve(values.dist), rounds, waiting, tasks, minutes, row: table.row })
    parts[name] = table.rows.slice(before)
  }
} finally {
  removeAll()
}
const far = table.print(values)
if (values.results) keepResults(parts, values)
if (values.check && far > 0) process.exitCode = 1
