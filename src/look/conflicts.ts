// Which files a run changed, and two runs at one time that report one path (DESIGN 2).
import { isAbsolute, relative, resolve } from 'node:path'
import type { TaskQueue } from '../core/queue.ts'
import type { AgentProcess } from '../core/run.ts'
import { resultOf } from '../files/record.ts'
import { writeRun } from '../files/run-folder.ts'
import type { ContextPort, RunRecord, Show } from '../types.ts'
import type { Memory } from './memory.ts'

/** Paths in the workspace: from the agent's own events; from git only for a run that overlapped no other. */
export async function filesOf(
  run: RunRecord,
  said: string[] | null,
  root: string,
  context: ContextPort,
): Promise<string[] | 'unknown'> {
  if (!said)
    return run.overlapped
      ? 'unknown'
      : ((await context.changedSince(Date.parse(run.assigned_at))) ?? 'unknown')
  const paths = said.map((path) => relative(root, resolve(root, path)))
  return [
    ...new Set(paths.filter((path) => path !== '' && !path.startsWith('..') && !isAbsolute(path))),
  ].sort()
}

export interface ConflictParts {
  runs: string
  queue: TaskQueue
  active: ReadonlyMap<string, AgentProcess>
  memory: Memory
  show: Show
  event: (kind: 'end', text: string, taskId: string, agentId: null, level: 'warn') => void
}

/** Both get `needs_review` and stay completed. Remembers only runs that one still at work may overlap. */
export function createConflicts({ runs, queue, active, memory, show, event }: ConflictParts) {
  let recent: RunRecord[] = []

  async function mark(run: RunRecord, other: RunRecord, shared: string): Promise<void> {
    const error = `${shared} was also changed by ${other.task_id}, which ran at the same time`
    Object.assign(run, { needs_review: true, error })
    await writeRun(runs, run)
    show.run(run)
    const entry = queue.find(run.task_id, ['completed'])
    if (!entry) return
    await queue.records.result('completed', run.task_id, resultOf(run))
    memory.set(entry, run)
  }

  return async function meet(run: RunRecord): Promise<void> {
    const begun = Math.min(
      ...[...active.values()].map((one) => Date.parse(one.record?.assigned_at ?? '') || 0),
    )
    recent = recent.filter((other) => Date.parse(other.ended_at ?? '') > begun)
    if (run.outcome !== 'success' || !Array.isArray(run.files_modified)) return
    for (const other of recent) {
      const theirs = new Set(other.files_modified)
      const shared = run.files_modified.filter((path) => theirs.has(path)).join(', ')
      if (!shared || other.task_id === run.task_id || (other.ended_at ?? '') < run.assigned_at)
        continue
      await mark(run, other, shared)
      await mark(other, run, shared)
      event(
        'end',
        `${shared} was changed by ${other.task_id} and ${run.task_id} at the same time`,
        run.task_id,
        null,
        'warn',
      )
    }
    recent.push(run)
  }
}
