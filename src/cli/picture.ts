// What the program shows of itself: the JSON of `status`, `tasks` and `agents` (DESIGN 5), from the running
// orchestrator or, without one, from the folders. Promises: reading never writes, and counting loads no parser.

import type { Workspace } from '../files/workspace.ts'
import type { AgentJson, StatusJson, TaskJson } from '../index/shapes.ts'
import { OrchestrateError, type TaskStatus } from '../types.ts'
import { json } from './output.ts'
import { asked, askedShown } from './running.ts'
import { countNames } from './stopped.ts'

/** As the index answers; without a running orchestrator it has neither pid nor reasons nor costs. */
export type StatusView = Omit<StatusJson, 'running' | 'pid' | 'today'> & {
  today?: StatusJson['today']
  running: boolean
  pid: number | null
}
export type TaskRow = TaskJson
export type AgentRow = AgentJson

/** All of it at one moment, for the live table. */
export interface Picture {
  status: StatusView
  agents: AgentRow[]
}

export async function statusOf(at: Workspace): Promise<StatusView> {
  const answer = await asked<StatusView>(at, 'GET', '/status')
  return answer ?? countNames(at)
}

const tasksRoute = (status?: TaskStatus) => `/tasks${status ? `?status=${status}` : ''}`

export async function tasksOf(at: Workspace, status?: TaskStatus): Promise<TaskRow[]> {
  return (await asked<TaskRow[]>(at, 'GET', tasksRoute(status))) ?? listed(at, status)
}

/** The same as JSON, to be printed. What a running orchestrator answers is passed on unread. */
export async function tasksShown(at: Workspace, status?: TaskStatus): Promise<string | Uint8Array> {
  const reply = await askedShown(at, tasksRoute(status))
  return reply?.shown ?? `${json(reply ? reply.body : await listed(at, status))}\n`
}

async function listed(at: Workspace, status?: TaskStatus): Promise<TaskRow[]> {
  const { listTasks } = await import('./stopped-tasks.ts')
  return (await listTasks(at)).filter((row) => !status || row.status === status)
}

export async function agentsOf(at: Workspace, env: NodeJS.ProcessEnv): Promise<AgentRow[]> {
  const answer = await asked<AgentRow[]>(at, 'GET', '/agents')
  return answer ?? (await import('./stopped-agents.ts')).listAgents(at, env)
}

export const STATUSES = ['pending', 'assigned', 'completed', 'failed', 'held', 'invalid'] as const

/** `active` is the word of specification 10.2 for assigned tasks. Throws `USAGE` with the nearest word. */
export async function statusWord(word: string): Promise<TaskStatus> {
  const status = word === 'active' ? 'assigned' : STATUSES.find((one) => one === word)
  if (status) return status
  const { nearest } = await import('../files/nearest.ts')
  const words = ['active', ...STATUSES]
  const near = nearest(word, words)
  const hint = near ? `did you mean \`${near}\`?` : `it is one of ${words.join(', ')}`
  throw new OrchestrateError('USAGE', `\`${word}\` is not a status of a task`, hint)
}
