// What lies in the task folders: the look's eyes. It only reads. Promises: nothing is taken for whole before it has stood
// still, nothing for gone before it has stayed away, and a folder that vanished is never a removal.
import { lstatSync, type Stats } from 'node:fs'
import { basename, join, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { createArchive } from '../files/archive.ts'
import { isErrno, readRegular } from '../files/files.ts'
import { RECORD_NAME, stem, TASK_NAME } from '../files/names.ts'
import { isRecord } from '../files/record.ts'
import { SURE_MS, stamps } from '../files/stamps.ts'
import type { Workspace } from '../files/workspace.ts'
import {
  type Entry,
  isSettled,
  OrchestrateError,
  type Priority,
  type Scan,
  type Settled,
  STATES,
  type State,
} from '../types.ts'
import { Entries } from './entries.ts'
import { type Kept, learntOf } from './kept.ts'
import { RESCAN_MS } from './pace.ts'
import { type Mark, readStates } from './states.ts'

export interface FolderRules {
  maxSize: number
  defaultPriority: Priority
  settleMs: number
  /** For who only asks: no folder is made. */
  readOnly?: boolean
  /** What was read of files before, by their names; it counts while they are the same. */
  known?: Kept['tasks']
  /** What was settled long ago, as a row says: it is believed while the file is the same. */
  settled?: Iterable<Settled>
}

/** Waiting files that a full scan looks at again, one part after the other: for changes that no event told of. */
const PART = 200
/** Settled ones whose runs a scan compares with what a row says of them. */
const COMPARED = 500
/** Each so many full scans, the names are read whatever the stamp of the folder says: some file systems keep none. Of what is settled less often: nothing begins there. */
const DOUBT = 20
/** Files that are looked at until something else has its turn. */
const TURN = 100
/** ms between two full scans at most, and for each name: to read one costs a microsecond or two. */
const [SELDOM_MS, NAME_MS] = [60_000, 0.5]

const RESULT = '_result.yaml'

const low = (text: string) => text.toLowerCase()

export class Folders {
  /** All names per folder, dot-files too: where editors leave their swap and lock files. */
  readonly names = new Map<State, Set<string>>()
  /** Paths that were just written by us, whole: they need no settling. */
  readonly whole = new Set<string>()
  /** What was completed, and lies in `tasks/archive/`. */
  readonly archive
  readonly #at: Workspace
  readonly #tasks = new Entries((cold) => this.#again(cold))
  /** What the scan under way looks at. */
  #looks = new Map<string, [State, string]>()
  /** Records without their task beside them, and since when. */
  readonly #loose = new Map<string, { id: string; state: State; since: number }>()
  /** How the folders were when their names were read; `sure`: any change after that shows. */
  readonly #marks = new Map<State, Mark & { sure: boolean }>()
  /** The file system of the folders, as they were last seen together on one. */
  #device = 0
  /** Full ones. */
  #scans = 0
  /** Where the next full scan goes on with the waiting files. */
  #part: Iterator<Entry> = [].values()
  /** What the next scan has to tell: also of one that broke off. */
  #changed: Entry[] = []
  #edits: Entry[] = []
  rules: FolderRules

  constructor(at: Workspace, rules: FolderRules) {
    this.#at = at
    this.archive = createArchive(at.archive)
    const { settled = [], ...own } = rules
    this.rules = own
    this.#tasks.believe(settled)
  }

  /** By their `file`. */
  get entries(): ReadonlyMap<string, Entry> {
    return this.#tasks.all
  }

  /** What happened to the entries since it was last emptied. */
  get news() {
    return this.#tasks.news
  }

  /** Those in a state folder that are not cold. */
  in(state: State): ReadonlySet<Entry> {
    return this.#tasks.in(state)
  }

  /** Those of an id, or with this stem of their name; `id` in any case. */
  about(id: string): readonly Entry[] {
    return this.#tasks.about(low(id))
  }

  /** What was settled is not wholly compared with what was known of it: a look soon goes on with it. */
  get behind(): boolean {
    return this.#tasks.cold.behind
  }

  /** Whether all was seen that lies in a folder: else a task that is not known may lie there nevertheless. */
  sees(state: State): boolean {
    return this.#marks.has(state)
  }

  /** ms after a full scan until the next is due. */
  get dueMs(): number {
    const names = [...this.names.values()].reduce((sum, { size }) => sum + size, 0)
    return Math.min(SELDOM_MS, Math.max(RESCAN_MS, names * NAME_MS))
  }

  /** Those that are not read yet, or missing: time alone changes them. */
  get open(): ReadonlySet<Entry> {
    return this.#tasks.open
  }

  /**
   * Compares the folders with `entries`. `hints`: files that may have come, gone or changed. `all`: others may have, too, so the
   * names of each folder that changed are read, and some of the files that may have changed without that are looked at.
   * `now`: monotonic ms.
   */
  async scan(hints: Iterable<string>, all = true, now = performance.now()): Promise<Scan> {
    const [changed, edited] = [this.#changed, this.#edits]
    const result: Scan = { changed, edited, missing: [], away: null, dim: null, orphans: [] }
    if (all) this.#scans++
    const found = await this.#readAll(all)
    this.#looks = new Map()
    const about = this.#looks
    const add = (state: State, name: string) => about.set(`${state}/${name}`, [state, name])
    const cold: Settled[] = []
    for (const state of STATES) {
      const folder = found[state]
      if ('why' in folder) {
        result.missing.push(state)
        result.away ??= `tasks/${state} ${folder.why}, nothing is claimed until ${folder.until}`
        this.#marks.delete(state)
      } else if (folder.names) {
        const first = !this.names.has(state)
        const { came, left } = this.#differ(state, folder.names, folder.mark)
        const before = cold.length
        for (const name of came) {
          if (this.#record(state, name, now)) continue
          const one = this.#tasks.cold.get(state, name)
          if (one) cold.push(one)
          else add(state, name)
        }
        // As a rule all are there that the rows tell of.
        if (first && cold.length - before < this.#tasks.cold.count(state)) {
          this.#tasks.begin(state, new Set(came))
          for (const name of came) this.#record(state, name, now)
        }
        for (const name of left) {
          const entry = this.entries.get(`tasks/${state}/${name}`)
          if (entry) this.#tasks.open.add(entry)
          else if (this.#tasks.cold.get(state, name)) add(state, name)
        }
      }
    }
    for (const file of hints) {
      const [, state, name] = file.split('/') as [string, State, string]
      if (name && !result.missing.includes(state)) add(state, name)
    }
    const open = [...this.#tasks.open, ...(all ? this.#next() : [])]
    // Written by us a moment ago: what is to be shown of it need not wait for the watch.
    for (const path of this.whole) add('pending', basename(path))
    for (const entry of open)
      if (!this.#renamed(entry) && !result.missing.includes(entry.state))
        add(entry.state, entry.name)
    for (const one of this.#tasks.cold.unsure(COMPARED)) this.#compare(one)
    let turn = 0
    try {
      for (const one of cold) {
        const seen = look(`${this.#at.state[one.state]}/${one.name}`)
        if (seen !== undefined && (!seen || stamps(seen).stamp !== one.stamp))
          add(one.state, one.name)
        if (++turn % TURN === 0) await setImmediate()
      }
      for (const [state, name] of about.values()) {
        await this.#see(state, name, now, result)
        if (++turn % TURN === 0) await setImmediate()
      }
    } catch (error) {
      this.#marks.clear() // the rest was not seen: the next scan begins afresh
      throw error
    }
    this.#looks = new Map()
    const dim = STATES.find((state) => !this.sees(state) && !result.missing.includes(state))
    if (dim)
      result.dim = `tasks/${dim} cannot be searched (\`chmod u+x tasks/${dim}\`?): nothing there counts as gone until it can`
    for (const entry of this.#tasks.open) this.#missed(entry, now, result)
    this.#parted(now)
    this.#findOrphans(now, result)
    // What leaves completed/ may be found there now.
    const left = [...this.news.dropped].some(({ state }) => state === 'completed')
    if (all || left) for (const id of this.archive.read()) this.news.keys.add(id)
    // Who was the same as before was taken for it now.
    if (all) delete this.rules.known
    ;[this.#changed, this.#edits] = [[], []]
    return result
  }

  /** @param all also the names of folders that may have changed, whatever was told of them. */
  async #readAll(all: boolean) {
    const held = new Set(
      STATES.filter((state) => this.in(state).size > 0 || this.#tasks.cold.count(state) > 0),
    )
    const wanted = (state: State, mark: Mark) => {
      const old = this.#marks.get(state)
      if (!old || !same(old, mark)) return true
      if (all && this.#scans % (isSettled(state) ? DOUBT * 12 : DOUBT) === 0) return true
      return all && !(old.sure && old.ctimeMs === mark.ctimeMs && old.mtimeMs === mark.mtimeMs)
    }
    const { readOnly } = this.rules
    const { found, device } = await readStates(
      this.#at.state,
      held,
      this.#device,
      !readOnly,
      wanted,
    )
    this.#device = device
    return found
  }

  /** Takes the names read of a folder for the known ones. `came`: to be looked at; `left`: there no more. */
  #differ(state: State, read: string[], mark: Mark): { came: string[]; left: string[] } {
    const known = this.names.get(state)
    // Another folder than before: what it holds may be others of the same names. Of a scan that broke off, nothing was seen.
    const other = !same(this.#marks.get(state), mark)
    this.#marks.set(state, { ...mark, sure: Date.now() - mark.ctimeMs > SURE_MS })
    if (known && !other) {
      const came = read.filter((name) => !known.has(name))
      const all = read.length - came.length === known.size // as a rule: then nothing has left
      const names = new Set(all ? [] : read)
      const left = all ? [] : [...known].filter((name) => !names.has(name))
      for (const name of left) known.delete(name)
      for (const name of came) known.add(name)
      return { came, left }
    }
    const names = new Set(read)
    this.names.set(state, names)
    const cold = known ? this.#tasks.cold.in(state) : []
    const held = [...this.in(state), ...cold].map(({ name }) => name)
    return { came: read, left: held.filter((name) => !names.has(name)) }
  }

  /** To another case, where names do not tell it (macOS): then the old name is found all the same. */
  #renamed(entry: Entry): boolean {
    const names = this.names.get(entry.state)
    const is = (one: Entry) =>
      one !== entry && one.state === entry.state && low(one.name) === low(entry.name)
    return (
      !names?.has(entry.name) &&
      this.about(stem(entry.name)).some((one) => is(one) && names?.has(one.name))
    )
  }

  /** What a full scan looks at again, though nothing was told of it. */
  #next(): Entry[] {
    const some = [...this.in('assigned')]
    for (let n = 0; n < Math.min(PART, this.in('pending').size); n++) {
      let next = this.#part.next()
      if (next.done) {
        this.#part = this.in('pending').values()
        next = this.#part.next()
      }
      if (!next.done) some.push(next.value)
    }
    return some
  }

  async #isOurs(state: State, name: string): Promise<boolean> {
    return (
      state !== 'pending' ||
      isRecord(
        await readRegular(join(this.#at.state[state], name), 1 << 20).catch(() => Buffer.of()),
      )
    )
  }

  async #see(state: State, name: string, now: number, result: Scan): Promise<void> {
    const file = `tasks/${state}/${name}`
    let known = this.entries.get(file)
    const cold = known ? undefined : this.#tasks.cold.get(state, name)
    const path = join(this.#at.state[state], name)
    const seen = look(path)
    const names = this.names.get(state)
    if (seen === undefined) {
      // It is no news that something cannot be looked at; but what is not known yet is looked at again.
      if (!known && !cold && names?.delete(name)) this.#marks.delete(state)
      return
    }
    if (seen === null) {
      names?.delete(name)
      this.whole.delete(path)
      if (known) this.#tasks.open.add(known)
      if (cold) this.#tasks.warm(cold)
      return
    }
    names?.add(name)
    if (!TASK_NAME.test(name)) return
    if (RECORD_NAME.test(name) && (await this.#isOurs(state, name))) {
      if (known) this.#tasks.drop(known)
      this.#record(state, name, now)
      return
    }
    const { body, stamp } = stamps(seen)
    if (cold?.stamp === stamp) return
    if (cold) known = this.#tasks.warm(cold)
    const entry = known ?? this.#blank(state, name, now)
    if (entry.goneSince !== null) this.#tasks.tell(entry)
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
        this.#tasks.open.delete(entry)
        entry.edited = true
        if (body !== old && state === 'assigned') result.edited.push(entry)
        return
      }
      const steady = Date.now() - seen.ctimeMs >= this.rules.settleMs
      entry.since = steady ? Number.NEGATIVE_INFINITY : now
      Object.assign(entry, { task: null, problem: null })
      this.#tasks.tell(entry)
    }
    if (!known) this.#tasks.put(entry)
    this.#tasks.open.delete(entry)
    if (entry.task || entry.problem) return
    this.#tasks.open.add(entry)
    // What we have made, and what is settled and not known yet, is whole.
    const whole = entry.ours || (state !== 'pending' && !known)
    if (!whole && now - entry.since < this.rules.settleMs) return
    await this.#read(entry, seen)
    if (entry.task || entry.problem) this.#tasks.open.delete(entry)
    result.changed.push(entry)
  }

  #blank(state: State, name: string, now: number): Entry {
    // In one piece, as stamps are.
    const path = [this.#at.state[state], name].join(sep)
    const file = ['tasks', state, name].join('/')
    return {
      ...{ state, name, path, file, id: stem(name) },
      ...{ task: null, problem: null, body: '', stamp: '', ctimeMs: 0, since: now },
      ...{ ours: this.whole.delete(path), goneSince: null, edited: false, learnt: null },
    }
  }

  /** What was settled is asked for: the scan under way reads it, or the next. */
  #again({ state, name, id }: Settled): Entry {
    this.#looks.delete(`${state}/${name}`) // it may have been looked at: once more, then
    this.#looks.set(`${state}/${name}`, [state, name])
    return { ...this.#blank(state, name, performance.now()), id }
  }

  /**
   * Of what stood still for a while, is settled, known and shown, and is asked for by nothing that waits, the name is kept alone.
   * Between two looks, when what they found is told. @param busy whether a run leads to it. @param now epoch ms.
   */
  cool(busy: (entry: Entry) => boolean, now = Date.now()): void {
    this.#tasks.cool((entry) => entry.ctimeMs > now - SURE_MS || busy(entry))
  }

  /** Whether the runs of one are as its row says. */
  #compare(cold: Settled): void {
    const { state, name, id, learnt } = cold
    cold.learnt = null
    const path = join(this.#at.state[state], name)
    if (learntOf(this.#at.runs, { state, id, path }, Number.parseInt(learnt ?? '', 10)) !== learnt)
      this.#tasks.warm(cold)
  }

  async #read(entry: Entry, seen: Stats): Promise<void> {
    const known = this.rules.known?.get(entry.file)
    if (known?.stamp === entry.stamp) return this.#is(entry, known)
    const { isProblem, readTask, TASK_CAP } = await import('../files/task.ts')
    try {
      if (!seen.isFile()) throw new OrchestrateError('NOT_A_FILE', 'is not a regular file')
      const bytes = await readRegular(entry.path, TASK_CAP)
      const read = readTask(bytes, entry.name, seen.mtimeMs, this.rules.defaultPriority)
      if (isProblem(read)) this.#is(entry, { id: stem(entry.name), task: null, problem: read })
      else this.#is(entry, { id: read.id, task: read, problem: null })
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return // gone: the next scan tells
      if (isErrno(error, 'EMFILE', 'ENFILE', 'ENOMEM')) throw error // ours, not the file's
      const passing = !(error instanceof OrchestrateError)
      const problem = { message: (error as Error).message, ...(passing && { passing }) }
      this.#is(entry, { id: passing ? entry.id : stem(entry.name), task: null, problem })
    }
  }

  #is(entry: Entry, { id, task, problem }: Pick<Entry, 'id' | 'task' | 'problem'>): void {
    if (id !== entry.id) this.#tasks.take(entry) // else it is found by the same
    Object.assign(entry, { id, task, problem, learnt: null })
    this.#tasks.put(entry)
  }

  /** A file that is gone counts as removed only when it has stayed away for the settling time. */
  #missed(entry: Entry, now: number, result: Scan): void {
    if (result.missing.includes(entry.state) || this.names.get(entry.state)?.has(entry.name)) return
    if (entry.goneSince === null) {
      entry.goneSince = now
      this.#tasks.tell(entry)
    }
    if (now - entry.goneSince < this.rules.settleMs) return
    this.#tasks.drop(entry)
  }

  /**
   * Keeps a record whose task is not beside it; one that went to pending/ along with its task is out of place, too.
   * @returns whether the name alone tells that it is a record.
   */
  #record(state: State, name: string, now: number): boolean {
    // Most records lie beside what is settled, and those names need no more than this.
    const most = name.endsWith(RESULT) ? name.slice(0, -RESULT.length) : ''
    const beside = most !== '' && this.#besides(state, most)
    const id = beside ? most : RECORD_NAME.exec(name)?.[1]
    if (!id || this.entries.has(`tasks/${state}/${name}`)) return false
    if (!beside && !this.#besides(state, id)) {
      const path = join(this.#at.state[state], name)
      if (!this.#loose.has(path)) this.#loose.set(path, { id, state, since: now })
    }
    return state !== 'pending'
  }

  #besides(state: State, id: string): boolean {
    return state !== 'pending' && this.#tasks.has(state, low(id))
  }

  /** The records of those that left a folder, or have another id now, are alone there. */
  #parted(now: number): void {
    const gone = this.#tasks.parted.splice(0).filter(({ id, state }) => !this.#besides(state, id))
    for (const { id, state } of gone) {
      const result = `${id}${RESULT}`
      if (this.names.get(state)?.has(result)) this.#record(state, result, now)
    }
    // Whichever agent had it: there are few, and one pass does for all.
    if (!gone.some(({ state }) => state === 'assigned')) return
    for (const name of this.names.get('assigned') ?? []) this.#record('assigned', name, now)
  }

  /** All of them, for who looks by himself, and needs no news. */
  async list(): Promise<Entry[]> {
    await this.scan([])
    for (const one of Object.values(this.news)) one.clear()
    return [...this.entries.values()]
  }

  #findOrphans(now: number, result: Scan): void {
    for (const [path, { id, state, since }] of this.#loose) {
      const name = basename(path)
      const there = this.names.get(state)?.has(name) && !this.entries.has(`tasks/${state}/${name}`)
      if (!there || this.#besides(state, id)) this.#loose.delete(path)
      else if (now - since < this.rules.settleMs) continue
      // Its task may lie beside it, where a file cannot be looked at.
      else if (this.sees(state) && look(path)) result.orphans.push({ path, id, state })
    }
  }

  /** Whether the record of this very attempt lies in assigned/. */
  isAssigned(run: { task_id: string; agent_id: string }): boolean {
    return this.names.get('assigned')?.has(`${run.task_id}_${run.agent_id}.yaml`) ?? false
  }

  /** After a rename of ours: the same file, with another ctime, elsewhere. */
  async moved(entry: Entry, state: State, path: string): Promise<void> {
    const seen = look(path) // RACE: a person moved it on; the next scan tells
    const cold = this.#tasks.cold.get(entry.state, entry.name) // RACE: a full look, since it was found
    if (cold) this.#tasks.cold.take(cold)
    this.#tasks.take(entry)
    this.names.get(entry.state)?.delete(entry.name)
    this.names.get(state)?.add(entry.name)
    if (seen && stamps(seen).body !== entry.body) entry.edited = true
    Object.assign(entry, {
      state,
      path,
      file: `tasks/${state}/${entry.name}`,
      goneSince: null,
      ...(seen && { ...stamps(seen), ctimeMs: seen.ctimeMs }),
    })
    if (state === 'pending' && entry.edited) {
      Object.assign(entry, { edited: false, task: null, problem: null, stamp: '' })
      this.#tasks.open.add(entry)
    }
    this.#tasks.put(entry)
  }

  find(id: string, states: readonly State[] = STATES): Entry | undefined {
    const same = this.about(id).filter((entry) => low(entry.id) === low(id))
    return states.map((state) => same.find((entry) => entry.state === state)).find(Boolean)
  }
}

/** The number of a folder that is gone is given to the next one. */
const same = (one: Mark | undefined, other: Mark) =>
  one?.ino === other.ino && one.birthtimeMs === other.birthtimeMs

/** Null: it is not there. Undefined: it cannot be looked at now, which says nothing of it. */
function look(path: string): Stats | null | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    return isErrno(error, 'ENOENT', 'ENOTDIR') ? null : undefined
  }
}
