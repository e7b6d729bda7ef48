// What is looked after in the background: agents that rest or are missing, runs that nobody leads to, the resources that
// all agents together use. It finds out; what follows is the loop's.
import type { AgentProcess } from '../core/run.ts'
import type * as T from '../types.ts'
import type { TaskDistributor } from './agents.ts'
import { strays } from './strays.ts'
import type { createTell } from './tell.ts'

/** ms between two samples of memory, CPU and disk. */
const SAMPLE_MS = 5000

export interface UpkeepParts {
  runs: string
  current: () => T.Settings
  processes: T.Processes
  agents: TaskDistributor
  active: ReadonlyMap<string, AgentProcess>
  /** One sentence when the command of a type is not on this machine. */
  missing: (type: string) => string | null
  /** Whether a resting agent's command answers again. */
  probe: (type: string, settings: T.AgentSettings) => Promise<boolean>
  /** What speaks against using this CLI as it is here: a flag that it no longer knows. */
  capable: (type: string, settings: T.AgentSettings) => Promise<string | null>
  /** Against `performance.*`: why nothing may be claimed, and whether the newest run must end. */
  guard: (
    runs: (number | null)[],
    limits: T.Settings['limits'],
  ) => Promise<{ claims: string | null; end: boolean }>
  event: ReturnType<typeof createTell>['event']
  adopt: (id: string) => Promise<unknown>
  /** Why nothing may be claimed; null: all is well. */
  pressed: (why: string | null) => void
  stumble: (error: unknown) => void
  /** Look at everything again. */
  afresh: () => void
}

/** Starts it. `ask`: of each type what it can. */
export function keepUp(parts: UpkeepParts): { ask(): void; end(): void } {
  const { agents, active, current: settings } = parts
  const timers = new Set<NodeJS.Timeout>()
  let ended = false

  /** Each type before its first task, and again with another configuration, which opens what was refused. */
  function capabilities(): void {
    for (const [type, own] of Object.entries(settings().agents)) {
      if (parts.missing(type) !== null) continue
      void agents
        .ask(type, parts.capable(type, own))
        .catch(parts.stumble)
        .then(() => parts.afresh())
    }
  }

  async function health(): Promise<void> {
    for (const { id, type, state, why } of Object.values(agents.getAgentStatus())) {
      const own = settings().agents[type]
      // What a person must put right first is not asked whether it starts.
      if (!own || why || (state !== 'failed' && state !== 'missing')) continue
      const well = parts.missing(type) === null && (await parts.probe(type, own))
      if (well) parts.event('agent', `${id} (${type}) is back`, null, id)
      agents.rest(id, well ? 'idle' : state)
    }
    const found = await strays(parts.runs, parts.processes, (id) => active.has(id.toLowerCase()))
    for (const id of found) await parts.adopt(id)
    parts.afresh()
  }

  async function limits(): Promise<void> {
    if (!Object.keys(settings().limits).length) return
    const begun = (run: AgentProcess) => run.record?.assigned_at ?? ''
    const runs = [...active.values()].sort((a, b) => (begun(a) < begun(b) ? -1 : 1))
    const { claims, end } = await parts.guard(
      runs.map((run) => run.pid),
      settings().limits,
    )
    parts.pressed(claims)
    const youngest = runs.at(-1)
    if (end && youngest && !youngest.record?.stopping) await youngest.interrupt('memory')
  }

  /** One at a time, for ever. */
  function every(ms: () => number, work: () => Promise<void>): void {
    const next = setTimeout(() => {
      timers.delete(next)
      void work()
        .catch(parts.stumble)
        .then(() => ended || every(ms, work))
    }, ms())
    timers.add(next)
  }
  every(() => settings().healthCheckMs, health)
  every(() => SAMPLE_MS, limits)
  capabilities()
  return {
    ask: capabilities,
    end() {
      ended = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
