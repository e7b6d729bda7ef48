// The agents that a start would have. Promises: reads the configuration and looks along PATH; starts nothing.
import { which } from '../agents/index.ts'
import { loadConfig } from '../config/index.ts'
import type { Workspace } from '../files/workspace.ts'
import { agentParts } from './agent-parts.ts'
import type { AgentRow } from './picture.ts'

export async function listAgents(at: Workspace, env: NodeJS.ProcessEnv): Promise<AgentRow[]> {
  const onPath = (program: string) => which(program, env.PATH ?? '') !== null
  const { settings } = await loadConfig(at, { onPath })
  const { missing } = agentParts(at.root, env, () => settings)
  const types = Object.entries(settings.agents).flatMap(([type, own]) =>
    Array.from({ length: own.maxInstances }, () => ({
      type,
      state: missing(type, own) ? ('missing' as const) : ('idle' as const),
    })),
  )
  return types.map(({ type, state }, n) => ({
    id: `agent_${String(n + 1).padStart(2, '0')}`,
    ...{ type, state, until: null, why: null, task_id: null, task_count: 0, pid: null },
    today: { tokens: 0, cost_usd: 0 },
  }))
}
