// The agents: numbered slots, one task each (specification 3.2). It remembers who is busy, how often each ran, and who rests.

import type { AgentSettings, AgentStatus, Outcome, RunRecord, Task } from '../types.ts'
import { choose, suits } from './suits.ts'

/** ms between the first starts after a limit, so that not all of them meet the next one together. */
const STAGGER_MS = 5000

/** ms until it is looked at again whether an agent that waits for a moment may begin. */
const MOMENT_MS = 500

/** Ends of a run that are not its agent's fault. */
const NO_BLAME: Outcome[] = [
  ...(['success', 'cancelled', 'limited', 'unauthenticated', 'misconfigured', 'denied'] as const),
]

/** What is looked at of a run that is over. */
type Ended = Pick<RunRecord, 'task_id' | 'agent_id' | 'agent_type'> & Partial<RunRecord>

/** Specification 3.2: the agents, one task each. It remembers who is busy, how often each ran, and who rests. */
export class TaskDistributor {
  readonly #agents = new Map<string, AgentStatus & { failures: number }>()
  /** Types that take no task: until when (epoch ms; null: until a person acts), and why. */
  readonly #closed = new Map<string, { until: number | null; why: string }>()
  /** Types whose CLI is being asked what it can. */
  readonly #asked = new Set<string>()
  /** Types of which a run has shown that it is at work. */
  readonly #warm = new Set<string>()
  readonly #warmsUp: (type: string) => boolean
  /** When a person opened a type: what was said before counts no more. */
  readonly #opened = new Map<string, number>()

  /** @param warmsUp whether the first run of a type is to begin alone. */
  constructor(warmsUp: (type: string) => boolean = () => false) {
    this.#warmsUp = warmsUp
  }

  registerAgent(id: string, type: string, state: 'idle' | 'missing' = 'idle'): void {
    const fresh = { until: null, why: null, taskId: null, taskCount: 0, pid: null, failures: 0 }
    this.#agents.set(id, { id, type, state, ...fresh })
  }

  /** @param said when it was, epoch ms: a word from before `open` is not heeded; a shorter limit takes nothing off a longer one. */
  close(type: string, until: number | null, why: string, said = Date.now()): void {
    if (said < (this.#opened.get(type) ?? 0)) return
    const known = this.#closed.get(type)
    if (!known || until === null || (known.until ?? Number.POSITIVE_INFINITY) < until)
      this.#closed.set(type, { until, why })
  }

  /** Its agents take no task until `answer` is there, nor afterwards where that is a sentence against it. */
  async ask(type: string, answer: Promise<string | null>): Promise<void> {
    this.#asked.add(type)
    const why = await answer.finally(() => this.#asked.delete(type))
    if (why) this.close(type, null, why)
  }

  /** A run of it has shown an event. */
  warm(type: string): void {
    this.#warm.add(type)
  }

  /** By a person's word: a login, credit. `true`: it was closed. */
  open(type: string): boolean {
    this.#opened.set(type, Date.now())
    return this.#closed.delete(type)
  }

  /** Another configuration may be what a refused type waited for; a limit goes on. */
  reopen(): void {
    for (const [type, { until }] of this.#closed) if (until === null) this.#closed.delete(type)
  }

  unregisterAgent(id: string): void {
    this.#agents.delete(id)
  }

  /** The id of the agent that takes it, which is then busy; null when none can now. */
  assignTask(task: Task): string | null {
    const fit = suits(task, Object.values(this.getAgentStatus()))
    const agent = choose(fit.filter((slot) => slot.state === 'idle'))
    if (agent) this.busy(agent.id, task.id, null)
    return agent?.id ?? null
  }

  busy(id: string, taskId: string, pid: number | null): void {
    const agent = this.#agents.get(id)
    if (!agent || (agent.state === 'busy' && agent.taskId !== taskId)) return
    if (agent.state !== 'busy') agent.taskCount++
    Object.assign(agent, { state: 'busy', taskId, pid })
  }

  /** Its run of that task is over. `failed`: the agent's fault; three in a row and it rests (state `failed`). */
  release(id: string, taskId: string, failed: boolean): void {
    const agent = this.#agents.get(id)
    if (agent?.taskId !== taskId) return
    agent.failures = failed ? agent.failures + 1 : 0
    Object.assign(agent, {
      state: agent.failures >= 3 ? 'failed' : 'idle',
      taskId: null,
      pid: null,
    })
  }

  /** As it was written down. A limit closes the agent's type for a time, what only a person can mend until one does. */
  ended(run: Ended): void {
    const { outcome = 'interrupted', error = '', agent_type: type } = run
    this.heed(run)
    if (outcome === 'unauthenticated' || outcome === 'misconfigured') this.close(type, null, error)
    this.release(run.agent_id, run.task_id, type !== 'shell' && !NO_BLAME.includes(outcome))
  }

  /** What was written down of a limit, now or before we were started. */
  heed({ outcome, agent_type, resets_at, ended_at, error = '' }: Partial<RunRecord>): void {
    const until = Date.parse(resets_at ?? '')
    if (outcome === 'limited' && agent_type && until > Date.now())
      this.close(agent_type, until, error, Date.parse(ended_at ?? ''))
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

  /**
   * The slots that a configuration asks for, numbered over its types: agent_01, agent_02, … A busy one changes when it is free.
   * @param wanted how many of each type. @param missing why the command of a type is not here; null: it is.
   */
  arrange(wanted: Record<string, number>, missing: (type: string) => string | null): void {
    const types = Object.entries(wanted).flatMap(([type, count]) => Array<string>(count).fill(type))
    const slots = new Map(types.map((type, n) => [`agent_${String(n + 1).padStart(2, '0')}`, type]))
    for (const { id, type, state } of this.#agents.values()) {
      if (slots.get(id) === type || state === 'busy') slots.delete(id)
      else this.unregisterAgent(id)
    }
    for (const [id, type] of slots) this.registerAgent(id, type, missing(type) ? 'missing' : 'idle')
  }

  /** Why its free agents wait a little, if they do. */
  #moment(type: string, begun: ReadonlySet<string>): string | null {
    if (this.#asked.has(type)) return 'its CLI is being asked what it can'
    if (this.#warm.has(type) || !this.#warmsUp(type)) return null
    return begun.has(type) ? 'the first run of its type begins alone' : null
  }

  /** As they are now: a limit ends by itself, one agent after the other. */
  getAgentStatus(now = Date.now()): Record<string, AgentStatus> {
    const turns = new Map<string, number>()
    const begun = new Set([...this.#agents.values()].flatMap((one) => (one.taskId ? one.type : [])))
    const rows = [...this.#agents.values()].map(({ failures: _, ...row }) => {
      const turn = turns.get(row.type) ?? 0
      turns.set(row.type, turn + 1)
      if (row.state !== 'idle') return row
      const closed = this.#closed.get(row.type)
      const wait = closed ? null : this.#moment(row.type, begun)
      begun.add(row.type)
      if (wait) return { ...row, state: 'limited' as const, until: now + MOMENT_MS, why: wait }
      if (!closed) return row
      if (closed.until === null) return { ...row, state: 'failed' as const, why: closed.why }
      const until = closed.until + turn * STAGGER_MS
      return until > now ? { ...row, state: 'limited' as const, until, why: closed.why } : row
    })
    return Object.fromEntries(rows.map((row) => [row.id, row]))
  }
}

/** For a run whose type has left the configuration: it is only followed to its end. */
export const GONE: AgentSettings = {
  command: [],
  maxInstances: 0,
  stallMs: {
    start: Number.POSITIVE_INFINITY,
    idle: Number.POSITIVE_INFINITY,
    tool: Number.POSITIVE_INFINITY,
  },
  onLimit: 'wait',
  maxOutputMb: 100,
  retryOnFailure: true,
  env: {},
  inheritEnv: 'all',
}
