// Who waits, and for what: the part of the queue that a look has to plan. A task that waits for a time, another task or a person
// is put aside until that comes; those that lack only an agent stand in lines, whose heads are planned. Promises: the plan of this
// part is the plan of all; whatever may change what a task waits for brings it back.
import { stem } from '../files/names.ts'
import type { Entry, Note, Plan } from '../types.ts'
import { CIRCLE } from './blocked.ts'
import { needs } from './entries.ts'
import type { Folders } from './folders.ts'
import { before, type Queued } from './order.ts'

/** Entries of a line that are given its new reason in one look. */
const AT_ONCE = 500
/** Up to so many are put into their place in a line; more, and the line is sorted. */
const FEW = 8
/** ms after which the lines are put in order again: a task rises as it waits. */
const ORDER_MS = 60_000
/** ms by which a clock may go back without having been set. */
const SLEW_MS = 1000

/** What it is told of the folders. */
type Queue = Pick<Folders, 'in' | 'about' | 'entries' | 'news'>

/** Those that the same agents suit, in queue order. */
interface Line {
  /** Also some that have left: `stale` of them. */
  queued: Queued[]
  stale: number
  /** Why they wait, and how many of them, from the head, were told so. */
  reason: string
  told: number
}

/** Where one stands that is not to be planned now. */
interface Stand {
  /** The ids that it depends on, in lower case. */
  needs: readonly string[]
  line?: Line
  place?: Queued
}

export class Standing {
  /** Why they wait or are held, of all that do. */
  readonly why = { held: new Map<Entry, string>(), waiting: new Map<Entry, string>() }
  /** Whose reason is another since this was last emptied. */
  readonly changed = new Set<Entry>()
  readonly #queue: Queue
  readonly #awake = new Set<Entry>()
  /** Woken since the part was given out: what is planned does not know of it. */
  readonly #since = new Set<Entry>()
  readonly #stands = new Map<Entry, Stand>()
  readonly #lines = new Map<string, Line>()
  /** By the id of what they depend on. */
  readonly #on = new Map<string, Set<Entry>>()
  /** Until when (epoch ms) those wait that time alone may start. */
  readonly #until = new Map<Entry, number>()
  #next = Number.POSITIVE_INFINITY
  #ordered = 0
  #clock = 0

  constructor(queue: Queue) {
    this.#queue = queue
  }

  /** It is to be planned: something else is known of it. */
  wake(entry: Entry): void {
    this.#since.add(entry)
    this.#rouse(entry)
  }

  /** All of them are: another configuration. */
  wakeAll(): void {
    for (const all of [this.#stands, this.#lines, this.#on, this.#until]) all.clear()
    for (const entry of this.#queue.in('pending')) this.wake(entry)
  }

  /** What happened in the folders, and what time brought. @param now epoch ms. */
  heed(now: number): void {
    const { keys, dropped } = this.#queue.news
    for (const entry of dropped) this.#forget(entry)
    dropped.clear()
    const met = new Set([...keys].flatMap((key) => this.#queue.about(key)))
    // A set is walked to its end, also over what is added meanwhile.
    for (const key of keys) {
      const all = this.#queue.about(key)
      // One that came or went, or was moved while it waited, may close or open a circle: that is said to all who
      // depend on it, however far.
      const far = all.every((one) => one.state === 'pending' || this.#waited(one))
      for (const entry of this.#on.get(key) ?? []) {
        met.add(entry)
        if (far || this.#circles(entry)) keys.add(entry.id.toLowerCase())
      }
    }
    for (const entry of met) this.#rouse(entry)
    keys.clear()
    if (now < this.#clock - SLEW_MS) this.wakeAll() // it was set back
    this.#clock = now
    if (now >= this.#next) {
      for (const [entry, at] of this.#until) if (at <= now) this.#rouse(entry)
      this.#next = least(this.#until.values())
    }
    if (now - this.#ordered < ORDER_MS && now >= this.#ordered) return
    this.#ordered = now
    for (const { queued } of this.#lines.values()) queued.sort(before(now))
  }

  #rouse(entry: Entry): void {
    this.#leave(entry)
    this.#awake.add(entry)
  }

  #leave(entry: Entry): void {
    const stand = this.#stands.get(entry)
    if (!stand) return
    this.#stands.delete(entry)
    this.#until.delete(entry)
    if (stand.line) stand.line.stale++
    for (const key of stand.needs) {
      const all = this.#on.get(key)
      all?.delete(entry)
      if (all?.size === 0) this.#on.delete(key)
    }
  }

  #forget(entry: Entry): void {
    this.#leave(entry)
    this.#awake.delete(entry)
    this.why.held.delete(entry)
    this.why.waiting.delete(entry)
  }

  /** What is to be planned, with what it is planned by: others of its id or name, and what it depends on. @param heads of each line. */
  part(heads: number): Entry[] {
    this.#since.clear()
    const part = new Set(this.#awake)
    for (const line of this.#lines.values())
      for (const { entry } of this.#clean(line).slice(0, heads)) part.add(entry)
    const asked = new Set<string>()
    for (const entry of part) {
      const { dependencies = [] } = (entry.state === 'pending' && entry.task) || {}
      for (const id of [entry.id, stem(entry.name), ...dependencies]) {
        const key = id.toLowerCase()
        if (asked.has(key)) continue
        asked.add(key)
        for (const one of this.#queue.about(key)) part.add(one)
      }
    }
    return [...part]
  }

  /** Without those that have left. */
  #clean(line: Line): readonly Queued[] {
    if (line.stale > 0) {
      const here = (one: Queued) => this.#stands.get(one.entry)?.place === one
      line.told = line.queued.slice(0, line.told).filter(here).length
      line.queued = line.queued.filter(here)
      line.stale = 0
    }
    return line.queued
  }

  /** After a plan of a part: where each of it stands now. @param notes what was noted of each, @param now epoch ms. */
  settle(part: readonly Entry[], plan: Plan, notes: ReadonlyMap<Entry, Note>, now: number): void {
    const assigned = new Set(plan.assign.map(({ entry }) => entry))
    const joined = new Map<Line, Queued[]>()
    for (const entry of part) {
      const note = notes.get(entry) ?? {}
      const held = plan.held.get(entry)
      this.#say(entry, held, plan.waiting.get(entry))
      // What is to be claimed, or waits for what nothing tells of, is planned again by the next look.
      const again = assigned.has(entry) || note.open || this.#since.has(entry)
      if (entry.state === 'pending' && again) this.#rouse(entry)
      else this.#awake.delete(entry)
      const { task } = entry
      if (!task || entry.state !== 'pending') continue
      const stays = plan.ready.has(entry) && !again
      const line = stays ? this.#line(task.preferredAgent, note) : undefined
      if (line) this.#word(line, plan.waiting.get(entry) ?? '')
      if (line && this.#stands.get(entry)?.line === line) continue
      this.#leave(entry)
      const ids = needs(entry)
      for (const key of ids) this.#on.set(key, (this.#on.get(key) ?? new Set()).add(entry))
      const place = { entry, task }
      this.#stands.set(entry, { needs: ids, ...(line && { line, place }) })
      if (line) joined.set(line, joined.get(line) ?? [])
      if (line) joined.get(line)?.push(place)
      const times = [task.notBefore ?? 0, note.ready?.at ?? 0].filter((at) => at > now)
      if (again || held || times.length === 0) continue
      this.#until.set(entry, Math.min(...times))
      this.#next = Math.min(this.#next, ...times)
    }
    for (const [line, some] of joined) {
      this.#clean(line)
      insert(line, some, now)
    }
    for (const [key, line] of this.#lines) {
      const queued = this.#clean(line)
      if (queued.length === 0) this.#lines.delete(key)
      const { told, reason } = line
      line.told = Math.min(told + AT_ONCE, queued.length)
      for (const { entry } of queued.slice(told, line.told)) this.#say(entry, undefined, reason)
    }
  }

  /** Some have not been told their reason yet: the next look goes on with it. */
  get behind(): boolean {
    return [...this.#lines.values()].some(({ told, queued }) => told < queued.length)
  }

  /** When time alone may let one start, epoch ms; Infinity: it will not. */
  get next(): number {
    return this.#until.size ? this.#next : Number.POSITIVE_INFINITY
  }

  #circles(entry: Entry): boolean {
    return this.why.waiting.get(entry)?.startsWith(CIRCLE) ?? false
  }

  #waited(entry: Entry): boolean {
    return this.why.waiting.has(entry) || this.why.held.has(entry)
  }

  #say(entry: Entry, held?: string, waiting?: string): void {
    for (const [kind, text] of Object.entries({ held, waiting })) {
      const all = this.why[kind as 'held' | 'waiting']
      if (all.get(entry) === text) continue
      if (text === undefined) all.delete(entry)
      else all.set(entry, text)
      this.changed.add(entry)
    }
  }

  /** By what decides which agents suit it. */
  #line(wish: string | undefined, { stick, switches }: Note): Line {
    const key = JSON.stringify([wish, stick, switches])
    const line = this.#lines.get(key) ?? { queued: [], stale: 0, reason: '', told: 0 }
    this.#lines.set(key, line)
    return line
  }

  #word(line: Line, reason: string): void {
    if (line.reason === reason) return
    line.reason = reason
    line.told = 0
  }
}

/** Few find their places, many are sorted in. */
function insert(line: Line, some: readonly Queued[], now: number): void {
  const { queued } = line
  const order = before(now)
  if (some.length > FEW) {
    for (const one of some) queued.push(one)
    queued.sort(order)
    line.told = 0
    return
  }
  for (const one of some) {
    let [low, high] = [0, queued.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (order(queued[middle] as Queued, one) < 0) low = middle + 1
      else high = middle
    }
    queued.splice(low, 0, one)
    if (low <= line.told) line.told++
  }
}

/** Not by spreading: there may be a hundred thousand. */
function least(times: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY
  for (const at of times) if (at < least) least = at
  return least
}
