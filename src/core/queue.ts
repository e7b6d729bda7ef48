// The queue: the only writer of tasks/. A task's folder is its state, its rename is the transition, and the scan is the
// truth. Promises: one rename that never overwrites; a person's file is never written into; an id is allocated once.
import { existsSync, type Stats } from 'node:fs'
import { lstat, mkdir, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno, move, readRegular, syncFolder, writeDraft, writeWhole } from './files.ts'
import { formatRecord, isRecord, readRecord } from './record.ts'
import {
  type NewTask,
  OrchestrateError,
  type Priority,
  type Problem,
  type ResultRecord,
  STATES,
  type State,
  type Task,
} from './types.ts'
import { type Workspace, workspace } from './workspace.ts'

const TASK_NAME = /^[^.].*\.ya?ml$/i
const RECORD_NAME = /^(.+)_(result|agent_\d+)\.yaml$/i
const SCHEMA = '# yaml-language-server: $schema=../../.orchestrate/schema/task.schema.json\n'

/** A task file as last seen. `body` changes when its bytes may have; `since` is when this look of it was first seen. */
export interface Entry {
  state: State
  name: string
  path: string
  file: string
  id: string
  task: Task | null
  problem: Problem | null
  body: string
  stamp: string
  ctimeMs: number
  since: number
  /** Written by us, whole: needs no settling. */
  ours: boolean
  /** When it was first found missing (clock of `now`), while it may be an editor's rename. */
  goneSince: number | null
}

export interface Scan {
  /** New, changed, settled or removed since the last scan. */
  changed: Entry[]
  gone: Entry[]
  /** State folders that are not there; their entries are kept as they were. */
  missing: State[]
  /** Records of ours whose task is not beside them, settled. */
  orphans: { path: string; id: string; state: State }[]
}

export interface QueueRules {
  maxSize: number
  defaultPriority: Priority
  settleMs: number
}

/** Specification 3.1: add, claim, complete, fail and list tasks. */
export class TaskQueue {
  readonly entries = new Map<string, Entry>()
  readonly #at: Workspace
  readonly #orphans = new Map<string, number>()
  /** All names per folder, dot-files too: where editors leave their swap and lock files. */
  readonly names = new Map<State, Set<string>>()
  rules: QueueRules

  constructor(root: string, rules: Partial<QueueRules> = {}) {
    this.#at = workspace(root)
    this.rules = { maxSize: 1000, defaultPriority: 'normal', settleMs: 250, ...rules }
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
        const id = task.id ? await this.#reserve(task.id) : await this.#nextId()
        const path = join(this.#at.state.pending, `${id}.yaml`)
        const text = SCHEMA + formatTask({ ...task, id }, this.rules.defaultPriority)
        drafts.push({ id, path, draft: await writeDraft(path, text) })
      }
    } catch (error) {
      for (const { id, draft } of drafts) await this.#giveBack(id, draft)
      throw error
    }
    for (const { draft, path } of drafts) await move(draft, path)
    await syncFolder(this.#at.state.pending)
    return drafts.map(({ id }) => id)
  }

  async #giveBack(id: string, draft: string): Promise<void> {
    await unlink(draft)
    await rm(join(this.#at.runs, id), { recursive: false }).catch(() => {}) // an empty folder is only a lost number
  }

  /** RACE: twenty `add` at once; `mkdir` has one winner per number. */
  async #nextId(): Promise<string> {
    const name = (n: number) => `task_${String(n).padStart(3, '0')}`
    const taken = (n: number) => existsSync(join(this.#at.runs, name(n)))
    let high = 1
    while (taken(high)) high *= 2
    let low = high / 2
    while (low + 1 < high) {
      const middle = (low + high) >> 1
      if (taken(middle)) low = middle
      else high = middle
    }
    for (let n = high; ; n++) {
      if (
        await this.#reserve(name(n)).catch((error) =>
          isErrno(error, 'TAKEN') ? null : Promise.reject(error),
        )
      )
        return name(n)
    }
  }

  async #reserve(id: string): Promise<string> {
    const taken = () =>
      new OrchestrateError('TAKEN', `there is a task \`${id}\` already`, 'choose another id')
    const files = STATES.flatMap((state) =>
      ['yaml', 'yml'].map((end) => join(this.#at.state[state], `${id}.${end}`)),
    )
    if (files.some((file) => existsSync(file))) throw taken()
    await mkdir(this.#at.runs, { recursive: true })
    await mkdir(join(this.#at.runs, id)).catch((error) => {
      throw isErrno(error, 'EEXIST') ? taken() : error
    })
    return id
  }

  /**
   * Compares the folders with `entries`. `hints`: files that may have changed without their name changing;
   * null: look at every waiting and assigned file. `now`: monotonic ms.
   */
  async scan(hints: Set<string> | null, now = performance.now()): Promise<Scan> {
    const result: Scan = { changed: [], gone: [], missing: [], orphans: [] }
    for (const state of STATES) {
      const names = await readdir(this.#at.state[state]).catch((error) => {
        if (isErrno(error, 'ENOENT')) return null
        throw error
      })
      if (!names) {
        // git removes an emptied folder; only pending/ is ever emptied by us, and only it is made again.
        const remade = state === 'pending' && existsSync(this.#at.tasks)
        if (!remade) result.missing.push(state)
        else await mkdir(this.#at.state.pending).catch(() => {}) // RACE: a person may make it too
        if (!remade) continue
      }
      this.names.set(state, new Set(names))
      for (const name of names ?? []) {
        if (!TASK_NAME.test(name) || (RECORD_NAME.test(name) && (await this.#isOurs(state, name))))
          continue
        await this.#see(state, name, hints, now, result)
      }
    }
    for (const entry of this.entries.values()) this.#missed(entry, now, result)
    this.#findOrphans(now, result)
    return result
  }

  async #isOurs(state: State, name: string): Promise<boolean> {
    return (
      state !== 'pending' ||
      isRecord(
        await readRegular(join(this.#at.state[state], name), 1 << 20).catch(() => Buffer.of()),
      )
    )
  }

  async #see(
    state: State,
    name: string,
    hints: Set<string> | null,
    now: number,
    result: Scan,
  ): Promise<void> {
    const file = `tasks/${state}/${name}`
    const known = this.entries.get(file)
    if (known && known.goneSince === null && (known.task || known.problem)) {
      const live = state === 'pending' || state === 'assigned'
      if (hints ? !hints.has(file) : !live) return
    }
    const path = join(this.#at.state[state], name)
    const seen = await lstat(path).catch(() => null)
    if (!seen) return // gone since the readdir: the next scan tells
    const { body, stamp } = stamps(seen)
    const entry: Entry = known ?? {
      ...{ state, name, path, file, body, stamp: '', since: now, ours: false, goneSince: null },
      ...{ id: stemOf(name), task: null, problem: null, ctimeMs: seen.ctimeMs },
    }
    entry.goneSince = null
    if (entry.stamp !== stamp) {
      entry.stamp = stamp
      if (entry.body === body && state !== 'pending' && (entry.task || entry.problem)) return
      const old = Date.now() - seen.ctimeMs >= this.rules.settleMs
      Object.assign(entry, {
        body,
        ctimeMs: seen.ctimeMs,
        since: old ? Number.NEGATIVE_INFINITY : now,
      })
      Object.assign(entry, { task: null, problem: null })
    }
    this.entries.set(file, entry)
    if (entry.task || entry.problem) return
    if (state === 'pending' && !entry.ours && now - entry.since < this.rules.settleMs) return
    await this.#read(entry, seen)
    result.changed.push(entry)
  }

  async #read(entry: Entry, seen: Stats): Promise<void> {
    const { isProblem, readTask, TASK_CAP } = await import('./task.ts')
    try {
      if (!seen.isFile()) throw new OrchestrateError('NOT_A_FILE', 'is not a regular file')
      const bytes = await readRegular(entry.path, TASK_CAP)
      const read = readTask(bytes, entry.name, seen.mtimeMs, this.rules.defaultPriority)
      if (isProblem(read)) entry.problem = read
      else Object.assign(entry, { task: read, id: read.id })
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return // gone: the next scan tells
      entry.problem = { message: (error as Error).message }
    }
  }

  /** A file that is gone counts as removed only when it has stayed away for the settling time. */
  #missed(entry: Entry, now: number, result: Scan): void {
    if (result.missing.includes(entry.state) || this.names.get(entry.state)?.has(entry.name)) return
    entry.goneSince ??= now
    if (now - entry.goneSince < this.rules.settleMs) return
    this.entries.delete(entry.file)
    result.gone.push(entry)
  }

  #findOrphans(now: number, result: Scan): void {
    const here = new Set(
      [...this.entries.values()].map((entry) => `${entry.state}/${entry.id.toLowerCase()}`),
    )
    const seen = new Set<string>()
    for (const [state, names] of this.names) {
      for (const name of names) {
        const id = RECORD_NAME.exec(name)?.[1]
        const path = join(this.#at.state[state], name)
        if (
          !id ||
          here.has(`${state}/${id.toLowerCase()}`) ||
          this.entries.has(`tasks/${state}/${name}`)
        )
          continue
        seen.add(path)
        const since = this.#orphans.get(path) ?? now
        this.#orphans.set(path, since)
        if (now - since >= this.rules.settleMs) result.orphans.push({ path, id, state })
      }
    }
    for (const path of this.#orphans.keys()) if (!seen.has(path)) this.#orphans.delete(path)
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
    this.#moved(entry, 'assigned', to)
    return true
  }

  /** The one transition: to another state folder, never over a file that is there (EEXIST). */
  async place(entry: Entry, state: State): Promise<void> {
    const to = join(this.#at.state[state], entry.name)
    await move(entry.path, to)
    this.#moved(entry, state, to)
  }

  #moved(entry: Entry, state: State, path: string): void {
    this.entries.delete(entry.file)
    this.names.get(entry.state)?.delete(entry.name)
    this.names.get(state)?.add(entry.name)
    Object.assign(entry, {
      state,
      path,
      file: `tasks/${state}/${entry.name}`,
      ours: true,
      goneSince: null,
    })
    this.entries.set(entry.file, entry)
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
    const { newest, release } = await import('./run.ts')
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

  /** A record that lost its task joins its run (or stays, when that run's folder is gone). */
  async shelve(orphan: { path: string; id: string }, attempt: number): Promise<void> {
    const folder = join(this.#at.runs, orphan.id, String(attempt))
    await mkdir(folder, { recursive: true })
    await rename(orphan.path, join(folder, orphan.path.replace(/^.*\//, ''))).catch(() => {}) // a person was quicker
  }

  async listTasks(status?: State): Promise<Task[]> {
    await this.scan(null)
    const here = [...this.entries.values()].filter((entry) => !status || entry.state === status)
    return here.flatMap((entry) => entry.task ?? [])
  }

  find(id: string, states: readonly State[] = STATES): Entry | undefined {
    const same = [...this.entries.values()].filter(
      (entry) => entry.id.toLowerCase() === id.toLowerCase(),
    )
    return states.map((state) => same.find((entry) => entry.state === state)).find(Boolean)
  }
}

const stemOf = (name: string) => name.replace(/\.ya?ml$/i, '')

function stamps(seen: Stats): { body: string; stamp: string } {
  const body = `${seen.ino}:${seen.size}:${seen.mtimeMs}`
  return { body, stamp: `${body}:${seen.ctimeMs}` }
}

/** Our own task files: plain keys, JSON scalars (which are YAML), a block for a text of several lines. */
function formatTask(task: NewTask, priority: Priority): string {
  const { id, description, ...rest } = task
  const lines = Object.entries({ priority, created_at: new Date().toISOString(), ...rest })
  const block =
    /\n/.test(description) && !/^\s|[^\S\n]\n|\s$|[^\n\t\x20-\x7e\u00a1-\ud7ff]/.test(description)
  const text = block ? `|-\n${description.replace(/^(?=.)/gm, '  ')}` : JSON.stringify(description)
  const tail = lines.flatMap(([key, value]) =>
    value === undefined ? [] : `${key}: ${JSON.stringify(value)}`,
  )
  return `${[`id: ${JSON.stringify(id)}`, `description: ${text}`, ...tail].join('\n')}\n`
}
