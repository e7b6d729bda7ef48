// What is settled, as the rows remember it: for a start that does not read it again, and for a list while nothing runs.
import type { Settled, TaskView } from '../types.ts'
import type { Statements } from './statements.ts'

/** Rows that are one answer: cell by cell they cost ten times as much, all at once the memory of wasm, which is never given back. */
const PART = 2000

/** The rows that a next start may believe. */
export const SURE = 'stamp IS NOT NULL AND learnt IS NOT NULL'

const STAMPS = ['status', `substr(file, length(status) + 8)`, 'id', 'stamp', 'learnt']
const VIEW = [
  ...['file', 'id', 'status', 'priority', 'description', 'created_at', 'agent_id', 'attempt'],
  ...['outcome', 'needs_review', 'error', 'stamp', 'learnt'],
]

export const stamps = (sql: Statements): Settled[] =>
  parts<[Settled['state'], string, string, string, string]>(sql, STAMPS).map(
    ([state, name, id, stamp, learnt]) => ({ state, name, id, stamp, learnt }),
  )

export const settled = (sql: Statements): TaskView[] =>
  parts<[...Cells]>(sql, VIEW).map(
    ([file, id, status, priority, description, createdAt, agentId, attempt, ...more]) => {
      const [outcome, needsReview, error, stamp, learnt] = more
      return {
        ...{ file, id, status, priority, description, createdAt, agentId, attempt, outcome },
        ...{ needsReview: needsReview === 1, error, reason: null, stamp, learnt },
      }
    },
  )

function parts<Cells>(sql: Statements, columns: string[]): Cells[] {
  const all: Cells[] = []
  for (let last = Number.MIN_SAFE_INTEGER; ; ) {
    const [part] = sql.rows<{ cells: string; last: number | null }>(
      `SELECT json_group_array(json_array(${columns})) AS cells, max(n) AS last FROM (
        SELECT rowid AS n, * FROM tasks WHERE rowid > ? AND ${SURE}
        ORDER BY rowid LIMIT ${PART})`,
      [last],
    )
    if (part?.last == null) return all
    for (const row of JSON.parse(part.cells) as Cells[]) all.push(row)
    last = part.last
  }
}

type View = TaskView
type Cells = [
  ...[View['file'], View['id'], View['status'], View['priority'], View['description']],
  ...[View['createdAt'], View['agentId'], View['attempt'], View['outcome'], 0 | 1],
  ...[View['error'], View['stamp'], View['learnt']],
]
