// One sql.js database as two verbs, `change` and `rows`. Promises: each text is prepared once; changes of one turn of the
// event loop are one transaction; no read is left open (sql.js refuses to export while one is).
import type { Database, SqlValue, Statement } from 'sql.js'

export interface Statements {
  /** Returns how many rows it changed; an upsert that finds the same values changes none. */
  change(text: string, values?: SqlValue[]): number
  /** The caller names in `Row` the columns that its SELECT names. */
  rows<Row>(text: string, values?: SqlValue[]): Row[]
  /** Ends the open transaction, if any. */
  commit(): void
}

export function createStatements(db: Database): Statements {
  const prepared = new Map<string, Statement>()
  let open = false

  function prepare(text: string): Statement {
    const kept = prepared.get(text)
    if (kept) return kept
    const statement = db.prepare(text)
    prepared.set(text, statement)
    return statement
  }

  function commit(): void {
    if (!open) return
    open = false
    db.run('COMMIT')
  }

  /** Nothing waits for this one to hear of a fault: the next change meets it again, and its caller tells. */
  function commitLater(): void {
    try {
      commit()
    } catch {
      open = false
    }
  }

  return {
    change(text, values = []) {
      if (!open) {
        db.run('BEGIN')
        open = true
        setImmediate(commitLater).unref()
      }
      prepare(text).run(values.map(wellFormed))
      return db.getRowsModified()
    },
    rows<Row>(text: string, values: SqlValue[] = []) {
      const statement = prepare(text)
      try {
        statement.bind(values.map(wellFormed))
        const found: Row[] = []
        // Not getAsObject, which asks for the names again with each row: 2.1 s for 100,000 tasks. Nor Object.fromEntries,
        // which makes a pair of every cell: three times what SQLite takes.
        const names = statement.getColumnNames()
        while (statement.step()) {
          const row: Record<string, unknown> = {}
          for (const [i, cell] of statement.get().entries()) row[names[i] ?? ''] = cell
          found.push(row as Row)
        }
        return found
      } finally {
        statement.reset()
      }
    },
    commit,
  }
}

/** sql.js writes half a surrogate pair (YAML can spell one) as bytes that are no UTF-8. */
const wellFormed = (value: SqlValue): SqlValue =>
  typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\ufffd') : value
