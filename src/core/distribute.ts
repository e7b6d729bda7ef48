// Who does what, and why the others wait (specification 5; DESIGN 3). Pure: entries, agents and a time in, a plan out.
import { duplicates } from '../look/duplicates.ts'
import { choose, suits } from '../look/suits.ts'
import { clock, noAgent } from '../look/words.ts'
import type { Entry, Note, Plan, Priority, Slot, Task } from '../types.ts'

const RANK: Record<Priority, number> = { high: 0, normal: 1, low: 2 }
/** A task rises one level for each of these, so that none starves (specification 5.2). */
const RISE_MS = 30 * 60_000

export function distribute(
  entries: readonly Entry[],
  agents: readonly Slot[],
  now: number,
  notes: ReadonlyMap<Entry, Note> = new Map(),
): Plan {
  const plan: Plan = {
    assign: [],
    waiting: new Map(),
    held: new Map(),
    later: null,
    open: new Set(),
  }
  duplicates(entries, plan)
  for (const [one, { held }] of notes) if (held) plan.held.set(one, plan.held.get(one) ?? held)
  const byId = new Map<string, Entry>()
  for (const entry of entries)
    if (!byId.has(key(entry)) || !(plan.held.has(entry) || plan.waiting.has(entry)))
      byId.set(key(entry), entry)
  const free = new Set(agents.filter((agent) => agent.state === 'idle'))
  const types = new Set(agents.map((agent) => agent.type))
  for (const { entry, task } of queueOrder(entries, now)) {
    if (plan.held.has(entry) || plan.waiting.has(entry)) continue
    const note = notes.get(entry)
    const why = blocked(entry, task, byId, now, note)
    if (note?.open) plan.open.add(entry)
    const at = Math.max(task.notBefore ?? 0, note?.ready?.at ?? 0)
    if (at > now) plan.later = Math.min(at, plan.later ?? at)
    const fit = why ? [] : [...free].filter((agent) => suits(task, agent.type, types))
    const agent = choose(fit, note?.lastAgent)
    if (agent) {
      free.delete(agent)
      plan.assign.push({ entry, task, agent })
    } else
      plan.waiting.set(
        entry,
        why ??
          noAgent(
            task,
            agents.filter((one) => suits(task, one.type, types)),
            types,
          ),
      )
  }
  return plan
}

/** High before normal before low, each half hour of waiting one level up; first in first out within a level. */
export function queueOrder(entries: readonly Entry[], now: number): { entry: Entry; task: Task }[] {
  const level = (entry: Entry, task: Task) =>
    Math.max(0, RANK[task.priority] - Math.floor(Math.max(0, now - entry.ctimeMs) / RISE_MS))
  return entries
    .flatMap((entry) =>
      entry.state === 'pending' && entry.task
        ? [{ entry, task: entry.task, level: level(entry, entry.task) }]
        : [],
    )
    .sort(
      (a, b) =>
        a.level - b.level ||
        a.task.createdAt - b.task.createdAt ||
        (a.entry.id < b.entry.id ? -1 : 1),
    )
}

const key = (entry: Entry) => entry.id.toLowerCase()

function blocked(
  entry: Entry,
  task: Task,
  byId: Map<string, Entry>,
  now: number,
  note?: Note,
): string | undefined {
  for (const id of task.dependencies) {
    const on = byId.get(id.toLowerCase())
    if (on === entry) return 'it depends on itself: remove that from `dependencies`'
    if (!on) return `it depends on ${id}, and there is no such task`
    if (on.state === 'failed')
      return `it depends on ${id}, which failed: \`orchestrate retry ${id}\``
    if (on.problem) return `it depends on ${id}, which cannot be read`
    if (on.state === 'completed') continue
    const cycle = on.state === 'pending' ? cycleFrom(entry, byId) : undefined
    return cycle ? `its dependencies go in a circle: ${cycle}` : `it waits for ${id} (${on.state})`
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
      if (!next || seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return undefined
}
