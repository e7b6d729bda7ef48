// Who does what, and why the others wait (specification 5; DESIGN 3). Pure: entries, agents and a time in, a plan out.
import { blocked, key } from '../look/blocked.ts'
import { duplicates } from '../look/duplicates.ts'
import { best } from '../look/learned.ts'
import { choose, suits } from '../look/suits.ts'
import { noAgent } from '../look/words.ts'
import type { Entry, Note, Plan, Priority, Profile, Slot, Task } from '../types.ts'

const RANK: Record<Priority, number> = { high: 0, normal: 1, low: 2 }
/** A task rises one level for each of these, so that none starves (specification 5.2). */
const RISE_MS = 30 * 60_000

export function distribute(
  entries: readonly Entry[],
  agents: readonly Slot[],
  now: number,
  notes: ReadonlyMap<Entry, Note> = new Map(),
  profiles: readonly Profile[] | null = null,
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
  for (const { entry, task } of queueOrder(entries, now)) {
    if (plan.held.has(entry) || plan.waiting.has(entry)) continue
    const note = notes.get(entry)
    const why = blocked(entry, task, byId, now, note)
    if (note?.open) plan.open.add(entry)
    const at = Math.max(task.notBefore ?? 0, note?.ready?.at ?? 0)
    if (at > now) plan.later = Math.min(at, plan.later ?? at)
    const fit = why ? [] : suits(task, agents, note)
    const idle = fit.filter((one) => free.has(one))
    const { agents: good, ...about } = profiles ? best(task, idle, profiles) : { agents: idle }
    const agent = choose(good, note?.lastAgent)
    if (agent) {
      free.delete(agent)
      plan.assign.push({ entry, task, agent, ...about })
      continue
    }
    plan.waiting.set(entry, why ?? noAgent(task, fit, now))
    // The end of a limit is no event: time alone lets it start.
    for (const { until } of fit) if (until) plan.later = Math.min(until, plan.later ?? until)
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
