// What the image of the index shows at work may have ended since it was saved: a killed orchestrator saved it, and went on.
// Promises: reads the run folders of those runs alone; what still works stays as it is.
import { readdir } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { history } from '../files/run-folder.ts'
import type { Index } from '../index/index.ts'

/** Run folders that are read until something else has its turn. */
const TURN = 100

export async function catchUp(
  index: Pick<Index, 'unended' | 'putRun'>,
  runs: string,
): Promise<void> {
  for (const { task_id, attempt } of index.unended()) {
    const run = (await history(runs, task_id)).find((one) => one.attempt === attempt)
    if (run) index.putRun(run)
  }
}

/** An index that began empty learns of the runs of the past from their folders, beside the work. Never throws. */
export async function refill(
  index: Pick<Index, 'hasProfiles' | 'putRun'>,
  runs: string,
): Promise<void> {
  if (index.hasProfiles()) return
  const ids = await readdir(runs).catch(() => [])
  for (const [n, id] of ids.entries()) {
    if (n % TURN === 0) await setImmediate()
    for (const run of await history(runs, id).catch(() => [])) if (run.outcome) index.putRun(run) // of what works, the core tells
  }
}
