// What lies in the task folders: the look's eyes. It only reads. Promises: nothing is taken for whole before it has stood
// still, nothing for gone before it has stayed away, and a folder that vanished is never a removal.
import type { Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno, readRegular } from '../files/files.ts'
import { RECORD_NAME, stem, TASK_NAME } from '../files/names.ts'
import { isRecord } from '../files/record.ts'
import type { Workspace } from '../files/workspace.ts'
import {
  type Entry,
  OrchestrateError,
  type Priority,
  type Scan,
  STATES,
  type State,
} from '../types.ts'
import { readStates } from './states.ts'

export interface FolderRules {
  maxSize: number
  defaultPriority: Priority
  settleMs: number
  /** For who only asks: no folder is made. */
  readOnly?: boolean
}

export class Folders {
  readonly entries = new Map<string, Entry>()
  /** All names per folder, dot-files too: where editors leave their swap and lock files. */
  readonly names = new Map<State, Set<string>>()
  /** Paths that were just written by us, whole: they need no settling. */
  readonly whole = new Set<string>()
  readonly #at: Workspace
  readonly #orphans = new Map<string, number>()
  /** The file system of the folders, as they were last seen together on one. */
  #device = 0
  /** Whose file is another than the one that was read: it is read again when it is queued again. */
  readonly #edited = new WeakSet<Entry>()
  rules: FolderRules

  constructor(at: Workspace, rules: FolderRules) {
    this.#at = at
    this.rules = rules
  }

  /**
   * Compares the folders with `entries`. `hints`: files that may have changed without their name changing;
   * null: look at every waiting and assigned file. `now`: monotonic ms.
   */
  async scan(hints: Set<string> | null, now = performance.now()): Promise<Scan> {
    const result: Scan = { changed: [], edited: [], gone: [], missing: [], away: null, orphans: [] }
    const found = await this.#readAll()
    for (const state of STATES) {
      const folder = found[state]
      if ('why' in folder) {
        result.missing.push(state)
        result.away ??= `tasks/${state} ${folder.why}, nothing is claimed until ${folder.until}`
        continue
      }
      this.names.set(state, new Set(folder.names))
      for (const name of folder.names) {
        if (!TASK_NAME.test(name) || (RECORD_NAME.test(name) && (await this.#isOurs(state, name))))
          continue
        if (!this.#isKnown(state, name, hints)) await this.#see(state, name, now, result)
      }
    }
    for (const entry of this.entries.values()) this.#missed(entry, now, result)
    this.#findOrphans(now, result)
    return result
  }

  async #readAll() {
    const held = new Set([...this.entries.values()].map((entry) => entry.state))
    const { found, device } = await readStates(
      this.#at.state,
      held,
      this.#device,
      !this.rules.readOnly,
    )
    this.#device = device
    return found
  }

  async #isOurs(state: State, name: string): Promise<boolean> {
    return (
      state !== 'pending' ||
      isRecord(
        await readRegular(join(this.#at.state[state], name), 1 << 20).catch(() => Buffer.of()),
      )
    )
  }

  /** Nothing to look at: it was read, and nothing hints at a change. Not async: nearly all files of each look end here. */
  #isKnown(state: State, name: string, hints: Set<string> | null): boolean {
    const file = `tasks/${state}/${name}`
    const known = this.entries.get(file)
    if (!known || known.goneSince !== null || !(known.task || known.problem)) return false
    return hints ? !hints.has(file) : state === 'completed' || state === 'failed'
  }

  async #see(state: State, name: string, now: number, result: Scan): Promise<void> {
    const file = `tasks/${state}/${name}`
    const known = this.entries.get(file)
    const path = join(this.#at.state[state], name)
    const seen = await lstat(path).catch(() => null)
    if (!seen) return // gone since the readdir: the next scan tells
    const { body, stamp } = stamps(seen)
    const entry: Entry = known ?? {
      ...{
        state,
        name,
        path,
        file,
        body,
        stamp: '',
        since: now,
        ours: this.whole.delete(path),
        goneSince: null,
      },
      ...{ id: stem(name), task: null, problem: null, ctimeMs: seen.ctimeMs },
    }
    entry.goneSince = null
    if (entry.stamp !== stamp) {
      const old = entry.body
      Object.assign(entry, {
        stamp,
        body,
        ctimeMs: seen.ctimeMs,
        ours: entry.ours && known === undefined,
      })
      // What was claimed is what runs: a later edit counts when it is queued again.
      if (state !== 'pending' && entry.task) {
        if (body === old) return
        this.#edited.add(entry)
        if (state === 'assigned') result.edited.push(entry)
        return
      }
      const steady = Date.now() - seen.ctimeMs >= this.rules.settleMs
      entry.since = steady ? Number.NEGATIVE_INFINITY : now
      Object.assign(entry, { task: null, problem: null })
    }
    this.entries.set(file, entry)
    if (entry.task || entry.problem) return
    if (state === 'pending' && !entry.ours && now - entry.since < this.rules.settleMs) return
    await this.#read(entry, seen)
    result.changed.push(entry)
  }

  async #read(entry: Entry, seen: Stats): Promise<void> {
    const { isProblem, readTask, TASK_CAP } = await import('../files/task.ts')
    try {
      if (!seen.isFile()) throw new OrchestrateError('NOT_A_FILE', 'is not a regular file')
      const bytes = await readRegular(entry.path, TASK_CAP)
      const read = readTask(bytes, entry.name, seen.mtimeMs, this.rules.defaultPriority)
      if (isProblem(read)) entry.problem = read
      else Object.assign(entry, { task: read, id: read.id })
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return // gone: the next scan tells
      if (isErrno(error, 'EMFILE', 'ENFILE', 'ENOMEM')) throw error // ours, not the file's
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
    const here = new Set<string>()
    for (const { state, id } of this.entries.values())
      if (state !== 'pending') here.add(`${state}/${id.toLowerCase()}`)
    const seen = new Set<string>()
    for (const [state, names] of this.names) {
      for (const name of names) {
        const id = RECORD_NAME.exec(name)?.[1]
        // A record that went to pending/ along with its task is out of place, too.
        if (!id || here.has(`${state}/${id.toLowerCase()}`)) continue
        if (this.entries.has(`tasks/${state}/${name}`)) continue
        const path = join(this.#at.state[state], name)
        seen.add(path)
        const since = this.#orphans.get(path) ?? now
        this.#orphans.set(path, since)
        if (now - since >= this.rules.settleMs) result.orphans.push({ path, id, state })
      }
    }
    for (const path of this.#orphans.keys()) if (!seen.has(path)) this.#orphans.delete(path)
  }

  /** Whether the record of this very attempt lies in assigned/. */
  isAssigned(run: { task_id: string; agent_id: string }): boolean {
    return this.names.get('assigned')?.has(`${run.task_id}_${run.agent_id}.yaml`) ?? false
  }

  /** After a rename of ours: the same file, with another ctime, elsewhere. */
  async moved(entry: Entry, state: State, path: string): Promise<void> {
    const seen = await lstat(path).catch(() => null) // RACE: a person moved it on; the next scan tells
    this.entries.delete(entry.file)
    this.names.get(entry.state)?.delete(entry.name)
    this.names.get(state)?.add(entry.name)
    const file = `tasks/${state}/${entry.name}`
    if (seen && stamps(seen).body !== entry.body) this.#edited.add(entry)
    Object.assign(entry, {
      state,
      path,
      file,
      goneSince: null,
      ...(seen && { ...stamps(seen), ctimeMs: seen.ctimeMs }),
    })
    if (state === 'pending' && this.#edited.delete(entry))
      Object.assign(entry, { task: null, problem: null, stamp: '' })
    this.entries.set(file, entry)
  }

  find(id: string, states: readonly State[] = STATES): Entry | undefined {
    const same = [...this.entries.values()].filter(
      (entry) => entry.id.toLowerCase() === id.toLowerCase(),
    )
    return states.map((state) => same.find((entry) => entry.state === state)).find(Boolean)
  }
}

export function stamps(seen: Stats): { body: string; stamp: string } {
  const body = `${seen.ino}:${seen.size}:${seen.mtimeMs}`
  return { body, stamp: `${body}:${seen.ctimeMs}` }
}
