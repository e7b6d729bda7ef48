// The reading half of the index: one SELECT for each question. Promises: the exact JSON of DESIGN 5; every answer that a
// person waits for is bounded, but the list of all tasks.
import type { AgentView, Profile, RunRecord, TaskStatus } from '../types.ts'
import type * as shape from './shapes.ts'
import type { Statements } from './statements.ts'

/** Waiting rows in `status`, and events in one answer: what a screen can use; `tasks` has all. */
const WAITING = 100
const EVENTS_AT_ONCE = 500

const TASK = `id, status, priority, description, agent_id, attempt, outcome, needs_review, error, reason, file`
const EVENT = `seq, at, kind, task_id, agent_id, text`
/** As `queueOrder` in src/look/order.ts, but for the moment of arrival, which is not in the index. */
const LEVEL = `max(0, CASE priority WHEN 'high' THEN 0 WHEN 'low' THEN 2 ELSE 1 END
  - max(0, CAST((? - created_at) / 1800000 AS INTEGER)))`

/** Runs that say something of their agent. */
const JUDGED = `r.outcome IN ('success', 'failed', 'timeout', 'stalled', 'no-result', 'crashed', 'denied')`

/** The first of each priority, by the index of the queue: whatever the levels, the first of all are among them. */
const FIRST = ['high', 'normal', 'low'].map(
  (priority) => `SELECT * FROM (SELECT id, reason, priority, created_at FROM tasks
    WHERE status = 'pending' AND priority = '${priority}' ORDER BY created_at, id LIMIT ${WAITING})`,
)

type TaskRow = Omit<shape.TaskJson, 'needs_review'> & { needs_review: number }
type EventRow = Omit<shape.EventJson, 'at'> & { at: number }

export interface Queries {
  status(extra: shape.StatusExtra): shape.StatusJson
  counts(): shape.Counts
  /** `active` is the word of the specification for `assigned`. Oldest first. */
  tasks(filter?: { status?: TaskStatus | 'active'; limit?: number }): shape.TaskJson[]
  agents(): shape.AgentJson[]
  /** Of the latest runs; what was cancelled, limited or never began says nothing of an agent. */
  profiles(): Profile[]
  /** Whether there are any. */
  hasProfiles(): boolean
  /** Null when neither a file nor a run of that id is known. */
  show(id: string): shape.ShowJson | null
  /** Events after number `after`, oldest first; from the beginning when `after` is of an index that is gone. */
  events(after: number, limit?: number): shape.EventsJson
}

export function createQueries(sql: Statements, now: () => number = Date.now): Queries {
  let most: TaskStatus = 'completed'

  /**
   * The status that the most tasks have is what the others leave of all: SQLite counts all by the page, those of one
   * status row by row, 15 ms for 100,000.
   */
  function statuses(): shape.Counts['tasks'] {
    const tasks = { pending: 0, assigned: 0, completed: 0, failed: 0, held: 0, invalid: 0 }
    const all = Object.keys(tasks) as TaskStatus[]
    const others = all.filter((name) => name !== most).map((name) => `'${name}'`)
    const few = sql.rows<{ name: TaskStatus; n: number }>(
      `SELECT status AS name, count(*) AS n FROM tasks WHERE status IN (${others}) GROUP BY status`,
    )
    tasks[most] = sql.rows<{ n: number }>(`SELECT count(*) AS n FROM tasks`)[0]?.n ?? 0
    for (const { name, n } of few) {
      tasks[name] = n
      tasks[most] -= n
    }
    most = all.reduce((a, b) => (tasks[b] > tasks[a] ? b : a))
    return tasks
  }

  function counts(): shape.Counts {
    const agents = { idle: 0, busy: 0, failed: 0, limited: 0, missing: 0 }
    const found = sql.rows<{ name: AgentView['state']; n: number }>(
      `SELECT state AS name, count(*) AS n FROM agents GROUP BY state`,
    )
    for (const { name, n } of found) agents[name] = n
    return { tasks: statuses(), agents }
  }

  /** Of the runs since midnight, by agent. */
  function today(): Map<string, shape.Used> {
    const midnight = new Date(new Date(now()).setHours(0, 0, 0, 0)).toISOString()
    const rows = sql.rows<{ id: string } & shape.Used>(
      `SELECT agent_id AS id, coalesce(sum(tokens), 0) AS tokens, coalesce(sum(cost_usd), 0) AS cost_usd
        FROM runs WHERE ended_at >= ? GROUP BY agent_id`,
      [midnight],
    )
    return new Map(rows.map(({ id, ...used }) => [id, used]))
  }

  function waiting(): shape.StatusJson['waiting'] {
    const queue = sql.rows<{ id: string; reason: string }>(
      `SELECT id, coalesce(reason, 'it waits for its turn') AS reason FROM (${FIRST.join(' UNION ALL ')})
        ORDER BY ${LEVEL}, created_at, id LIMIT ${WAITING}`,
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
            r.started_at, json_extract(r.record, '$.chosen') AS chosen, t.description
          FROM tasks t LEFT JOIN runs r ON r.task_id = t.id AND r.attempt = t.attempt
          LEFT JOIN agents a ON a.id = t.agent_id
          WHERE t.status = 'assigned' ORDER BY r.started_at, t.id`,
      )
      const total = Object.values(agents).reduce((sum, n) => sum + n, 0)
      const { pid, ...said } = extra
      return {
        ...{ running: true, pid, tasks, active, waiting: waiting() },
        ...{ agents: { total, busy: agents.busy }, today: added(today().values()), ...said },
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
    agents() {
      const used = today()
      return sql
        .rows<Omit<shape.AgentJson, 'until' | 'today'> & { until: number | null }>(
          `SELECT id, type, state, until, why, task_id, task_count, pid FROM agents ORDER BY id`,
        )
        .map((row) => ({
          ...row,
          until: row.until ? new Date(row.until).toISOString() : null,
          today: used.get(row.id) ?? { tokens: 0, cost_usd: 0 },
        }))
    },
    hasProfiles: () => sql.rows(`SELECT 1 AS one FROM runs r WHERE ${JUDGED} LIMIT 1`).length > 0,
    profiles() {
      const good = `CASE WHEN r.outcome = 'success' THEN`
      const columns = `count(*) AS runs, sum(r.outcome = 'success') AS succeeded,
        avg(${good} json_extract(r.record, '$.duration_seconds') END) AS seconds,
        avg(r.tokens) AS tokens, avg(r.cost_usd) AS cost_usd, avg(${good} r.attempt - 1 END) AS retries`
      return sql.rows(
        `SELECT agent_type, '' AS label, ${columns} FROM runs r WHERE ${JUDGED} GROUP BY agent_type
          UNION ALL
          SELECT agent_type, l.value AS label, ${columns}
            FROM runs r, json_each(r.record, '$.labels') l WHERE ${JUDGED} GROUP BY agent_type, l.value
          ORDER BY 2, 1`,
      )
    },
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

function added(all: Iterable<shape.Used>): shape.Used {
  const total = { tokens: 0, cost_usd: 0 }
  for (const { tokens, cost_usd } of all) {
    total.tokens += tokens
    total.cost_usd += cost_usd
  }
  return total
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
