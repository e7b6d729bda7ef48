// All rows of the index in the shapes of the core, for a test to compare them with the files.
import type { AgentView, EventView, RunRecord, TaskView } from '../types.ts'
import type { Statements } from './statements.ts'

/** Ordered by key; events oldest first. */
export interface Dump {
  tasks: TaskView[]
  runs: RunRecord[]
  agents: AgentView[]
  events: EventView[]
}

export function dump(sql: Statements): Dump {
  return {
    tasks: sql
      .rows<Omit<TaskView, 'needsReview'> & { needsReview: number }>(
        `SELECT file, id, status, priority, description, created_at AS createdAt,
          agent_id AS agentId, attempt, outcome, needs_review AS needsReview, error, reason, stamp, learnt
          FROM tasks ORDER BY file`,
      )
      .map((row) => ({ ...row, needsReview: row.needsReview === 1 })),
    runs: sql
      .rows<{ record: string }>(`SELECT record FROM runs ORDER BY task_id, attempt`)
      .map(({ record }) => JSON.parse(record) as RunRecord),
    agents: sql.rows(
      `SELECT id, type, state, until, why, task_id AS taskId, task_count AS taskCount, pid
        FROM agents ORDER BY id`,
    ),
    events: sql.rows(
      `SELECT at, kind, task_id AS taskId, agent_id AS agentId, text FROM events ORDER BY seq`,
    ),
  }
}
