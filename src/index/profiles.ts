// The profiles of agents from records alone: the same answer as the index gives, where no orchestrator runs. Promises: writes
// nothing; the very SELECT of the index, on tables in memory.
import type { Profile, RunRecord } from '../types.ts'
import { emptyImage } from './load.ts'
import { putRun } from './put.ts'
import { createQueries } from './queries.ts'
import { createStatements } from './statements.ts'

export async function profilesOf(runs: readonly RunRecord[]): Promise<Profile[]> {
  const db = await emptyImage()
  try {
    const sql = createStatements(db)
    for (const run of runs) putRun(sql, run, '')
    sql.commit()
    return createQueries(sql).profiles()
  } finally {
    db.close()
  }
}
