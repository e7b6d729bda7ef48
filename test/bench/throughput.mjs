// A thousand tasks that do nothing, four at a time: what the queue itself costs, beside queues that keep no promise.
// Each of ours is a process, records, output and a run folder, all flushed; `verify` looks them over afterwards.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHouse } from './house.mjs'
import { alternate, figures, wholeProcess } from './measure.mjs'
import { installRivals } from './rivals.mjs'

const SLOTS = 4

/** Whole commands: from nothing to the end of the last of `$1` tasks. */
const RIVALS = {
  parallel: `yes true | head -n $1 | parallel -j${SLOTS}`,
  tsp: `export TS_SOCKET="$PWD/socket" TS_MAXFINISHED=${2 ** 20}
    tsp -S ${SLOTS}; for n in $(seq $1); do tsp -n true; done >/dev/null; tsp -w; tsp -K`,
  // It has one lane for each folder.
  nq: `for lane in $(seq ${SLOTS}); do export NQDIR="$PWD/$lane"; mkdir -p "$NQDIR"
    for n in $(seq $(($1 / ${SLOTS}))); do nq -q true; done; done
    for lane in $(seq ${SLOTS}); do NQDIR="$PWD/$lane" nq -w; done`,
}
const LIMITS = { parallel: 1, tsp: 2 }

export async function throughput({ dist, tasks, rounds, row }) {
  const missing = installRivals(Object.keys(RIVALS))
  const turns = Math.min(rounds, 7)
  const acts = { orchestrate: () => ours(dist, tasks) }
  for (const [name, script] of Object.entries(RIVALS))
    if (!missing[name]) acts[name] = () => rival(script, tasks)
  const times = await alternate(acts, turns)
  const own = figures(times.orchestrate)
  const per = (ms) => ms / tasks
  const what = `${tasks} tasks that do nothing, ${SLOTS} at a time`
  row({ what: `${what}: orchestrate`, unit: 'ms/task', ...mapped(own, per) })
  for (const name of Object.keys(RIVALS)) {
    if (missing[name]) {
      row({ what: `${what}: ${name}`, unit: missing[name] })
      continue
    }
    const its = figures(times[name])
    row({ what: `${what}: ${name}`, unit: 'ms/task', ...mapped(its, per) })
    const ratio = { quiet: own.quiet / its.quiet, median: own.median / its.median }
    // The others hardly load the machine: what else it does makes ours slower, and not them.
    const guarded = name === 'parallel'
    row({ what: `orchestrate ÷ ${name}`, unit: '×', ...ratio, limit: LIMITS[name], guarded })
  }
}

const mapped = (figures, map) =>
  Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, map(value)]))

/** Every task lies in pending/ when the clock starts; `run` ends when the last one is done. */
async function ours(dist, tasks) {
  const house = await openHouse({ dist, agents: { shell: { max_instances: SLOTS } } })
  for (let n = 0; n < tasks; n++)
    writeFileSync(
      join(house.pending, `t${String(n).padStart(6, '0')}.yaml`),
      'description: "true"\npreferred_agent: shell\n',
    )
  const from = performance.now()
  await wholeProcess([house.main, 'run'], house.root)
  const ms = performance.now() - from
  house.command('verify')
  house.leave()
  return ms
}

function rival(script, tasks) {
  const cwd = mkdtempSync(join(tmpdir(), 'orchestrate-rival-'))
  try {
    const from = performance.now()
    const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', String(tasks)], {
      cwd,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`a rival exited with ${status}: ${stderr}`)
    return performance.now() - from
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}
