// SC-1 of the specification: ten tasks by `orchestrate add`, all assigned within ten seconds, all completed.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openHouse } from './house.mjs'
import { settled, wholeProcess } from './measure.mjs'

const TASKS = 10

export async function tenTasks({ dist, row }) {
  const house = await openHouse({ dist, agents: { shell: { max_instances: 3 } } })
  await house.start()
  const from = Date.now()
  for (let n = 0; n < TASKS; n++) {
    await wholeProcess([house.main, 'add', 'sleep 0.1', '--agent', 'shell'], house.root)
  }
  await settled('ten ends', async () => {
    const { completed, failed } = (await house.ask('GET', '/status')).tasks
    return completed + failed >= TASKS
  })
  const runs = join(house.root, '.orchestrate', 'runs')
  const begun = readdirSync(runs).map((id) => statSync(join(runs, id, '1', 'prompt.md')).mtimeMs)
  const { completed } = (await house.ask('GET', '/status')).tasks
  row({
    what: `SC-1: ${TASKS} tasks, from the first add to the last assigned`,
    unit: 's',
    median: (Math.max(...begun) - from) / 1000,
    limit: 10,
  })
  row({
    what: 'SC-1: completed',
    unit: '%',
    median: (completed / TASKS) * 100,
    limit: 100,
    least: true,
  })
  house.close()
}
