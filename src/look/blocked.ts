// What stands against a task but its agents: its dependencies, a delay, what was noted of it (specification 5.3). Pure.
import type { Entry, Note, Task } from '../types.ts'
import { clock } from './words.ts'

export const CIRCLE = 'its dependencies go in a circle'

/**
 * Why it may not start now, in a sentence; undefined: it may.
 * @param byId the entry that counts of each id. @param archived ids of what was completed long ago, in lower case.
 */
export function blocked(
  entry: Entry,
  task: Task,
  byId: Map<string, Entry>,
  now: number,
  archived: ReadonlySet<string>,
  note?: Note,
): string | undefined {
  for (const id of task.dependencies) {
    const on = byId.get(id.toLowerCase())
    if (!on && archived.has(id.toLowerCase())) continue
    if (on === entry) return 'it depends on itself: remove that from `dependencies`'
    if (!on) return `it depends on ${id}, and there is no such task`
    if (on.state === 'failed')
      return `it depends on ${id}, which failed: \`orchestrate retry ${id}\``
    if (on.problem) return `it depends on ${id}, which cannot be read`
    if (on.state === 'completed') continue
    const cycle = on.state === 'pending' ? cycleFrom(entry, byId) : undefined
    return cycle ? `${CIRCLE}: ${cycle}` : `it waits for ${id} (${on.state})`
  }
  if (task.notBefore && task.notBefore > now) return `not before ${clock(task.notBefore, now)}`
  if (note?.ready && note.ready.at > now)
    return `${note.ready.why}; again at ${clock(note.ready.at, now)}`
  return note?.wait
}

/** The shortest way from a task back to itself, as words. */
function cycleFrom(start: Entry, byId: Map<string, Entry>): string | undefined {
  const ways: Entry[][] = [[start]]
  const seen = new Set<Entry>()
  for (const way of ways) {
    for (const id of way.at(-1)?.task?.dependencies ?? []) {
      const next = byId.get(id.toLowerCase())
      if (next === start) return [...way, start].map((entry) => entry.id).join(' → ')
      if (next?.state !== 'pending' || seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return undefined
}
