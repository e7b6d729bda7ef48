// Which files a run changed, and two runs at one time that report one path (DESIGN 2).
import { isAbsolute, relative, resolve } from 'node:path'
import type { TaskQueue } from '../core/queue.ts'
import type { AgentProcess } from '../core/run.ts'
import { resultOf } from '../files/record.ts'
import { history, writeRun } from '../files/run-folder.ts'
import type { ContextPort, RunRecord } from '../types.ts'
import type { Memory } from './memory.ts'
import type { createTell } from './tell.ts'

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

/** A run of which a path was changed by another at the same time, with the sentence for its record. */
interface Conflict {
  run: RunRecord
  error: string
}

interface Hands {
  runs: string
  queue: TaskQueue
  memory: Memory
  event: ReturnType<typeof createTell>['event']
}

/** Marks both: they wait for a person, and stay completed. */
export function createConflicts({ runs, queue, memory, event }: Hands) {
  const meet = createMeeting()
  return async (mine: RunRecord, active: Iterable<AgentProcess>): Promise<void> => {
    const begun = [...active].map((run) => Date.parse(run.record?.assigned_at ?? '') || 0)
    for (const { run, error } of meet(mine, Math.min(...begun))) {
      Object.assign(run, { needs_review: true, error })
      // A person may have asked for it again meanwhile.
      const now = (await history(runs, run.task_id)).find((one) => one.attempt === run.attempt)
      await writeRun(runs, { ...run, ...now, needs_review: true, error })
      const entry = queue.find(run.task_id, ['completed'])
      if (entry) await queue.records.result('completed', run.task_id, resultOf(run))
      if (entry) await memory.learn(entry)
      event('end', error, run.task_id, run.agent_id, 'warn')
    }
  }
}

/** Remembers only runs that one still at work may overlap. `begun`: when the oldest of those began, epoch ms. */
function createMeeting() {
  let recent: RunRecord[] = []
  return function meet(run: RunRecord, begun: number): Conflict[] {
    recent = recent.filter((other) => Date.parse(other.ended_at ?? '') > begun)
    if (run.outcome !== 'success' || !Array.isArray(run.files_modified)) return []
    const mine = run.files_modified
    const found = recent.flatMap((other) => {
      const theirs = new Set(other.files_modified)
      const shared = mine.filter((path) => theirs.has(path)).join(', ')
      if (!shared || other.task_id === run.task_id || (other.ended_at ?? '') < run.assigned_at)
        return []
      const said = (by: RunRecord) =>
        `${shared} was also changed by ${by.task_id}, which ran at the same time`
      return [
        { run, error: said(other) },
        { run: other, error: said(run) },
      ]
    })
    recent.push(run)
    return found
  }
}
