// The agents: numbered slots, one task each (specification 3.2). It remembers who is busy, how often each ran, and who rests.

import type { AgentSettings, AgentStatus, Task } from '../types.ts'
import { choose, suits } from './suits.ts'

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

  getAgentStatus(): Record<string, AgentStatus> {
    const rows = [...this.#agents.values()].map(({ failures: _, ...row }) => [row.id, row] as const)
    return Object.fromEntries(rows)
  }
}

/** For a run whose type has left the configuration: it is only followed to its end. */
export const GONE: AgentSettings = {
  command: [],
  maxInstances: 0,
  maxOutputMb: 100,
  retryOnFailure: true,
  env: {},
  inheritEnv: 'all',
}
