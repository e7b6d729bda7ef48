// `add`, `retry` and `cancel` where nothing runs: the queue works on the files. Promises: the same rules as with a
// running orchestrator; it sees what was done when it starts.
import { quickSettings } from '../config/cache.ts'
import type { TaskQueue } from '../core/queue.ts'
import { mkdir } from '../files/fs.ts'
import { addTasks } from '../files/new-task.ts'
import type { Workspace } from '../files/workspace.ts'
import type { NewTask } from '../types.ts'

export async function add(at: Workspace, tasks: NewTask[]): Promise<string[]> {
  const rules = await quickSettings(at)
  await mkdir(at.state.pending, { recursive: true }) // git takes an emptied folder away
  return addTasks(at, tasks, rules)
}

export async function retry(at: Workspace, id: string, feedback?: string): Promise<string> {
  const byHand = await import('../files/by-hand.ts')
  return byHand.retry(await scanned(at), at, id, feedback)
}

export async function cancel(at: Workspace, id: string): Promise<string> {
  const byHand = await import('../files/by-hand.ts')
  return byHand.cancel(await scanned(at), at, id)
}

/** Nothing is claimed here, so nothing has to settle. */
async function scanned(at: Workspace): Promise<TaskQueue> {
  const { TaskQueue } = await import('../core/queue.ts')
  const queue = new TaskQueue(at.root, { settleMs: 0 })
  await queue.scan([])
  return queue
}
