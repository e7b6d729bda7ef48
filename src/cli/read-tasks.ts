// The tasks of a workspace, read from their files and run folders. Promises: writes nothing.
import { newest } from '../files/run-folder.ts'
import type { Workspace } from '../files/workspace.ts'
import { type FolderRules, Folders } from '../look/folders.ts'
import { type Kept, type Listed, listed, sameRun } from '../look/kept.ts'

/** @param known what need not be read again while it is the same. */
export async function readTasks(
  at: Workspace,
  { maxSize, defaultPriority }: Pick<FolderRules, 'maxSize' | 'defaultPriority'>,
  known: Kept['tasks'],
): Promise<Listed[]> {
  // Nothing is claimed here, so nothing has to settle.
  const rules = { maxSize, defaultPriority, settleMs: 0, readOnly: true, known }
  const entries = await new Folders(at, rules).list()
  return Promise.all(
    listed(entries).map(async ([{ file, id, state, task, problem, stamp }, held]) => {
      const one = known.get(file)
      const same = one?.stamp === stamp && sameRun(at, one)
      const last = same ? one.last : await newest(at.runs, id)
      return { file, id, state, task, problem, held, last }
    }),
  )
}
