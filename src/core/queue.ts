// The queue: the only writer of tasks/. A task's folder is its state, its rename is the transition, and the scan is the
// truth. Promises: one rename that never overwrites; a person's file is never written into; an id is allocated once.
import { mkdir, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isErrno, move, readRegular, syncFolder, writeDraft, writeWhole } from '../files/files.ts'
import { formatTask, nextId, reserve } from '../files/new-task.ts'
import { formatRecord, readRecord } from '../files/record.ts'
import { newest, release } from '../files/run-folder.ts'
import { type Workspace, workspace } from '../files/workspace.ts'
import { type FolderRules, Folders, RECORD_NAME, stamps, TASK_NAME } from '../look/folders.ts'
import {
  type Entry,
  type NewTask,
  OrchestrateError,
  type Priority,
  type ResultRecord,
  type State,
  type Task,
} from '../types.ts'

/** Specification 3.1: add, claim, complete, fail and list tasks. */
export class TaskQueue extends Folders {
  readonly #at: Workspace

  constructor(root: string, rules: Partial<FolderRules> = {}) {
    super(workspace(root), { maxSize: 1000, defaultPriority: 'normal', settleMs: 250, ...rules })
    this.#at = workspace(root)
  }

  /** Writes one task file to `pending/`; returns its id. Throws `FULL` or `TAKEN`. */
  async addTask(description: string, priority?: Priority): Promise<string> {
    const [id] = await this.addTasks([{ description, ...(priority && { priority }) }])
    return id as string
  }

  /** All of them or none. What is written here is whole, so it needs no settling. */
  async addTasks(tasks: NewTask[]): Promise<string[]> {
    const waiting = (await readdir(this.#at.state.pending)).filter((name) => TASK_NAME.test(name))
    if (waiting.length + tasks.length > this.rules.maxSize) {
      const message = `the queue is full: ${waiting.length} of ${this.rules.maxSize} tasks are waiting`
      throw new OrchestrateError('FULL', message, 'wait, or raise `task_queue.max_size`')
    }
    const drafts: { id: string; draft: string; path: string }[] = []
    try {
      for (const task of tasks) {
        const id = task.id ? await reserve(this.#at, task.id) : await nextId(this.#at)
        const path = join(this.#at.state.pending, `${id}.yaml`)
        const text = formatTask({ ...task, id }, this.rules.defaultPriority)
        drafts.push({ id, path, draft: await writeDraft(path, text) })
      }
    } catch (error) {
      for (const { id, draft } of drafts) {
        await unlink(draft)
        await rmdir(join(this.#at.runs, id)).catch(() => {}) // a lost number harms no one
      }
      throw error
    }
    for (const { draft, path } of drafts) {
      await move(draft, path)
      this.whole.add(path)
    }
    await syncFolder(this.#at.state.pending)
    return drafts.map(({ id }) => id)
  }

  /**
   * The claim: `true` for exactly one caller. The file is looked at once more afterwards, and goes back if it changed.
   * RACE: a person or another claimer may move it first; the loser gets ENOENT.
   */
  async claim(entry: Entry): Promise<boolean> {
    const to = join(this.#at.state.assigned, entry.name)
    try {
      await move(entry.path, to)
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'EEXIST')) return false
      throw error
    }
    if (stamps(await stat(to)).body !== entry.body) {
      await move(to, entry.path)
      return false
    }
    this.moved(entry, 'assigned', to)
    return true
  }

  /** The one transition: to another state folder, never over a file that is there (EEXIST). */
  async place(entry: Entry, state: State): Promise<void> {
    const to = join(this.#at.state[state], entry.name)
    await move(entry.path, to)
    this.moved(entry, state, to)
  }

  /** Specification 3.1: the best waiting task, claimed for `agentId`, with its assignment record; null when none. */
  async getNextTask(agentId: string, agentType = 'agent'): Promise<Task | null> {
    const { distribute } = await import('./distribute.ts')
    await this.scan(null)
    const agents = [{ id: agentId, type: agentType, state: 'idle' as const, taskCount: 0 }]
    for (;;) {
      const { assign } = distribute([...this.entries.values()], agents, Date.now())
      const entry = assign[0]?.entry
      if (!entry?.task) return null
      if (!(await this.claim(entry))) this.entries.delete(entry.file)
      else {
        const at = new Date().toISOString()
        await this.writeAssignment(entry.id, {
          agent_id: agentId,
          agent_type: agentType,
          assigned_at: at,
          attempt: 1,
        })
        return entry.task
      }
    }
  }

  async completeTask(id: string, result: string | ResultRecord): Promise<void> {
    await this.finish(
      this.#taken(id),
      'completed',
      typeof result === 'string' ? { task_id: id, status: 'success', result } : result,
    )
  }

  async failTask(id: string, error: string | ResultRecord): Promise<void> {
    await this.finish(
      this.#taken(id),
      'failed',
      typeof error === 'string' ? { task_id: id, status: 'failed', error } : error,
    )
  }

  #taken(id: string): Entry {
    const entry = this.find(id, ['assigned', 'pending'])
    if (!entry) throw new OrchestrateError('NO_TASK', `no task \`${id}\` waits or is assigned`)
    return entry
  }

  /** Record first, then the move: a crash between them is a record without its task, written again by the next look. */
  async finish(entry: Entry, state: 'completed' | 'failed', record: object): Promise<void> {
    await this.writeResult(state, entry.id, { completed_at: new Date().toISOString(), ...record })
    await this.place(entry, state)
    await this.dropAssignment(entry.id)
    for (const folder of [this.#at.state[state], this.#at.state.assigned]) await syncFolder(folder)
  }

  /** Back to pending: what failed or was cancelled; a success, which is then forgotten; a copy, whose other half joins its run. */
  async retry(id: string): Promise<string> {
    if (!this.entries.size) await this.scan(null)
    const [waiting, settled] = [this.find(id, ['pending']), this.find(id, ['failed', 'completed'])]
    if (this.find(id, ['assigned']))
      throw new OrchestrateError(
        'ASSIGNED',
        `${id} has an agent at work`,
        `\`orchestrate cancel ${id}\` first`,
      )
    if (!waiting && !settled)
      throw new OrchestrateError(
        'NO_TASK',
        `there is no task \`${id}\``,
        '`orchestrate tasks` lists them',
      )
    await release(this.#at.runs, (settled ?? waiting)?.id ?? id)
    if (!waiting && settled) {
      await this.place(settled, 'pending')
      return `${settled.id} is back in pending/`
    }
    if (!waiting || !settled) return `${id} may run again`
    const run = await newest(this.#at.runs, settled.id)
    const shelf = join(this.#at.runs, settled.id, String(run?.attempt ?? 1))
    await mkdir(shelf, { recursive: true })
    await move(settled.path, join(shelf, `${settled.state}-${settled.name}`))
    this.entries.delete(settled.file)
    return `${waiting.file} will run; the ${settled.state} copy lies in ${shelf}`
  }

  /** To failed/, whether it waits or runs; the rest follows from the table. */
  async cancel(id: string): Promise<string> {
    if (!this.entries.size) await this.scan(null)
    const entry = this.find(id, ['assigned', 'pending'])
    const settled = this.find(id)
    if (!entry)
      throw new OrchestrateError(
        'NO_TASK',
        settled ? `${id} is ${settled.state} already` : `there is no task \`${id}\``,
        '`orchestrate tasks` lists them',
      )
    const from = entry.state
    if (from === 'pending')
      await this.writeResult('failed', entry.id, {
        task_id: entry.id,
        status: 'cancelled',
        outcome: 'cancelled',
        completed_at: new Date().toISOString(),
      })
    await this.place(entry, 'failed')
    return from === 'pending'
      ? `${entry.id} is cancelled`
      : `${entry.id} is cancelled; its agent is being stopped`
  }

  /** Whether the record of this very attempt lies in assigned/. */
  isAssigned(run: { task_id: string; agent_id: string }): boolean {
    return this.names.get('assigned')?.has(`${run.task_id}_${run.agent_id}.yaml`) ?? false
  }

  async writeResult(state: State, id: string, record: object): Promise<void> {
    await writeWhole(join(this.#at.state[state], `${id}_result.yaml`), formatRecord(record))
  }

  async readResult(state: State, id: string): Promise<Partial<ResultRecord> | null> {
    const path = join(this.#at.state[state], `${id}_result.yaml`)
    return readRecord((await readRegular(path, 1 << 20).catch(() => Buffer.of())).toString())
  }

  async writeAssignment(
    id: string,
    about: { agent_id: string; agent_type: string; assigned_at: string; attempt: number },
  ): Promise<void> {
    const { agent_id, agent_type, assigned_at, attempt } = about
    const name = `${id}_${agent_id}.yaml`
    await writeWhole(
      join(this.#at.state.assigned, name),
      formatRecord({ task_id: id, agent_id, agent_type, assigned_at, attempt }),
    )
    this.names.get('assigned')?.add(name)
  }

  async dropAssignment(id: string): Promise<void> {
    const ours = [...(await readdir(this.#at.state.assigned))].filter((name) => {
      const match = RECORD_NAME.exec(name)
      return match?.[1] === id && match[2] !== 'result'
    })
    for (const name of ours) await unlink(join(this.#at.state.assigned, name)).catch(() => {}) // a person was quicker
  }

  /** A record that lost its task joins its run. RACE: a person may move it first. */
  async shelve({ path, id }: { path: string; id: string }): Promise<void> {
    const record = readRecord<ResultRecord>(
      (await readRegular(path, 1 << 20).catch(() => Buffer.of())).toString(),
    )
    const folder = join(this.#at.runs, id, String(record?.attempt ?? 1))
    await mkdir(folder, { recursive: true })
    await rename(path, join(folder, basename(path))).catch(() => {})
  }

  async listTasks(status?: State): Promise<Task[]> {
    await this.scan(null)
    const here = [...this.entries.values()].filter((entry) => !status || entry.state === status)
    return here.flatMap((entry) => entry.task ?? [])
  }
}
