// The tasks of a workspace in which nothing runs. Promises: changes no task; what a running orchestrator would show as held or
// invalid is so here, too; what is as it was when the last one stopped is not read again.
import { quickSettings } from '../config/cache.ts'
import type { Workspace } from '../files/workspace.ts'
import { type Listed, readKept, still } from '../look/kept.ts'
import type { Priority } from '../types.ts'
import { version } from './package.ts'
import type { TaskRow } from './picture.ts'

export async function listTasks(at: Workspace): Promise<TaskRow[]> {
  const rules = await quickSettings(at)
  const kept = await readKept(at, keyOf(rules.defaultPriority))
  if (still(at, kept)) return [...kept.tasks.values()].map(rowOf)
  const { readTasks } = await import('./read-tasks.ts')
  return (await readTasks(at, rules, kept.tasks)).map(rowOf)
}

/** What the tasks depend on besides their files: how they are read, and the priority of those that name none. */
export const keyOf = (priority: Priority): string => `${version()} ${priority}`

function rowOf({ file, id, state, task, problem, last, held: duplicate }: Listed): TaskRow {
  const again = state === 'pending' && last?.outcome === 'success' && !last.released
  const held =
    duplicate ??
    (again
      ? `it succeeded before (attempt ${last.attempt}): \`orchestrate retry ${id}\` runs it again`
      : null)
  const place = problem?.line ? `line ${problem.line}, column ${problem.column}: ` : ''
  return {
    id,
    status: problem && state === 'pending' ? 'invalid' : held ? 'held' : state,
    priority: task?.priority ?? 'normal',
    description: task?.description ?? '',
    agent_id: last?.agent_id ?? null,
    attempt: last?.attempt ?? 0,
    outcome: last?.outcome ?? null,
    needs_review: last?.needs_review ?? false,
    error: last?.error ?? null,
    reason: problem ? `${place}${problem.message}` : held,
    file,
  }
}
