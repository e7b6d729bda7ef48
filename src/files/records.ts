// Our records beside the task files: who works on a task, and how it went. Written whole, derived from the run folder,
// so that each may be written again, and none decides anything.
import { join } from 'node:path'
import type { ResultRecord, RunRecord, State } from '../types.ts'
import { assertInside, isErrno, keepIn, readRegular, writeWhole } from './files.ts'
import { mkdir, readdir, unlink } from './fs.ts'
import { ID } from './names.ts'
import { formatRecord, readRecord } from './record.ts'
import { attempts } from './run-folder.ts'
import type { Workspace } from './workspace.ts'

const CAP = 1 << 20

export function createRecords(at: Workspace) {
  const read = async <T extends object>(path: string) =>
    readRecord<T>((await readRegular(path, CAP).catch(() => Buffer.of())).toString())
  const resultPath = (state: State, id: string) => join(at.state[state], `${id}_result.yaml`)

  return {
    /** `<state>/<id>_result.yaml` (specification 4.3). */
    async result(state: State, id: string, record: object): Promise<void> {
      await assertInside(at.root, at.state[state])
      await writeWhole(resultPath(state, id), formatRecord(record))
    },
    readResult: (state: State, id: string) => read<Partial<ResultRecord>>(resultPath(state, id)),

    /** `assigned/<id>_<agent>.yaml` (specification 4.2). */
    async assign(
      run: Pick<RunRecord, 'task_id' | 'agent_id' | 'agent_type' | 'assigned_at' | 'attempt'>,
    ): Promise<void> {
      const { task_id, agent_id, agent_type, assigned_at, attempt } = run
      await assertInside(at.root, at.state.assigned)
      const record = formatRecord({ task_id, agent_id, agent_type, assigned_at, attempt })
      await writeWhole(join(at.state.assigned, `${task_id}_${agent_id}.yaml`), record)
    },

    /** Returns the names of what is gone then. */
    async unassign(id: string): Promise<string[]> {
      const ours = (await readdir(at.state.assigned)).filter(
        (name) =>
          name.startsWith(`${id}_agent_`) && /^_agent_\d+\.yaml$/.test(name.slice(id.length)),
      )
      for (const name of ours) await unlink(join(at.state.assigned, name)).catch(() => {}) // a person was quicker
      return ours
    },

    /** A record that lost its task joins its run, and replaces nothing there. RACE: a person may move it first. */
    async shelve(path: string, id: string): Promise<void> {
      // What it says becomes a path, and a person may have written it: only an attempt that is there is taken.
      const there = ID.test(id) ? await attempts(at.runs, id) : []
      const said = Number((await read<ResultRecord>(path))?.attempt)
      const attempt = there.includes(said) ? said : (there.at(-1) ?? 1)
      const folder = ID.test(id) ? join(at.runs, id, String(attempt)) : at.lost
      await assertInside(at.root, folder)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await keepIn(folder, path).catch((error) => {
        if (!isErrno(error, 'ENOENT')) throw error
      })
    },
  }
}
