// `retry` and `cancel`: what a person does with `mv`, for those who would rather type it (DESIGN 1.8). A move, and
// nothing else: what follows from it is the table's.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TaskQueue } from '../core/queue.ts'
import { type Entry, OrchestrateError, type State } from '../types.ts'
import { move } from './files.ts'
import { lstat, mkdir } from './fs.ts'
import { newest, release } from './run-folder.ts'
import type { Workspace } from './workspace.ts'

const LISTS = '`orchestrate tasks` lists them'

/** Back to pending: what failed or was cancelled; a success, which is then forgotten; a held copy, whose other half joins its run. */
export async function retry(
  queue: TaskQueue,
  at: Workspace,
  id: string,
  feedback?: string,
): Promise<string> {
  const waiting = await here(queue, id, ['pending'])
  const settled = await here(queue, id, ['failed', 'completed'])
  if (await here(queue, id, ['assigned'])) {
    throw new OrchestrateError(
      'ASSIGNED',
      `${id} has an agent at work`,
      `\`orchestrate cancel ${id}\` first`,
    )
  }
  if (!waiting && !settled)
    throw new OrchestrateError('NO_TASK', `there is no task \`${id}\``, LISTS)
  await release(at.runs, (settled ?? waiting)?.id ?? id, feedback)
  if (!settled) return `${id} may run again`
  if (!waiting) {
    free(at, settled, 'pending')
    await queue.place(settled, 'pending')
    return `${settled.id} is back in pending/`
  }
  const run = await newest(at.runs, settled.id)
  const shelf = join(at.runs, settled.id, String(run?.attempt ?? 1))
  await mkdir(shelf, { recursive: true })
  await move(settled.path, join(shelf, `${settled.state}-${settled.name}`))
  return `${waiting.file} will run; the ${settled.state} copy is kept in ${shelf.slice(at.root.length + 1)}`
}

/** To failed/, whether it waits or runs. */
export async function cancel(queue: TaskQueue, at: Workspace, id: string): Promise<string> {
  const entry = await here(queue, id, ['assigned', 'pending'])
  const settled = queue.find(id)
  if (!entry) {
    throw new OrchestrateError(
      'NO_TASK',
      settled ? `${id} is ${settled.state} already` : `there is no task \`${id}\``,
      LISTS,
    )
  }
  free(at, entry, 'failed')
  if (entry.state === 'assigned') {
    await queue.place(entry, 'failed')
    return `${entry.id} is cancelled; its agent is being stopped`
  }
  const completed_at = new Date().toISOString()
  await queue.records.result('failed', entry.id, {
    task_id: entry.id,
    status: 'cancelled',
    outcome: 'cancelled',
    completed_at,
  })
  await queue.place(entry, 'failed')
  return `${entry.id} is cancelled`
}

/** Nothing is written for a move that cannot be made. RACE: the move itself looks once more. */
function free(at: Workspace, { name }: Entry, state: State): void {
  if (!existsSync(join(at.state[state], name))) return
  const message = `tasks/${state}/${name} is there already`
  throw new OrchestrateError('IN_THE_WAY', message, 'rename one of the two, or remove it')
}

/** The queue remembers for a moment a file that is gone (an editor saves by renaming); what is asked for by name must be there. */
async function here(queue: TaskQueue, id: string, states: State[]): Promise<Entry | undefined> {
  for (const state of states) {
    const entry = queue.find(id, [state])
    if (entry && (await lstat(entry.path).catch(() => null))) return entry
  }
  return undefined
}
