// The queue: the only writer of tasks/. A task's folder is its state, its rename is the transition, and the scan is the
// truth. Promises: one rename that never overwrites; a person's file is never written into; an id is allocated once.
import { join } from 'node:path'
import { assertInside, isErrno, move, syncFolder } from '../files/files.ts'
import { lstat } from '../files/fs.ts'
import { addTasks } from '../files/new-task.ts'
import { createRecords } from '../files/records.ts'
import { stamps } from '../files/stamps.ts'
import { type Workspace, workspace } from '../files/workspace.ts'
import { type FolderRules, Folders } from '../look/folders.ts'
import {
  type Entry,
  type NewTask,
  OrchestrateError,
  type Priority,
  type ResultRecord,
  type Show,
  type State,
  type Task,
} from '../types.ts'

/** Specification 3.1: add, claim, complete, fail and list tasks. */
export class TaskQueue extends Folders {
  readonly #at: Workspace
  /** What we have to say, beside the task files. */
  readonly records

  constructor(root: string, rules: Partial<FolderRules> = {}) {
    super(workspace(root), { maxSize: 1000, defaultPriority: 'normal', settleMs: 250, ...rules })
    this.#at = workspace(root)
    const records = createRecords(this.#at)
    const unassign = async (id: string) => {
      for (const name of await records.unassign(id)) this.names.get('assigned')?.delete(name)
    }
    this.records = { ...records, unassign }
  }

  /** Writes one task file to `pending/`; returns its id. Throws `FULL` or `TAKEN`. */
  async addTask(description: string, priority?: Priority): Promise<string> {
    const [id] = await this.addTasks([{ description, ...(priority && { priority }) }])
    return id as string
  }

  /** All of them or none; `added` hears of each. What is written here is whole, so it needs no settling. */
  async addTasks(tasks: NewTask[], added: Show['added'] = () => {}): Promise<string[]> {
    const waiting = this.names.has('pending')
      ? this.in('pending').size + this.whole.size
      : undefined
    return addTasks(this.#at, tasks, this.rules, waiting, (path, task) => {
      this.whole.add(path)
      added(task)
    })
  }

  /**
   * The claim: `true` for exactly one caller. The file is looked at once more afterwards, and goes back if it changed.
   * RACE: a person or another claimer may move it first; the loser gets ENOENT. An editor
   * may have made the file again before it goes back (EEXIST): both stay, and the next look says so.
   */
  async claim(entry: Entry): Promise<boolean> {
    const to = join(this.#at.state.assigned, entry.name)
    await assertInside(this.#at.root, this.#at.state.assigned)
    try {
      await move(entry.path, to)
      if (stamps(await lstat(to)).body !== entry.body) {
        await move(to, entry.path)
        return false
      }
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'EEXIST')) return false
      throw error
    }
    await this.moved(entry, 'assigned', to)
    return true
  }

  /** The one transition: to another state folder, never over a file that is there (EEXIST). */
  async place(entry: Entry, state: State): Promise<void> {
    const to = join(this.#at.state[state], entry.name)
    await assertInside(this.#at.root, this.#at.state[state])
    await move(entry.path, to)
    await this.moved(entry, state, to)
  }

  /** Specification 3.1: the best waiting task, claimed for `agentId`, with its assignment record; null when none. */
  async getNextTask(agentId: string, agentType = 'agent'): Promise<Task | null> {
    const { distribute } = await import('./distribute.ts')
    const entries = await this.list()
    const agents = [{ id: agentId, type: agentType, state: 'idle' as const, taskCount: 0 }]
    for (;;) {
      const { assign } = distribute(entries, agents, Date.now(), undefined, null, this.archive.ids)
      const entry = assign[0]?.entry
      if (!entry?.task) return null
      if (!(await this.claim(entry))) entries.splice(entries.indexOf(entry), 1)
      else {
        const about = { task_id: entry.id, agent_id: agentId, agent_type: agentType }
        const assigned_at = new Date().toISOString()
        await this.records.assign({ ...about, assigned_at, attempt: 1 })
        return entry.task
      }
    }
  }

  async completeTask(id: string, result: string | ResultRecord): Promise<void> {
    await this.#end(
      id,
      'completed',
      typeof result === 'string' ? { status: 'success', result } : result,
    )
  }

  async failTask(id: string, error: string | ResultRecord): Promise<void> {
    await this.#end(id, 'failed', typeof error === 'string' ? { status: 'failed', error } : error)
  }

  async #end(id: string, state: 'completed' | 'failed', record: object): Promise<void> {
    const entry = this.find(id, ['assigned', 'pending'])
    if (!entry) throw new OrchestrateError('NO_TASK', `no task \`${id}\` waits or is assigned`)
    const completed_at = new Date().toISOString()
    await this.finish(entry, state, { task_id: entry.id, completed_at, ...record })
  }

  /** Record first, then the move: a crash between them is a record without its task, written again by the next look. */
  async finish(entry: Entry, state: 'completed' | 'failed', record: object): Promise<void> {
    await this.records.result(state, entry.id, record)
    await this.place(entry, state)
    await this.records.unassign(entry.id)
    for (const folder of [this.#at.state[state], this.#at.state.assigned]) await syncFolder(folder)
  }

  async listTasks(status?: State): Promise<Task[]> {
    const here = (await this.list()).filter((entry) => !status || entry.state === status)
    return here.flatMap((entry) => entry.task ?? [])
  }
}
