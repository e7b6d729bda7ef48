// The status of a workspace in which nothing runs: names counted in folders. Promises: opens no task file, loads no
// parser, writes nothing; costs four `readdir`.
import { readdirSync } from 'node:fs'
import { RECORD_NAME, TASK_NAME } from '../files/names.ts'
import type { Workspace } from '../files/workspace.ts'
import { STATES } from '../types.ts'
import type { StatusView } from './picture.ts'

export function countNames(at: Workspace): StatusView {
  const tasks = { pending: 0, assigned: 0, completed: 0, failed: 0, held: 0, invalid: 0 }
  const active: StatusView['active'] = []
  for (const state of STATES) {
    for (const name of names(at.state[state])) {
      if (!RECORD_NAME.test(name)) tasks[state]++
      const [, id, agent] = (state === 'assigned' && /^(.+)_(agent_\d+)\.yaml$/i.exec(name)) || []
      if (!id || !agent) continue
      const unknown = {
        agent_type: null,
        attempt: 0,
        started_at: null,
        chosen: null,
        description: '',
      }
      active.push({ id, agent_id: agent, ...unknown })
    }
  }
  const waiting: StatusView['waiting'] = []
  return { running: false, pid: null, tasks, active, waiting, agents: { total: 0, busy: 0 } }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => TASK_NAME.test(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
