// What was read of the tasks until the orchestrator stopped, in `.orchestrate/`: `tasks.json`, and `settled.json` for those of
// which it remembered no more than a row. Who asks while nothing runs, and the next start for what waits, need not read them
// again. Derived; may be deleted at any time. Promises: a task counts only while its file, its newest attempt and the folder of
// all of them are the same, by inode, size and times, as they were before they were read; loads no parser; what is at work is
// never kept.
import { lstatSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inFolder, readRegular, writeWhole } from '../files/files.ts'
import { NONE, RECORD_NAME, TASK_NAME } from '../files/names.ts'
import { stamps } from '../files/stamps.ts'
import type { Workspace } from '../files/workspace.ts'
import {
  type Entry,
  isSettled,
  type Picture,
  type RunRecord,
  STATES,
  type State,
  type Task,
  type TaskView,
} from '../types.ts'
import { duplicates } from './duplicates.ts'

/** What a list shows of the last run of a task. */
type Last = Partial<
  Pick<RunRecord, 'agent_id' | 'attempt' | 'outcome' | 'needs_review' | 'error' | 'released'>
>

/** A task as it is listed. */
export interface Listed extends Pick<Entry, 'file' | 'id' | 'state' | 'task' | 'problem'> {
  last: Last | null
  /** Why another one of its id or name counts. */
  held: string | null
}

interface KeptTask extends Listed, Pick<Entry, 'stamp' | 'learnt'> {
  /** Its place in a list: when it was made, epoch ms. */
  at: number
}

export interface Kept {
  /** By `file`, in the order of a list. */
  tasks: ReadonlyMap<string, KeptTask>
  /** None was left out: one may stand in the way of another. */
  whole: boolean
}

interface Written {
  key: string
  /** The same in both files. */
  stop: string
  /** None was left out. */
  whole?: boolean
  tasks: KeptTask[]
  /** The stamp of the image that the index left. */
  image?: string | null
}

/** An error costs five times as much. */
const QUIETLY = { throwIfNoEntry: false } as const
/** Bytes. */
const CAP = 512 * 1024 * 1024
const LISTS = ['dependencies', 'contextFiles', 'subtasks', 'labels', 'remarks'] as const
const [WARM, COLD] = ['tasks.json', 'settled.json']

async function read(at: Workspace, name: string, key: string): Promise<Written> {
  try {
    const kept = JSON.parse((await readRegular(join(at.home, name), CAP)).toString()) as Written
    if (kept.key === key && kept.tasks.every(({ file }) => typeof file === 'string')) return kept
  } catch {} // absent or damaged: the files say it all
  return { key, stop: '', tasks: [] }
}

/** @param key what they depend on besides their files. */
export async function readKept(at: Workspace, key: string): Promise<Kept> {
  const [warm, cold] = [await read(at, WARM, key), await read(at, COLD, key)]
  const tasks = [...cold.tasks, ...warm.tasks]
  if (cold.tasks.length && warm.tasks.length) tasks.sort(inOrder)
  const whole = warm.whole === true && warm.stop === cold.stop
  return { tasks: new Map(tasks.map((one) => [one.file, one])), whole }
}

/** For a start: what waits, and the stamp of the image that was left with it. */
export async function readWaiting(
  at: Workspace,
  key: string,
): Promise<{ waiting: Kept['tasks']; image: string | null }> {
  const { tasks, image } = await read(at, WARM, key)
  const waiting = tasks.filter(({ state }) => state === 'pending')
  for (const { id, task } of waiting) if (task && typeof task === 'object') share(task, id)
  return { waiting: new Map(waiting.map((one) => [one.file, one])), image: image ?? null }
}

/** What of 100,000 tasks is the same, once: JSON makes each anew. */
function share(task: Task, id: string): void {
  if (task.id === id) task.id = id
  for (const key of LISTS) if (task[key]?.length === 0) task[key] = NONE
}

/** By who holds the lock. @param rows of what is settled. @param image its path. */
export async function keep(
  at: Workspace,
  key: string,
  { entries, last }: Pick<Picture, 'entries' | 'last'>,
  rows: readonly TaskView[],
  image: string,
): Promise<void> {
  const all = listed([...entries.values()])
  const tasks = all.flatMap(([entry, held]): KeptTask[] => {
    const { file, stamp, id, state, task, problem, edited, goneSince, learnt } = entry
    const sure = (task || problem) && !problem?.passing && !edited && goneSince === null
    if (!sure || learnt === null || state === 'assigned') return []
    const kept = { file, stamp, id, state, at: since(entry), task, problem, held, learnt }
    return [{ ...kept, last: lastOf(last(entry)) }]
  })
  const settled = rows.flatMap((row) => (entries.has(row.file) ? [] : keptOf(row))).sort(inOrder)
  const stop = `${Date.now()}.${process.pid}`
  const whole = tasks.length === all.length
  const files: [string, Written][] = [
    [COLD, { key, stop, tasks: settled }],
    [WARM, { key, stop, whole, tasks, image: stampOf(image) }],
  ]
  await inFolder(at.root, at.home, async (home) => {
    for (const [name, written] of files)
      await writeWhole(join(home, name), JSON.stringify(written), 0o600)
  })
}

/** As much of it as a row tells. */
function keptOf(row: TaskView): KeptTask {
  const { file, id, priority, description, createdAt, stamp, learnt } = row
  const { agentId: agent_id, attempt, outcome, needsReview: needs_review, error } = row
  return {
    ...{ file, id, state: row.status as State, stamp: stamp ?? '', learnt, at: createdAt },
    ...{ task: { id, description, priority, createdAt } as Task, problem: null, held: null },
    last: { agent_id, attempt, outcome, needs_review, error } as Last,
  }
}

/** In the order of a list, each with why another one of its id or name counts. */
export function listed(entries: Entry[]): [Entry, string | null][] {
  const held = new Map<Entry, string>()
  duplicates(entries, { held, waiting: new Map() })
  return entries
    .map((entry) => ({ entry, at: since(entry), id: entry.id, file: entry.file }))
    .sort(inOrder)
    .map(({ entry }) => [entry, held.get(entry) ?? null])
}

type Place = Pick<KeptTask, 'at' | 'id' | 'file'>

const since = ({ task, ctimeMs }: Entry) => task?.createdAt ?? ctimeMs
const inOrder = (a: Place, b: Place) => a.at - b.at || order(a.id, b.id) || order(a.file, b.file)

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function lastOf(run: Last | undefined): Last | null {
  if (!run) return null
  const { agent_id, attempt, outcome, needs_review, error, released } = run
  return { agent_id, attempt, outcome, needs_review, error, released } as Last // JSON leaves out what is not there
}

/**
 * What tells whether that which is known of a task's runs is still so; to be taken before they are read: its newest attempt,
 * the folder of all of them, and what says how the last one went.
 */
export function learntOf(
  runs: string,
  { id, state, path }: Pick<Entry, 'id' | 'state' | 'path'>,
  attempt: number,
  folder = stampOf(`${runs}/${id}`),
): string {
  const record = isSettled(state) ? stampOf(`${dirname(path)}/${id}_result.yaml`) : null
  const told = attempt ? stampOf(`${runs}/${id}/${attempt}/run.json`) : record
  return `${attempt} ${folder} ${told}`
}

/** Null: it is not there, or cannot be looked at. Of paths put together plainly: `join` costs as much as the look. */
export function stampOf(path: string): string | null {
  try {
    const seen = lstatSync(path, QUIETLY)
    return seen ? stamps(seen).stamp : null
  } catch {
    return null
  }
}

/** Whether the runs of a task are as they were. */
export const sameRuns = (at: Workspace, { file, id, state, learnt }: KeptTask): boolean =>
  learntOf(
    at.runs,
    { id, state, path: `${at.root}/${file}` },
    Number.parseInt(learnt ?? '', 10),
  ) === learnt

/** Whether the folders hold exactly these tasks, unchanged. */
export function still(at: Workspace, { tasks, whole }: Kept): boolean {
  if (!whole) return false
  let found = 0
  for (const state of STATES) {
    for (const name of names(at.state[state])) {
      if (!TASK_NAME.test(name)) continue
      const one = tasks.get(`tasks/${state}/${name}`)
      if (!one && RECORD_NAME.test(name) && state !== 'pending') continue
      if (!one || stampOf(`${at.state[state]}/${name}`) !== one.stamp || !sameRuns(at, one))
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
