// What the queries answer: the JSON of DESIGN 5, and of `show` and `events`, as types. Nothing else.
import type { AgentView, EventView, Outcome, Priority, RunRecord, TaskStatus } from '../types.ts'

export interface TaskJson {
  id: string
  status: TaskStatus
  priority: Priority
  description: string
  agent_id: string | null
  attempt: number
  outcome: Outcome | null
  needs_review: boolean
  error: string | null
  reason: string | null
  file: string
}

/** Tokens of all kinds together, and US dollars where the agent tells its cost. */
export interface Used {
  tokens: number
  cost_usd: number
}

export interface AgentJson {
  id: string
  type: string
  state: AgentView['state']
  /** ISO 8601: when its limit is over. */
  until: string | null
  /** Why it takes no task, where its state does not say all. */
  why: string | null
  /** What its runs of today have used, by their own reports. */
  today: Used
  task_id: string | null
  task_count: number
  pid: number | null
}

export interface ActiveJson {
  id: string
  agent_id: string | null
  agent_type: string | null
  attempt: number
  /** ISO 8601; null until the run is known. */
  started_at: string | null
  /** Why this type, where `selection: learned` chose it. */
  chosen: string | null
  description: string
}

export interface Counts {
  tasks: Record<TaskStatus, number>
  agents: Record<AgentView['state'], number>
}

/** What the index cannot know. */
export interface StatusExtra {
  pid: number
  /** Why nothing is claimed now. */
  halted?: string | null
  notes?: string[]
}

export interface StatusJson extends StatusExtra {
  running: true
  tasks: Counts['tasks']
  active: ActiveJson[]
  /** In queue order, then what a person must see to; at most 100 of each. */
  waiting: { id: string; reason: string }[]
  agents: { total: number; busy: number }
  /** Of all runs that ended today. */
  today: Used
}

export interface EventJson {
  /** Rises by one; ask for the events after it. */
  seq: number
  /** ISO 8601. */
  at: string
  kind: EventView['kind']
  task_id: string | null
  agent_id: string | null
  text: string
}

export interface EventsJson {
  events: EventJson[]
  /** The newest event there is; 0 when there is none. */
  last: number
}

export interface ShowJson {
  /** More than one where two files claim one id. */
  tasks: TaskJson[]
  /** Oldest first; without the mark. */
  runs: Omit<RunRecord, 'nonce'>[]
  /** The latest 100, oldest first. */
  events: EventJson[]
}
