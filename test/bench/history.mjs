// What was done long ago must cost little: a start with 100,000 completed tasks and 10,000 that wait, beside reading their folders
// once; memory; an idle minute.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { idleCpu, openHouse } from './house.mjs'
import { alternate, figures, ratios, timed, wholeProcess } from './measure.mjs'

const FEW = { completed: 90, waiting: 10 }
const MANY = { completed: 100_000, waiting: 10_000 }

export async function history({ dist, rounds, minutes, row }) {
  const few = await measure(dist, FEW, rounds, minutes)
  const many = await measure(dist, MANY, rounds, minutes)
  for (const [found, { completed, waiting }] of [
    [few, FEW],
    [many, MANY],
  ]) {
    const at = `with ${completed} completed and ${waiting} waiting`
    row({ what: `${at}: the first start`, unit: 'ms', median: found.first })
    row({ what: `${at}: start`, unit: 'ms', ...figures(found.start) })
    row({ what: `${at}: ls -U of the folders`, unit: 'ms', ...figures(found.ls) })
    const over = ratios(figures(found.start), figures(found.ls))
    row({ what: `${at}: start ÷ ls -U`, unit: '×', ...over, limit: found === many ? 3 : undefined })
    row({ what: `${at}: idle`, unit: '% of a core', median: found.cpu, limit: 0.2 })
  }
  // What is begun with no task at all is no cost of the tasks.
  const [all, own, ls] = [many.start, few.start, many.ls].map((times) => figures(times).median)
  row({ what: 'start, what 110,000 tasks add ÷ ls -U', unit: '×', median: (all - own) / ls })
  const status = ratios(figures(many.status), figures(few.status))
  row({ what: 'status, with 110,000 tasks ÷ with 100', unit: '×', ...status, limit: 1.3 })
  const more = { median: many.memory.now - few.memory.now, p95: many.memory.peak - few.memory.now }
  row({ what: 'memory, with 110,000 tasks more than with 100', unit: 'MB', ...more, limit: 150 })
}

async function measure(dist, { completed, waiting }, rounds, minutes) {
  process.stderr.write(`  ${completed} completed…\n`)
  const house = await openHouse({ dist, agents: { shell: { max_instances: 2 } }, waiting })
  fill(house, completed)
  const first = await timed(() => house.start())
  house.stop()
  const folders = ['pending', 'completed'].map((state) => join(house.root, 'tasks', state))
  const times = { start: [], ls: [] }
  for (let n = 0; n < Math.min(rounds, 7); n++) {
    const ls = () => void spawnSync('ls', ['-U', ...folders], { maxBuffer: 2 ** 30 })
    times.ls.push(await timed(ls))
    times.start.push(await timed(() => house.start()))
    house.stop()
  }
  await house.start()
  const { status } = await alternate(
    { status: () => wholeProcess([house.main, 'status'], house.root) },
    rounds,
  )
  const cpu = await idleCpu(house, minutes * 60)
  const memory = house.memory()
  house.close()
  return { first, ...times, status, cpu, memory }
}

/** Tasks as a run leaves them: the file, its record, the memory of the attempt. */
function fill(house, completed) {
  const folder = join(house.root, 'tasks', 'completed')
  mkdirSync(folder, { recursive: true })
  for (let n = 0; n < completed; n++) {
    const id = `done_${String(n).padStart(6, '0')}`
    const run = {
      ...{ task_id: id, file: `${id}.yaml`, agent_id: 'agent_01', agent_type: 'shell', attempt: 1 },
      ...{ nonce: `${id}.1.0000`, assigned_at: '2026-01-01T00:00:00.000Z' },
      ...{ ended_at: '2026-01-01T00:00:01.000Z', outcome: 'success', settled: 'completed' },
      ...{ duration_seconds: 1, exit_code: 0, files_modified: [] },
    }
    const record = `# written by orchestrate; derived from the run folder, may be written again\ntask_id: ${id}\nagent_id: agent_01\nagent_type: shell\nstatus: success\nattempt: 1\noutcome: success\n`
    writeFileSync(join(folder, `${id}.yaml`), `description: Task ${n}.\npreferred_agent: shell\n`)
    writeFileSync(join(folder, `${id}_result.yaml`), record)
    const at = join(house.root, '.orchestrate', 'runs', id, '1')
    mkdirSync(at, { recursive: true, mode: 0o700 })
    writeFileSync(join(at, 'run.json'), JSON.stringify(run))
  }
}
