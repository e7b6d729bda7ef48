// Opens the image of the index, or starts an empty one. Promises: a missing, old, damaged or foreign image is a line in the
// log and never an error; what comes back has exactly our tables, with runs and events of the past and no tasks or agents.
import { stat } from 'node:fs/promises'
import type { Database, SqlJsStatic } from 'sql.js'
import { isErrno, readRegular } from '../files/files.ts'
import type { Log } from '../types.ts'
import { type Dump, dump } from './dump.ts'
import { EVENTS, RUNS, TABLES, VERSION } from './schema.ts'
import { createStatements } from './statements.ts'

/** The wasm heap ends at 2 GiB, and opening and exporting hold the image twice. */
const CAP = 512 * 1024 * 1024

export async function loadImage(file: string, log: Log): Promise<Database> {
  const sql = await load()
  const note = (level: 'debug' | 'warn', what: string) =>
    log(level, `the index ${file} ${what}; it starts empty, and the files fill it`)

  const read = await bytes(file)
  if (typeof read === 'string') note(read === ABSENT ? 'debug' : 'warn', read)
  else {
    const kept = revive(sql, read)
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
  db.run('INSERT INTO meta VALUES (?, ?), (?, ?)', ['version', VERSION, 'generation', 0])
  settle(db)
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
    db = new sql.Database(read)
    return judge(db, read.length) ?? dump(createStatements(db))
  } catch (error) {
    return damaged(error)
  } finally {
    db?.close()
  }
}

const ABSENT = 'is not there yet'
const damaged = (error: unknown) =>
  `is damaged (${error instanceof Error ? error.message : String(error)})`

/** The image, or why there is none. */
async function bytes(file: string): Promise<Buffer | string> {
  try {
    const { size } = await stat(file)
    if (size > CAP) return `has ${size} bytes, which is too large`
    // SQLite opens nothing as a valid empty database.
    return size === 0 ? 'is empty' : await readRegular(file, size)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return ABSENT
    return `cannot be read (${error instanceof Error ? error.message : String(error)})`
  }
}

/** The image as a database, made ready; or why it cannot be used. */
function revive(sql: SqlJsStatic, image: Buffer): Database | string {
  let db: Database | undefined
  try {
    db = new sql.Database(image)
    const flaw = judge(db, image.length)
    if (flaw === null) {
      settle(db)
      return db
    }
    db.close()
    return flaw
  } catch (error) {
    db?.close()
    return damaged(error)
  }
}

/** Why an image of `size` bytes is not to be used; null when it is. */
function judge(db: Database, size: number): string | null {
  const cell = (query: string) => db.exec(query)[0]?.values[0]?.[0]
  const shape = db.exec(`SELECT sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'`)[0]
  const tables = (shape?.values ?? []).map(([text]) => String(text)).sort()
  const versioned = tables.some((text) => text.startsWith('CREATE TABLE meta '))
  if (!versioned || cell(`SELECT value FROM meta WHERE key = 'version'`) !== VERSION) {
    return `is not of version ${VERSION}`
  }
  // Exactly ours: an image may come from anywhere, and a trigger or a view in it would run.
  const ours = [...TABLES].sort()
  if (tables.length !== ours.length || ours.some((text, i) => text !== tables[i])) {
    return 'has other tables than ours'
  }
  // A last page that is cut is read as if it ended in zeros, which may pass for whole.
  if (Number(cell('PRAGMA page_count')) * Number(cell('PRAGMA page_size')) !== size) {
    return 'is damaged (cut short)'
  }
  const health = cell('PRAGMA integrity_check(1)')
  return health === 'ok' ? null : `is damaged (${String(health).replace(/\s+/g, ' ')})`
}

/** The core puts every task and agent again at its start; runs and events are kept from the image, bounded. */
function settle(db: Database): void {
  db.run('PRAGMA journal_mode = MEMORY')
  db.run('DELETE FROM tasks')
  db.run('DELETE FROM agents')
  db.run(`DELETE FROM runs WHERE record IS NULL OR NOT json_valid(record)`)
  db.run(`DELETE FROM runs WHERE rowid <= (SELECT max(rowid) FROM runs) - ${RUNS}`)
  db.run(`DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ${EVENTS}`)
}
