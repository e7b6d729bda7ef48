// The order of the queue (specification 5.2). Pure.
import type { Entry, Priority, Task } from '../types.ts'

const RANK: Record<Priority, number> = { high: 0, normal: 1, low: 2 }
/** A task rises one level for each of these, so that none starves. */
const RISE_MS = 30 * 60_000

export interface Queued {
  entry: Entry
  task: Task
}

/** High before normal before low, each half hour of waiting one level up; first in first out within a level. */
export function queueOrder(entries: Iterable<Entry>, now: number): Queued[] {
  const queued: Queued[] = []
  for (const entry of entries)
    if (entry.state === 'pending' && entry.task) queued.push({ entry, task: entry.task })
  return queued.sort(before(now))
}

/** For `sort`. @param now epoch ms. */
export const before =
  (now: number) =>
  (a: Queued, b: Queued): number =>
    level(a, now) - level(b, now) ||
    a.task.createdAt - b.task.createdAt ||
    (a.entry.id < b.entry.id ? -1 : 1)

const level = ({ entry, task }: Queued, now: number) =>
  Math.max(0, RANK[task.priority] - Math.floor(Math.max(0, now - entry.ctimeMs) / RISE_MS))
