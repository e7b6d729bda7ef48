// The tasks as the look has seen them, and what they are found by: entries, and of what was settled long ago the name alone (cold.ts).
// Promises: `put` and `take` alone change what is found; who asks gets an entry; each change is in `news`.
import { ID, NONE, RECORD_NAME, stem, TASK_NAME } from '../files/names.ts'
import { type Entry, type Settled, STATES, type State } from '../types.ts'
import { ColdTasks } from './cold.ts'

const low = (text: string) => text.toLowerCase()

export class Entries {
  /** By `file`. */
  readonly all = new Map<string, Entry>()
  /** Not read yet, or missing: time alone changes them. */
  readonly open = new Set<Entry>()
  /** What happened since it was last emptied. */
  readonly news = {
    changed: new Set<Entry>(),
    gone: new Set<string>(),
    keys: new Set<string>(),
    dropped: new Set<Entry>(),
  }
  /** Ids that left a folder, or may have: their records may be alone there. */
  readonly parted: Pick<Entry, 'id' | 'state'>[] = []
  readonly cold = new ColdTasks()
  readonly #in = Object.fromEntries(STATES.map((state) => [state, new Set<Entry>()])) as Record<
    State,
    Set<Entry>
  >
  /** By id and by the stem of the name, in lower case. */
  readonly #by = new Map<string, Entry[]>()
  /** How many waiting tasks depend on an id, in lower case. */
  readonly #needed = new Map<string, number>()
  /** As they were counted. */
  readonly #needs = new WeakMap<Entry, readonly string[]>()
  readonly #again: (cold: Settled) => Entry

  /** @param again makes the entry of one that was settled long ago, to be read. */
  constructor(again: (cold: Settled) => Entry) {
    this.#again = again
  }

  /** Those in a state folder that are not cold. */
  in(state: State): ReadonlySet<Entry> {
    return this.#in[state]
  }

  /** @param key an id or the stem of a name, in lower case. */
  about(key: string): readonly Entry[] {
    const cold = this.cold.at(key)
    if (cold) this.warm(cold)
    return this.#by.get(key) ?? []
  }

  /** Whether one of this id is in the folder. @param id in lower case. */
  has(state: State, id: string): boolean {
    const is = (one?: Entry | Settled) => one?.state === state && low(one.id) === id
    return is(this.cold.at(id)) || (this.#by.get(id) ?? []).some(is)
  }

  /** Again, too, when what it is found by is the same. */
  put(entry: Entry): void {
    const old = this.all.get(entry.file)
    if (old && old !== entry) this.drop(old)
    this.#needNot(entry)
    this.all.set(entry.file, entry)
    this.#in[entry.state].add(entry)
    for (const key of keysOf(entry)) {
      const all = this.about(key)
      if (all.length === 0)
        this.#by.set(key, [entry]) // spread, it has room for 17
      // The last one read is the last.
      else if (all.at(-1) !== entry)
        this.#by.set(key, [...all.filter((one) => one !== entry), entry])
    }
    const keys = needs(entry)
    if (keys.length) this.#needs.set(entry, keys)
    for (const key of keys) {
      this.#needed.set(key, (this.#needed.get(key) ?? 0) + 1)
      this.about(key)
    }
    this.news.gone.delete(entry.file)
    this.tell(entry)
  }

  /** It is about to be another: `put` follows. */
  take(entry: Entry): void {
    this.parted.push({ id: entry.id, state: entry.state })
    this.tell(entry)
    this.#forget(entry)
    this.news.gone.add(entry.file)
  }

  /** It is gone, or another one is in its place. */
  drop(entry: Entry): void {
    this.take(entry)
    this.open.delete(entry)
    this.news.changed.delete(entry)
    this.news.dropped.add(entry)
  }

  tell(entry: Entry): void {
    this.news.changed.add(entry)
    for (const key of keysOf(entry)) this.news.keys.add(key)
  }

  #forget(entry: Entry): void {
    this.all.delete(entry.file)
    this.#in[entry.state].delete(entry)
    for (const key of keysOf(entry)) {
      const rest = (this.#by.get(key) ?? []).filter((one) => one !== entry)
      if (rest.length) this.#by.set(key, rest)
      else this.#by.delete(key)
    }
    this.#needNot(entry)
  }

  #needNot(entry: Entry): void {
    for (const key of this.#needs.get(entry) ?? []) {
      const left = (this.#needed.get(key) ?? 0) - 1
      if (left > 0) this.#needed.set(key, left)
      else this.#needed.delete(key)
    }
    this.#needs.delete(entry)
  }

  // ---- what was settled long ago -------------------------------------------------------------------------

  /** What rows say. Of two with one id or name, and of what can be no task, nothing is believed. */
  believe(rows: Iterable<Settled>): void {
    for (const one of rows)
      if (!isTask(one) || !this.cold.add(one)) this.news.gone.add(`tasks/${one.state}/${one.name}`)
  }

  /** Of what is settled, known and shown, and is asked for by nothing that waits, the name is kept alone. */
  cool(busy: (entry: Entry) => boolean): void {
    for (const state of ['completed', 'failed'] as const) {
      for (const entry of this.#in[state]) {
        const { task, name, id, stamp, edited, goneSince, learnt } = entry
        if (!task || edited || goneSince !== null || learnt === null) continue
        const alone = (key: string) => this.#by.get(key)?.length === 1 && !this.#needed.has(key)
        if (this.news.changed.has(entry) || ![...keysOf(entry)].every(alone) || busy(entry))
          continue
        this.#forget(entry)
        this.cold.add({ state, name, id, stamp, learnt: null })
      }
    }
  }

  /** It is asked for: an entry again. */
  warm(cold: Settled): Entry {
    this.cold.take(cold)
    const entry = this.#again(cold)
    this.put(entry)
    this.open.add(entry)
    return entry
  }

  /** What a row says of a file that is not there was so before a stop. @param names the first ones of a folder. */
  begin(state: State, names: ReadonlySet<string>): void {
    for (const one of this.cold.in(state)) {
      if (names.has(one.name)) continue
      this.cold.take(one)
      this.news.gone.add(`tasks/${state}/${one.name}`)
      for (const key of keysOf(one)) this.news.keys.add(key)
    }
  }
}

/** What an entry is found by. */
const keysOf = ({ id, name }: Pick<Entry, 'id' | 'name'>) => new Set([low(id), low(stem(name))])

/** A row may come from anywhere. */
const isTask = ({ id, name }: Settled) =>
  ID.test(id) && TASK_NAME.test(name) && !RECORD_NAME.test(name) && !name.includes('/')

/** What it depends on, of one that waits, in lower case. */
export const needs = ({ state, task }: Entry): readonly string[] =>
  state === 'pending' && task?.dependencies.length ? task.dependencies.map(low) : NONE
