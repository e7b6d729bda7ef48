// Who does what, and why the others wait (specification 5; DESIGN 3). Pure: entries, agents and a time in, a plan out.
import type { Entry } from './queue.ts'
import type { AgentView, Priority, State, Task } from './types.ts'

const RANK: Record<Priority, number> = { high: 0, normal: 1, low: 2 }
/** A task rises one level for each of these, so that none starves (specification 5.2). */
const RISE_MS = 30 * 60_000
const FURTHER: State[] = ['completed', 'failed', 'assigned', 'pending']

/** An agent slot as the distributor sees it; `available` agents are `idle`. */
export type Slot = Pick<AgentView, 'id' | 'type' | 'state' | 'taskCount'>
/** The status of one agent (specification 3.2). */
export type AgentStatus = AgentView

/** What the runs and the context have to say of a waiting task. */
export interface Note {
  /** It must not run until a person acts. */
  held?: string
  /** Epoch ms; not before then, because `why`. */
  ready?: { at: number; why: string }
  /** It waits, because. */
  wait?: string
  /** The agent that failed last: another one is preferred. */
  lastAgent?: string
}

export interface Plan {
  /** In the order of claiming; each agent once. */
  assign: { entry: Entry; task: Task; agent: Slot }[]
  /** One sentence for every pending task that is not assigned, in queue order. */
  waiting: Map<Entry, string>
  held: Map<Entry, string>
  /** Epoch ms at which time alone lets a task start (a delay, `not_before`, a resting agent); null: it never will. */
  later: number | null
}

export function distribute(
  entries: readonly Entry[],
  agents: readonly Slot[],
  now: number,
  notes: ReadonlyMap<Entry, Note> = new Map(),
): Plan {
  const plan: Plan = { assign: [], waiting: new Map(), held: duplicates(entries), later: null }
  for (const [entry, { held }] of notes) if (held) plan.held.set(entry, held)
  const byId = new Map<string, Entry>()
  for (const entry of entries)
    if (!plan.held.has(entry) || !byId.has(key(entry))) byId.set(key(entry), entry)
  const free = new Set(agents.filter((agent) => agent.state === 'idle'))
  const types = new Set(agents.map((agent) => agent.type))
  for (const { entry, task } of queueOrder(entries, now)) {
    if (plan.held.has(entry)) continue
    const note = notes.get(entry)
    const why = blocked(entry, task, byId, now, note)
    const at = Math.max(task.notBefore ?? 0, note?.ready?.at ?? 0)
    if (at > now) plan.later = Math.min(at, plan.later ?? at)
    const fit = why ? [] : [...free].filter((agent) => suits(task, agent.type, types))
    const agent = choose(fit, note?.lastAgent)
    if (agent) {
      free.delete(agent)
      plan.assign.push({ entry, task, agent })
    } else plan.waiting.set(entry, why ?? noAgent(task, agents, types))
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

/** Two files of one id or one name: the one further along wins, then the older; the others are held. */
function duplicates(entries: readonly Entry[]): Map<Entry, string> {
  const held = new Map<Entry, string>()
  const order = [...entries].sort(
    (a, b) => FURTHER.indexOf(a.state) - FURTHER.indexOf(b.state) || a.ctimeMs - b.ctimeMs,
  )
  const ids = new Map<string, Entry>()
  const names = new Map<string, Entry>()
  for (const entry of order) {
    const other = (entry.task && ids.get(key(entry))) ?? names.get(entry.name.toLowerCase())
    if (other)
      held.set(
        entry,
        `${other.file} has the same ${key(other) === key(entry) ? 'id' : 'name'}: rename this one, or \`orchestrate retry ${entry.id}\``,
      )
    if (entry.task && !ids.has(key(entry))) ids.set(key(entry), entry)
    if (!names.has(entry.name.toLowerCase())) names.set(entry.name.toLowerCase(), entry)
  }
  return held
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

/** Its preferred type where that is configured, any other but `shell` where it is not; `shell` only by name. */
function suits(task: Task, type: string, types: ReadonlySet<string>): boolean {
  const wish = task.preferredAgent
  if (wish && (wish === 'shell' || types.has(wish))) return type === wish
  return type !== 'shell'
}

/** Least loaded, then the lower number; the one that failed last only where there is no other. */
function choose(fit: Slot[], last?: string): Slot | undefined {
  const cost = (agent: Slot) => (agent.id === last ? Number.MAX_SAFE_INTEGER : agent.taskCount)
  return fit.sort((a, b) => cost(a) - cost(b) || (a.id < b.id ? -1 : 1))[0]
}

function noAgent(task: Task, agents: readonly Slot[], types: ReadonlySet<string>): string {
  const fit = agents.filter((agent) => suits(task, agent.type, types))
  const count = (state: Slot['state']) => fit.filter((agent) => agent.state === state).length
  const name =
    task.preferredAgent && types.has(task.preferredAgent) ? `${task.preferredAgent} agent` : 'agent'
  if (task.preferredAgent === 'shell' && fit.length === 0)
    return 'it needs a shell agent: set `agents.shell.max_instances` to 1 or more'
  if (fit.length === 0)
    return 'only shell agents are here: install claude, codex, gemini or cursor-agent, or set `preferred_agent: shell`'
  if (count('missing') === fit.length)
    return `the command of its ${name} is not on this machine: \`orchestrate doctor\` tells more`
  if (count('busy') === 0 && count('idle') === 0)
    return `every ${name} rests after failures; they are tried again soon`
  return `every ${name} is busy (${count('busy')} of ${fit.length})`
}

/** HH:MM:SS of today, else the date too. */
function clock(at: number, now: number): string {
  const iso = new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString()
  return new Date(at).toDateString() === new Date(now).toDateString()
    ? iso.slice(11, 19)
    : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`
}

/** Specification 3.2: the agents, one task each. It remembers who is busy, how often each ran, and who rests. */
export class TaskDistributor {
  readonly #agents = new Map<string, AgentStatus & { failures: number }>()

  registerAgent(id: string, type: string, state: 'idle' | 'missing' = 'idle'): void {
    this.#agents.set(id, { id, type, state, taskId: null, taskCount: 0, pid: null, failures: 0 })
  }

  unregisterAgent(id: string): void {
    this.#agents.delete(id)
  }

  /** The id of the agent that takes it, which is then busy; null when none can now. */
  assignTask(task: Task): string | null {
    const slots = [...this.#agents.values()]
    const types = new Set(slots.map((slot) => slot.type))
    const agent = choose(
      slots.filter((slot) => slot.state === 'idle' && suits(task, slot.type, types)),
    )
    if (agent) this.busy(agent.id, task.id, null)
    return agent?.id ?? null
  }

  busy(id: string, taskId: string, pid: number | null): void {
    const agent = this.#agents.get(id)
    if (!agent) return
    if (agent.state !== 'busy') agent.taskCount++
    Object.assign(agent, { state: 'busy', taskId, pid })
  }

  /** Its run is over. `failed`: the agent's fault; three in a row and it rests (state `failed`). */
  release(id: string, failed: boolean): void {
    const agent = this.#agents.get(id)
    if (!agent) return
    agent.failures = failed ? agent.failures + 1 : 0
    Object.assign(agent, {
      state: agent.failures >= 3 ? 'failed' : 'idle',
      taskId: null,
      pid: null,
    })
  }

  /** After a probe: `idle` (with a clean slate), `failed` or `missing`. A busy agent is left alone. */
  rest(id: string, state: 'idle' | 'failed' | 'missing'): void {
    const agent = this.#agents.get(id)
    if (!agent || agent.state === 'busy') return
    Object.assign(agent, {
      state,
      ...(state === 'idle' && agent.state !== 'idle' && { failures: 0 }),
    })
  }

  getAgentStatus(): Record<string, AgentStatus> {
    const rows = [...this.#agents.values()].map(({ failures: _, ...row }) => [row.id, row] as const)
    return Object.fromEntries(rows)
  }
}
