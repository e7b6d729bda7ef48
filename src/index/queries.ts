// The reading half of the index: one SELECT for each question. Promises: the exact JSON of DESIGN 5; every answer that a
// person waits for is bounded, but the list of all tasks.
import type { AgentView, RunRecord, TaskStatus } from '../types.ts'
import type * as shape from './shapes.ts'
import type { Statements } from './statements.ts'

/** Waiting rows in `status`, and events in one answer: what a screen can use; `tasks` has all. */
const WAITING = 100
const EVENTS_AT_ONCE = 500

const TASK = `id, status, priority, description, agent_id, attempt, outcome, needs_review, error, reason, file`
const EVENT = `seq, at, kind, task_id, agent_id, text`
/** As `queueOrder` in src/core/distribute.ts, but for the moment of arrival, which is not in the index. */
const LEVEL = `max(0, CASE priority WHEN 'high' THEN 0 WHEN 'low' THEN 2 ELSE 1 END
  - max(0, CAST((? - created_at) / 1800000 AS INTEGER)))`

type TaskRow = Omit<shape.TaskJson, 'needs_review'> & { needs_review: number }
type EventRow = Omit<shape.EventJson, 'at'> & { at: number }

export interface Queries {
  status(extra: shape.StatusExtra): shape.StatusJson
  counts(): shape.Counts
  /** `active` is the word of the specification for `assigned`. Oldest first. */
  tasks(filter?: { status?: TaskStatus | 'active'; limit?: number }): shape.TaskJson[]
  agents(): shape.AgentJson[]
  /** Null when neither a file nor a run of that id is known. */
  show(id: string): shape.ShowJson | null
  /** Events after number `after`, oldest first; from the beginning when `after` is of an index that is gone. */
  events(after: number, limit?: number): shape.EventsJson
}

export function createQueries(sql: Statements, now: () => number = Date.now): Queries {
  function counts(): shape.Counts {
    const tasks = { pending: 0, assigned: 0, completed: 0, failed: 0, held: 0, invalid: 0 }
    const agents = { idle: 0, busy: 0, failed: 0, limited: 0, missing: 0 }
    const group = (table: string, by: string) =>
      sql.rows<{ name: string; n: number }>(
        `SELECT ${by} AS name, count(*) AS n FROM ${table} GROUP BY ${by}`,
      )
    for (const { name, n } of group('tasks', 'status')) tasks[name as TaskStatus] = n
    for (const { name, n } of group('agents', 'state')) agents[name as AgentView['state']] = n
    return { tasks, agents }
  }

  function waiting(): shape.StatusJson['waiting'] {
    const queue = sql.rows<{ id: string; reason: string }>(
      `SELECT id, coalesce(reason, 'it waits for its turn') AS reason FROM tasks
        WHERE status = 'pending' ORDER BY ${LEVEL}, created_at, id LIMIT ${WAITING}`,
      [now()],
    )
    const stuck = sql.rows<{ id: string; reason: string }>(
      `SELECT id, coalesce(reason, error, status) AS reason FROM tasks
        WHERE status IN ('held', 'invalid') ORDER BY status, created_at, id LIMIT ${WAITING}`,
    )
    return [...queue, ...stuck]
  }

  return {
    counts,
    status(extra) {
      const { tasks, agents } = counts()
      const active = sql.rows<shape.ActiveJson>(
        `SELECT t.id, t.agent_id, coalesce(r.agent_type, a.type) AS agent_type, t.attempt,
            r.started_at, t.description
          FROM tasks t LEFT JOIN runs r ON r.task_id = t.id AND r.attempt = t.attempt
          LEFT JOIN agents a ON a.id = t.agent_id
          WHERE t.status = 'assigned' ORDER BY r.started_at, t.id`,
      )
      const total = Object.values(agents).reduce((sum, n) => sum + n, 0)
      const { pid, ...said } = extra
      return {
        ...{ running: true, pid, tasks, active, waiting: waiting() },
        ...{ agents: { total, busy: agents.busy }, ...said },
      }
    },
    tasks({ status, limit = -1 } = {}) {
      const word = status === 'active' ? 'assigned' : (status ?? null)
      return sql
        .rows<TaskRow>(
          `SELECT ${TASK} FROM tasks WHERE ${word ? 'status = ?' : '? IS NULL'}
            ORDER BY created_at, id, file LIMIT ?`,
          [word, limit],
        )
        .map(task)
    },
    agents: () =>
      sql.rows(`SELECT id, type, state, task_id, task_count, pid FROM agents ORDER BY id`),
    show(id) {
      const tasks = sql
        .rows<TaskRow>(`SELECT ${TASK} FROM tasks WHERE id = ? ORDER BY created_at, file`, [id])
        .map(task)
      const runs = sql.rows<{ record: string }>(
        `SELECT record FROM runs WHERE task_id = ? ORDER BY attempt`,
        [id],
      )
      if (tasks.length + runs.length === 0) return null
      const events = sql.rows<EventRow>(
        `SELECT ${EVENT} FROM events WHERE task_id = ? ORDER BY seq DESC LIMIT 100`,
        [id],
      )
      return { tasks, runs: runs.map(run), events: events.reverse().map(event) }
    },
    events(after, limit = EVENTS_AT_ONCE) {
      const last =
        sql.rows<{ n: number }>(`SELECT coalesce(max(seq), 0) AS n FROM events`)[0]?.n ?? 0
      const rows = sql.rows<EventRow>(
        `SELECT ${EVENT} FROM events WHERE seq > ? ORDER BY seq LIMIT ?`,
        [after > last ? 0 : after, limit],
      )
      return { events: rows.map(event), last }
    },
  }
}

const task = (row: TaskRow): shape.TaskJson => ({ ...row, needs_review: row.needs_review === 1 })

/** A time beyond the calendar is shown as its beginning, not as an exception. */
const event = (row: EventRow): shape.EventJson => ({
  ...row,
  at: new Date(Math.abs(row.at) <= 8.64e15 ? row.at : 0).toISOString(),
})

/** The mark is for finding processes, not for showing. */
function run({ record }: { record: string }): Omit<RunRecord, 'nonce'> {
  const { nonce: _, ...rest } = JSON.parse(record) as RunRecord
  return rest
}
