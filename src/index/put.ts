// The writing half of the index: one upsert for each kind of row. Promises: a row that is there already with the same
// values changes nothing; events and runs stay bounded; a run that ends is told of once.
import type { SqlValue } from 'sql.js'
import type { AgentView, EventView, RunRecord, TaskView } from '../types.ts'
import { EVENTS, RUNS } from './schema.ts'
import type { Statements } from './statements.ts'

const PUT_TASK = upsert(
  'tasks',
  ['file'],
  [
    'id',
    'status',
    'priority',
    'description',
    'created_at',
    'agent_id',
    'attempt',
    'outcome',
    'needs_review',
    'error',
    'reason',
    'stamp',
    'learnt',
  ],
)
const PUT_RUN = upsert(
  'runs',
  ['task_id', 'attempt'],
  ['agent_id', 'agent_type', 'started_at', 'ended_at', 'outcome', 'tokens', 'cost_usd', 'record'],
)
const PUT_AGENT = upsert(
  'agents',
  ['id'],
  ['type', 'state', 'until', 'why', 'task_id', 'task_count', 'pid'],
)

function upsert(table: string, key: string[], columns: string[]): string {
  const set = columns.map((name) => `${name} = excluded.${name}`)
  const changed = columns.map((name) => `${table}.${name} IS NOT excluded.${name}`)
  const all = [...key, ...columns]
  return `INSERT INTO ${table} (${all}) VALUES (${all.map(() => '?')})
    ON CONFLICT (${key}) DO UPDATE SET ${set} WHERE ${changed.join(' OR ')}`
}

export function putTask(sql: Statements, row: TaskView): number {
  const { file, id, status, priority, description, createdAt, agentId, attempt, outcome } = row
  return sql.change(PUT_TASK, [
    ...[file, id, status, priority, description, createdAt, agentId, attempt, outcome],
    ...[row.needsReview ? 1 : 0, row.error, row.reason, row.stamp, row.learnt],
  ])
}

export function dropTask(sql: Statements, file: string): number {
  return sql.change('DELETE FROM tasks WHERE file = ?', [file])
}

export function putAgent(sql: Statements, row: AgentView): number {
  const { id, type, state, until, why, taskId, taskCount, pid } = row
  return sql.change(PUT_AGENT, [id, type, state, until, why, taskId, taskCount, pid])
}

export function dropAgent(sql: Statements, id: string): number {
  return sql.change('DELETE FROM agents WHERE id = ?', [id])
}

/**
 * `ended` is true for exactly one put of a run: the first with an outcome, when the run was known as running, or was
 * not known and ended after `since` (ISO 8601; what an earlier orchestrator finished is only told again).
 */
export function putRun(
  sql: Statements,
  run: RunRecord,
  since: string,
): { changed: number; ended: boolean } {
  const key: SqlValue[] = [run.task_id, run.attempt]
  const known = sql.rows<{ outcome: string | null }>(
    'SELECT outcome FROM runs WHERE task_id = ? AND attempt = ?',
    key,
  )[0]
  const ended =
    run.outcome !== undefined && (known ? known.outcome === null : (run.ended_at ?? '') >= since)
  const changed = sql.change(PUT_RUN, [
    ...key,
    run.agent_id,
    run.agent_type,
    run.assigned_at,
    run.ended_at ?? null,
    run.outcome ?? null,
    run.tokens ?? null,
    run.cost_usd ?? null,
    JSON.stringify(run),
  ])
  if (changed > 0) {
    // Attempts count upwards in time. A higher one that is older is of a run folder that a person has removed.
    const later = 'DELETE FROM runs WHERE task_id = ? AND attempt > ? AND started_at < ?'
    sql.change(later, [...key, run.assigned_at])
    sql.change(`DELETE FROM runs WHERE rowid <= (SELECT max(rowid) FROM runs) - ${RUNS}`)
  }
  return { changed, ended }
}

export function putEvent(sql: Statements, row: EventView): number {
  const { at, kind, taskId, agentId, text } = row
  const add = 'INSERT INTO events (at, kind, task_id, agent_id, text) VALUES (?, ?, ?, ?, ?)'
  const changed = sql.change(add, [at, kind, taskId, agentId, text])
  sql.change(`DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ${EVENTS}`)
  return changed
}
