// The tables of the index. Promises: an image whose tables are not exactly these is never read: the files fill a new one.

/** One up for every change below, or of what a column means. */
export const VERSION = 4

/** The latest events that are kept; the log has all of them. */
export const EVENTS = 10_000
/** The latest runs that are kept, about 1 KB each; the run folders have all of them. */
export const RUNS = 20_000

/** Times: `created_at`, `until` and `at` are epoch ms, the others ISO 8601. Ids are compared without case (DESIGN 2). */
export const TABLES = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID`,
  `CREATE TABLE tasks (
    file TEXT PRIMARY KEY, id TEXT COLLATE NOCASE, status TEXT, priority TEXT, description TEXT,
    created_at INTEGER, agent_id TEXT, attempt INTEGER, outcome TEXT, needs_review INTEGER,
    error TEXT, reason TEXT, stamp TEXT, learnt TEXT
  )`,
  `CREATE INDEX tasks_queue ON tasks (status, priority, created_at, id)`,
  `CREATE INDEX tasks_id ON tasks (id)`,
  `CREATE TABLE runs (
    task_id TEXT COLLATE NOCASE, attempt INTEGER, agent_id TEXT, agent_type TEXT, started_at TEXT,
    ended_at TEXT, outcome TEXT, tokens INTEGER, cost_usd REAL, record TEXT, PRIMARY KEY (task_id, attempt)
  )`,
  `CREATE INDEX runs_ended ON runs (ended_at, agent_id, tokens, cost_usd)`,
  `CREATE TABLE agents (
    id TEXT PRIMARY KEY, type TEXT, state TEXT, until INTEGER, why TEXT, task_id TEXT,
    task_count INTEGER, pid INTEGER
  )`,
  `CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, kind TEXT, task_id TEXT COLLATE NOCASE,
    agent_id TEXT, text TEXT
  )`,
  `CREATE INDEX events_task ON events (task_id)`,
]
