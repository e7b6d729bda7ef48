// The tasks of a workspace in which nothing runs, read from their files. Promises: writes nothing; what a running
// orchestrator would show as held or invalid is so here, too.
import { quickSettings } from '../config/cache.ts'
import { distribute } from '../core/distribute.ts'
import { newest } from '../files/run-folder.ts'
import type { Workspace } from '../files/workspace.ts'
import { Folders } from '../look/folders.ts'
import type { Entry, RunRecord } from '../types.ts'
import type { TaskRow } from './picture.ts'

export async function listTasks(at: Workspace): Promise<TaskRow[]> {
  // Nothing is claimed here, so nothing has to settle.
  const { maxSize, defaultPriority } = await quickSettings(at)
  const folders = new Folders(at, { maxSize, defaultPriority, settleMs: 0, readOnly: true })
  await folders.scan([])
  const entries = [...folders.entries.values()]
  const { held } = distribute(entries, [], Date.now())
  return Promise.all(
    entries.map(async (entry) => row(entry, held.get(entry), await newest(at.runs, entry.id))),
  )
}

function row(entry: Entry, duplicate: string | undefined, run: RunRecord | null): TaskRow {
  const { task, problem, state } = entry
  const again = state === 'pending' && run?.outcome === 'success' && !run.released
  const held =
    duplicate ??
    (again
      ? `it succeeded before (attempt ${run.attempt}): \`orchestrate retry ${entry.id}\` runs it again`
      : undefined)
  const place = problem?.line ? `line ${problem.line}, column ${problem.column}: ` : ''
  return {
    id: entry.id,
    status: problem && state === 'pending' ? 'invalid' : held ? 'held' : state,
    priority: task?.priority ?? 'normal',
    description: task?.description ?? '',
    agent_id: run?.agent_id ?? null,
    attempt: run?.attempt ?? 0,
    outcome: run?.outcome ?? null,
    needs_review: run?.needs_review ?? false,
    error: run?.error ?? null,
    reason: problem ? `${place}${problem.message}` : (held ?? null),
    file: entry.file,
  }
}
