// What was read of the tasks by the orchestrator that stopped last, in `.orchestrate/tasks.json`: who asks while nothing runs
// need not read them again. Derived; may be deleted at any time. Promises: a task counts only while its file and the folder of
// its last run are the same, by inode, size and times; loads no parser; what is at work is never kept.
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../files/files.ts'
import { RECORD_NAME, TASK_NAME } from '../files/names.ts'
import { stamps } from '../files/stamps.ts'
import type { Workspace } from '../files/workspace.ts'
import { type Entry, type Picture, type Priority, type RunRecord, STATES } from '../types.ts'
import { duplicates } from './duplicates.ts'

/** What a list shows of the last run of a task. */
type Last = Pick<RunRecord, 'agent_id' | 'attempt'> &
  Partial<Pick<RunRecord, 'outcome' | 'needs_review' | 'error' | 'released'>>

/** A task as it is listed. */
export interface Listed extends Pick<Entry, 'file' | 'id' | 'state' | 'task' | 'problem'> {
  last: Last | null
  /** Why another one of its id or name counts. */
  held: string | null
}

interface KeptTask extends Listed {
  stamp: string
  /** Of the folder of its last run; null: there was none, and no claim makes one that leaves the file as it was. */
  run: string | null
}

export interface Kept {
  /** By `file`, in the order of a list. */
  tasks: ReadonlyMap<string, KeptTask>
  /** None was left out: one may stand in the way of another. */
  whole: boolean
}

/** Raised when a task file or a value here comes to mean something else. */
const VERSION = 1

const pathOf = (at: Workspace) => join(at.home, 'tasks.json')
/** What the tasks depend on besides their files. */
const keyOf = (priority: Priority) => `${VERSION} ${priority}`

interface Written {
  key: string
  whole: boolean
  tasks: KeptTask[]
}

/** @param priority of tasks that name none. */
export function readKept(at: Workspace, priority: Priority): Kept {
  try {
    const { key, whole, tasks } = JSON.parse(readFileSync(pathOf(at), 'utf8')) as Written
    if (key === keyOf(priority))
      return { tasks: new Map(tasks.map((one) => [one.file, one])), whole }
  } catch {} // absent or damaged: the files say it all
  return { tasks: new Map(), whole: false }
}

/** By who holds the lock. */
export async function keep(
  at: Workspace,
  priority: Priority,
  { entries, last }: Pick<Picture, 'entries' | 'last'>,
): Promise<void> {
  const all = listed([...entries.values()])
  const tasks = all.flatMap(([entry, held]): KeptTask[] => {
    const { file, stamp, id, state, task, problem, edited, goneSince } = entry
    if (state === 'assigned' || edited || goneSince !== null || !(task || problem)) return []
    const run = lastOf(at, id, last(entry))
    return run ? [{ file, stamp, id, state, task, problem, held, ...run }] : []
  })
  const written: Written = { key: keyOf(priority), whole: tasks.length === all.length, tasks }
  await writeWhole(pathOf(at), JSON.stringify(written))
}

/** In the order of a list, each with why another one of its id or name counts. */
export function listed(entries: Entry[]): [Entry, string | null][] {
  const held = new Map<Entry, string>()
  duplicates(entries, { held, waiting: new Map() })
  const since = ({ task, ctimeMs }: Entry) => task?.createdAt ?? ctimeMs
  return entries
    .sort((a, b) => since(a) - since(b) || order(a.id, b.id) || order(a.file, b.file))
    .map((entry) => [entry, held.get(entry) ?? null])
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Null: its last run is known from its record alone, or not yet, or was removed by hand. */
function lastOf(
  at: Workspace,
  id: string,
  run: Partial<RunRecord> | undefined,
): Pick<KeptTask, 'last' | 'run'> | null {
  const runs = join(at.runs, id)
  // Not learned of yet. But `add` takes a number by an empty folder.
  if (!run && stampOf(runs) && names(runs).length) return null
  if (!run) return { last: null, run: null }
  const { agent_id, attempt, outcome, needs_review, error, released } = run
  const stamp = stampOf(join(runs, String(attempt)))
  if (agent_id === undefined || attempt === undefined || stamp === null) return null
  const more = {
    ...(outcome && { outcome }),
    ...(needs_review && { needs_review }),
    ...(error && { error }),
    ...(released && { released }),
  }
  return { last: { agent_id, attempt, ...more }, run: stamp }
}

/** Null: it is not there, or cannot be looked at. */
function stampOf(path: string): string | null {
  try {
    const seen = lstatSync(path, { throwIfNoEntry: false }) // an error costs five times as much
    return seen ? stamps(seen).stamp : null
  } catch {
    return null
  }
}

/** Whether the last run of a task is as it was. */
export const sameRun = (at: Workspace, { id, last, run }: KeptTask): boolean =>
  last === null || stampOf(join(at.runs, id, String(last.attempt))) === run

/** Whether the folders hold exactly these tasks, unchanged. */
export function still(at: Workspace, { tasks, whole }: Kept): boolean {
  if (!whole) return false
  let found = 0
  for (const state of STATES) {
    for (const name of names(at.state[state])) {
      if (!TASK_NAME.test(name)) continue
      const one = tasks.get(`tasks/${state}/${name}`)
      if (!one && RECORD_NAME.test(name) && state !== 'pending') continue
      if (!one || stampOf(join(at.state[state], name)) !== one.stamp || !sameRun(at, one))
        return false
      found++
    }
  }
  return found > 0 && found === tasks.size
}

/** A folder that is gone holds none; one that cannot be read is told of by who reads the tasks. */
function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
