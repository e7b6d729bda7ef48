// Who does what, and why the others wait (specification 5; DESIGN 3). Pure: entries, agents and a time in, a plan out.
import { blocked } from '../look/blocked.ts'
import { duplicates } from '../look/duplicates.ts'
import { best } from '../look/learned.ts'
import { queueOrder } from '../look/order.ts'
import { choose, suits } from '../look/suits.ts'
import { noAgent } from '../look/words.ts'
import type { Entry, Note, Plan, Profile, Slot } from '../types.ts'

export function distribute(
  entries: readonly Entry[],
  agents: readonly Slot[],
  now: number,
  notes: ReadonlyMap<Entry, Note> = new Map(),
  profiles: readonly Profile[] | null = null,
  archived: ReadonlySet<string> = new Set(),
): Plan {
  const plan: Plan = {
    assign: [],
    waiting: new Map(),
    held: new Map(),
    later: null,
    open: new Set(),
    ready: new Set(),
  }
  const byId = duplicates(entries, plan)
  for (const [one, { held }] of notes) if (held) plan.held.set(one, plan.held.get(one) ?? held)
  const free = new Set(agents.filter((agent) => agent.state === 'idle'))
  for (const { entry, task } of queueOrder(entries, now)) {
    if (plan.held.has(entry) || plan.waiting.has(entry)) continue
    const note = notes.get(entry)
    const why = blocked(entry, task, byId, now, archived, note)
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
    if (!why) plan.ready.add(entry)
    // The end of a limit is no event: time alone lets it start.
    for (const { until } of fit) if (until) plan.later = Math.min(until, plan.later ?? until)
  }
  return plan
}
