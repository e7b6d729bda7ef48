// The tasks of a workspace, read from their files and run folders. Promises: writes nothing.
import { createRecords } from '../files/records.ts'
import type { Workspace } from '../files/workspace.ts'
import { type FolderRules, Folders } from '../look/folders.ts'
import { type Kept, type Listed, listed, sameRuns } from '../look/kept.ts'
import { recall } from '../look/memory.ts'

/** @param known what need not be read again while it is the same. */
export async function readTasks(
  at: Workspace,
  { maxSize, defaultPriority }: Pick<FolderRules, 'maxSize' | 'defaultPriority'>,
  known: Kept['tasks'],
): Promise<Listed[]> {
  // Nothing is claimed here, so nothing has to settle.
  const rules = { maxSize, defaultPriority, settleMs: 0, readOnly: true, known }
  const entries = await new Folders(at, rules).list()
  const records = createRecords(at)
  return Promise.all(
    listed(entries).map(async ([entry, held]) => {
      const { file, id, state, task, problem, stamp } = entry
      const one = known.get(file)
      const same = one?.stamp === stamp && sameRuns(at, one)
      const last = same ? one.last : (await recall(at.runs, records, entry)).last
      return { file, id, state, task, problem, held, last }
    }),
  )
}
