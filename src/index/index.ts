// The index: a mirror of the files in SQLite, for questions. Promises: deletable at any time; no call of the mirror throws.
// The core puts every agent again at its start, and every task but what is settled and unchanged: `openIndex` keeps only such
// tasks of the image, its runs and its events.
import type { Log, Mirror, RunRecord, Settled, TaskView } from '../types.ts'
import { type Dump, dump } from './dump.ts'
import { loadImage } from './load.ts'
import * as put from './put.ts'
import { createQueries, type Queries } from './queries.ts'
import { createSaver, removeDrafts, type Timers } from './save.ts'
import { settled, stamps } from './settled.ts'
import { createStatements } from './statements.ts'

export type * from './shapes.ts'

export interface Index extends Mirror, Queries {
  /** Calls back after each event; returns how to stop that. */
  onEvent(listener: () => void): () => void
  /** Calls back once for each run that ends from now on; returns how to stop that. */
  onRunEnd(listener: (run: RunRecord) => void): () => void
  dump(): Dump
  /** What is settled, and what tells whether it is so still. */
  stamps(): Settled[]
  /** The same as whole rows. */
  settled(): TaskView[]
  /** The runs that it shows at work. */
  unended(): { task_id: string; attempt: number }[]
  /** Saves the image now, if something changed. Never throws. */
  save(): Promise<void>
  /** Saves for the last time; from then on the mirror takes nothing, and a question throws. */
  close(): Promise<void>
}

/**
 * The caller holds the lock of the workspace. `file`: the image; `left`: its stamp when it was left whole; `rules`: what the rows of
 * tasks depend on besides their files, null when not all do; `timers`: for tests.
 */
export async function openIndex(parts: {
  file: string
  log: Log
  mine?: () => Promise<boolean>
  left?: string | null
  rules?: () => string | null
  timers?: Timers
}): Promise<Index> {
  const { file, log, left = null, rules = () => null } = parts
  await removeDrafts(file).catch((error) => log('warn', `drafts beside ${file}: ${error}`))
  const db = await loadImage(file, log, { rules: rules() ?? '', stamp: left })
  const sql = createStatements(db)
  const since = new Date().toISOString()
  const onEvent = new Set<() => void>()
  const onRunEnd = new Set<(run: RunRecord) => void>()
  let closed = false
  let flaw: string | null = null

  const saver = createSaver({
    file,
    log,
    mine: parts.mine,
    timers: parts.timers,
    size: () =>
      sql.rows<{ n: number }>(
        'SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size',
      )[0]?.n ?? 0,
    image() {
      sql.change(`UPDATE meta SET value = value + 1 WHERE key = 'generation'`)
      sql.change(`UPDATE meta SET value = ? WHERE key = 'rules'`, [rules() ?? ''])
      sql.commit() // sql.js refuses to export inside a transaction
      return db.export()
    },
  })

  /** The mirror never throws: a fault is told once, and the index is only behind. */
  function mirror(act: () => number): void {
    if (closed) return
    try {
      if (act() > 0) saver.changed()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      if (why !== flaw) log('warn', `the index missed a change: ${why}`)
      flaw = why
    }
  }

  return {
    ...createQueries(sql),
    putTask: (row) => mirror(() => put.putTask(sql, row)),
    dropTask: (name) => mirror(() => put.dropTask(sql, name)),
    putAgent: (row) => mirror(() => put.putAgent(sql, row)),
    dropAgent: (id) => mirror(() => put.dropAgent(sql, id)),
    putRun: (run) =>
      mirror(() => {
        const { changed, ended } = put.putRun(sql, run, since)
        if (ended) for (const listener of onRunEnd) listener(run)
        return changed
      }),
    event: (row) =>
      mirror(() => {
        const changed = put.putEvent(sql, row)
        for (const listener of onEvent) listener()
        return changed
      }),
    onEvent: (listener) => subscribe(onEvent, listener),
    onRunEnd: (listener) => subscribe(onRunEnd, listener),
    dump: () => dump(sql),
    stamps: () => stamps(sql),
    settled: () => settled(sql),
    unended: () => sql.rows('SELECT task_id, attempt FROM runs WHERE outcome IS NULL'),
    save: saver.save,
    async close() {
      if (closed) return
      closed = true
      await saver.close()
      sql.commit()
      db.close()
    },
  }
}

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
