// Opens the image of the index, or starts an empty one. Promises: a missing, old, damaged or foreign image is a line in the
// log and never an error; what comes back has exactly our tables, with runs and events of the past, no agents, and of
// the tasks those that are settled and were read by the same rules.
import { stat } from 'node:fs/promises'
import type { Database, SqlJsStatic } from 'sql.js'
import { isErrno, readRegular } from '../files/files.ts'
import { stamps } from '../files/stamps.ts'
import type { Log } from '../types.ts'
import { type Dump, dump } from './dump.ts'
import { EVENTS, RUNS, TABLES, VERSION } from './schema.ts'
import { SURE } from './settled.ts'
import { createStatements } from './statements.ts'

/** The wasm heap ends at 2 GiB, and opening and exporting hold the image twice. */
const CAP = 512 * 1024 * 1024

/** What is known of the image before it is read. */
export interface Known {
  /** What its rows depend on besides their files; empty: not known. */
  rules: string
  /** Its stamp when we left it, whole; null: not known. */
  stamp: string | null
}

export async function loadImage(file: string, log: Log, known: Known): Promise<Database> {
  const sql = await load()
  const note = (level: 'debug' | 'warn', what: string) =>
    log(level, `the index ${file} ${what}; it starts empty, and the files fill it`)

  const read = await bytes(file)
  if (typeof read === 'string') note(read === ABSENT ? 'debug' : 'warn', read)
  else {
    const kept = revive(sql, read, known)
    if (typeof kept !== 'string') return kept
    note('warn', kept)
  }
  return emptyImage()
}

/** Our tables, in memory. */
export async function emptyImage(): Promise<Database> {
  const sql = await load()
  const db = new sql.Database()
  for (const table of TABLES) db.run(table)
  const meta = ['version', VERSION, 'generation', 0, 'rules', '']
  db.run('INSERT INTO meta VALUES (?, ?), (?, ?), (?, ?)', meta)
  settle(db, '')
  return db
}

/** Loaded here and nowhere else: 225 ms. It finds its .wasm beside its own file, wherever it is installed. */
async function load(): Promise<SqlJsStatic> {
  const { default: initSqlJs } = await import('sql.js')
  return initSqlJs()
}

/** All rows of an image as it lies there; why it cannot be used; null: there is none. Writes nothing. */
export async function inspectImage(file: string): Promise<Dump | string | null> {
  const read = await bytes(file)
  if (typeof read === 'string') return read === ABSENT ? null : read
  const sql = await load()
  let db: Database | undefined
  try {
    db = new sql.Database(read.image)
    return judge(db, read.image.length) ?? dump(createStatements(db))
  } catch (error) {
    return damaged(error)
  } finally {
    db?.close()
  }
}

const ABSENT = 'is not there yet'
const damaged = (error: unknown) =>
  `is damaged (${error instanceof Error ? error.message : String(error)})`

type Read = { image: Buffer; stamp: string }

/** The image, or why there is none. */
async function bytes(file: string): Promise<Read | string> {
  try {
    const seen = await stat(file)
    const { size } = seen
    if (size > CAP) return `has ${size} bytes, which is too large`
    // SQLite opens nothing as a valid empty database.
    return size === 0
      ? 'is empty'
      : { image: await readRegular(file, size), stamp: stamps(seen).stamp }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return ABSENT
    return `cannot be read (${error instanceof Error ? error.message : String(error)})`
  }
}

/** The image as a database, made ready; or why it cannot be used. */
function revive(sql: SqlJsStatic, { image, stamp }: Read, known: Known): Database | string {
  let db: Database | undefined
  try {
    db = new sql.Database(image)
    const flaw = judge(db, image.length, stamp === known.stamp)
    if (flaw === null) {
      settle(db, known.rules, stamp === known.stamp)
      return db
    }
    db.close()
    return flaw
  } catch (error) {
    db?.close()
    return damaged(error)
  }
}

/** Why an image of `size` bytes is not to be used; null when it is. @param ours it is as we left it: each of its pages need not be looked at. */
function judge(db: Database, size: number, ours = false): string | null {
  const cell = cellOf(db)
  const shape = db.exec(`SELECT sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'`)[0]
  const tables = (shape?.values ?? []).map(([text]) => String(text)).sort()
  const versioned = tables.some((text) => text.startsWith('CREATE TABLE meta '))
  if (!versioned || cell(`SELECT value FROM meta WHERE key = 'version'`) !== VERSION) {
    return `is not of version ${VERSION}`
  }
  // Exactly ours: an image may come from anywhere, and a trigger or a view in it would run.
  const wanted = [...TABLES].sort()
  if (tables.length !== wanted.length || wanted.some((text, i) => text !== tables[i])) {
    return 'has other tables than ours'
  }
  // A last page that is cut is read as if it ended in zeros, which may pass for whole.
  if (Number(cell('PRAGMA page_count')) * Number(cell('PRAGMA page_size')) !== size) {
    return 'is damaged (cut short)'
  }
  if (ours) return null
  const health = cell('PRAGMA integrity_check(1)')
  return health === 'ok' ? null : `is damaged (${String(health).replace(/\s+/g, ' ')})`
}

const OTHERS = [
  ...['priority', 'description', 'created_at', 'agent_id', 'attempt', 'outcome', 'needs_review'],
  'error',
]
/** An image may come from anywhere. */
const SETTLED = `${['file', 'id', 'stamp', 'learnt'].map((name) => `typeof(${name}) = 'text'`).join(' AND ')}
  AND status IN ('completed', 'failed') AND file GLOB 'tasks/' || status || '/*'
  AND 'blob' NOT IN (${OTHERS.map((name) => `typeof(${name})`)})`

const cellOf = (db: Database) => (query: string) => db.exec(query)[0]?.values[0]?.[0]

/** The core puts every agent again at its start, and every task but what is settled; runs and events are kept, bounded. */
function settle(db: Database, rules: string, ours = false): void {
  const same = rules && cellOf(db)(`SELECT value FROM meta WHERE key = 'rules'`) === rules
  db.run('PRAGMA journal_mode = MEMORY')
  db.run(`DELETE FROM tasks WHERE ${same ? `NOT (${ours ? SURE : SETTLED})` : 'true'}`)
  db.run('DELETE FROM agents')
  db.run(`DELETE FROM runs WHERE record IS NULL OR NOT json_valid(record)`)
  db.run(`DELETE FROM runs WHERE rowid <= (SELECT max(rowid) FROM runs) - ${RUNS}`)
  db.run(`DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ${EVENTS}`)
}
