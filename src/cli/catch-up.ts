// What the image of the index shows at work may have ended since it was saved: a killed orchestrator saved it, and went on.
// Promises: reads the run folders of those runs alone; what still works stays as it is.
import { history } from '../files/run-folder.ts'
import type { Index } from '../index/index.ts'

export async function catchUp(
  index: Pick<Index, 'unended' | 'putRun'>,
  runs: string,
): Promise<void> {
  for (const { task_id, attempt } of index.unended()) {
    const run = (await history(runs, task_id)).find((one) => one.attempt === attempt)
    if (run) index.putRun(run)
  }
}
