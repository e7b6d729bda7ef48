// The loop (DESIGN 3): look, decide, act. It owns the order of things and nothing else: the queue moves files, the table
// decides, runs run. A crash is only a long pause between two looks.
import { setImmediate } from 'node:timers/promises'
import { cancel, retry } from '../files/by-hand.ts'
import { isErrno, syncFolder } from '../files/files.ts'
import { type Lock, takeLock } from '../files/lock.ts'
import { makeFolders } from '../files/make-folders.ts'
import { newest } from '../files/run-folder.ts'
import { GONE, TaskDistributor } from '../look/agents.ts'
import { Crowd } from '../look/crowd.ts'
import { createHalt } from '../look/halt.ts'
import { createMemory, firstWords, lastWords } from '../look/memory.ts'
import { BUSY_MS, HALT_MS, MORE_MS, pace, RESCAN_MS } from '../look/pace.ts'
import type { Parts } from '../look/parts.ts'
import { createPurse } from '../look/purse.ts'
import { Standing } from '../look/standing.ts'
import { strays } from '../look/strays.ts'
import { createTell } from '../look/tell.ts'
import { keepUp } from '../look/upkeep.ts'
import { vetted } from '../look/vet.ts'
import { type Watcher, watchTasks } from '../look/watcher.ts'
import { EDITED, fullUp, STOPPING } from '../look/words.ts'
import type * as T from '../types.ts'
import { type Entry, OrchestrateError, type Plan, type Scan } from '../types.ts'
import { decide } from './decide.ts'
import { distribute } from './distribute.ts'
import { finaliser } from './finalise.ts'
import { TaskQueue } from './queue.ts'
import { AgentProcess } from './run.ts'

const HARDER = ['wait', 'now', 'detach'] as const

export function createOrchestrator(parts: Parts): T.Orchestrator {
  const { workspace: at, processes, context, show, log } = parts
  const queue = new TaskQueue(at.root, { ...parts.settings.queue, ...parts.known?.() })
  const agents = new TaskDistributor((type) => parts.kind(type).cli?.warmUp === true)
  const purse = createPurse(at.runs)
  const standing = new Standing(queue)
  const crowd = new Crowd()
  const memory = createMemory(at.runs, queue, (entry) => {
    standing.wake(entry)
    queue.news.changed.add(entry)
  })
  const active = new Map<string, AgentProcess>()
  /** Whose move failed, and when it is tried again: each try writes, and so wakes us. */
  const later = new Map<string, number>()
  const waiters = new Set<() => void>()
  let settings = parts.settings
  /** Files that may have changed: since the last look began, and before. */
  let [hints, about] = [new Set<string>(), new Set<string>()]
  /** Others may have, too. */
  let any = true
  /** Of whose past nothing is known yet: no look claims anything before it is. */
  const unlearned = new Set<Entry>()
  let lock: Lock | null = null
  let watcher: Watcher | null = null
  let looking: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined
  let upkeep: ReturnType<typeof keepUp> | undefined
  let [lastFull, next, dirty, settled, awaited] = [0, RESCAN_MS, false, false, false]
  let pressure: string | null = null
  let stopping: (typeof HARDER)[number] | null = null
  let over: Promise<void> | null = null

  const { event, tell } = createTell(show, log)
  const missing = (type: string) => {
    const why = parts.missing(type, settings.agents[type] ?? GONE)
    tell(type, 'agent', why && `${type}: ${why}`)
    return why
  }
  const current = () => settings
  const hands = { ...parts, runs: at.runs, queue, agents, active, memory, purse, event, current }
  const ends = finaliser(hands)

  const halt = createHalt(event, log)
  function stumble(error: unknown): void {
    for (const file of about) hints.add(file) // they may be unread
    any = true
    halt.stumble(error)
  }

  // ---- look --------------------------------------------------------------------------------------

  function soon(ms = 0): void {
    if (ms === 0) [dirty, settled] = [true, false]
    clearTimeout(timer)
    if (lock) timer = setTimeout(() => void look(), ms)
  }
  function afresh(): void {
    any = true
    soon()
  }

  /** One at a time; what changes meanwhile is seen by the next. */
  function look(): Promise<void> {
    looking ??= (async () => {
      do {
        dirty = false
        const before = [...waiters]
        await once().catch(stumble)
        // Not only at the last: where something changes all the time, there is none.
        for (const done of before) done()
        if (dirty) await setImmediate() // what has happened is heard of
      } while (dirty && lock)
      looking = null
      for (const done of waiters) done()
      soon(Math.min(Math.max(next, 1), halt.left()))
    })()
    return looking
  }

  async function once(): Promise<void> {
    await fence()
    if (performance.now() - lastFull > queue.dueMs || watcher?.deaf()) any = true
    const full = any
    if (full) lastFull = performance.now()
    about = hints
    ;[hints, any] = [new Set(), false] // before the reading: what comes meanwhile is for the next look
    const scan = await queue.scan(about, full)
    // What came to a folder before it was watched, nothing told of.
    if ((full || scan.missing.length) && (await watcher?.rearm())) afresh()
    const wanted = Object.entries(settings.agents).map(([type, own]) => [type, own.maxInstances])
    agents.arrange(Object.fromEntries(wanted), missing)
    for (const entry of scan.changed) unlearned.add(entry)
    for (const entry of unlearned) {
      await memory.learn(entry)
      unlearned.delete(entry)
      if (entry.state === 'pending') agents.heed(memory.last(entry) ?? {})
      for (const remark of entry.task?.remarks ?? []) {
        tell(`${entry.file} ${remark}`, 'system', `${entry.file}: ${remark}`)
      }
    }
    if (full) await memory.recheck()
    for (const { file } of scan.edited) tell(file, 'system', `${file} ${EDITED}`)
    const led = new Set([...active.values()].map((run) => run.record?.file))
    const adrift = [...queue.in('assigned')].filter((entry) => !led.has(entry.name))
    for (const entry of [...adrift, ...memory.unfinished()])
      await adopt(entry.id, entry).catch(failed(entry.id))
    for (const { id, path } of scan.orphans) {
      const settled = queue.find(id, ['completed', 'failed']) ?? null
      if (!(await adopt(id, settled))) await queue.records.shelve(path, id)
    }
    const due = [...active].filter(([id]) => (later.get(id) ?? 0) < performance.now())
    await Promise.all(due.map(([id, run]) => attend(id, run).catch(failed(id))))
    const plan = await claimAll(scan)
    rest(plan, scan, full)
    const last = (entry: Entry) =>
      (entry.state === 'assigned' && active.get(key(entry))?.record) || memory.last(entry)
    const { news, entries, names } = queue
    const changed = new Set([...news.changed, ...standing.changed, ...queue.in('assigned')])
    const all = Object.values(agents.getAgentStatus())
    show.picture({ entries, names, changed, gone: news.gone, why: standing.why, agents: all, last })
    for (const one of [news.changed, news.gone, standing.changed]) one.clear()
    if (full) queue.cool((entry) => active.has(key(entry)))
  }

  /** One task's move failed: a person was quicker (the next look sees what they did), or a file of its name is in the way. */
  const failed = (id: string) => (error: Error) => {
    if (isErrno(error, 'EEXIST')) tell(id, 'held', `${id} cannot be moved: ${error.message}`)
    else if (!isErrno(error, 'ENOENT')) stumble(error)
    later.set(id, performance.now() + Math.min(halt.left(), HALT_MS))
  }

  /** Before anything is moved: is this still our workspace? */
  async function fence(): Promise<void> {
    if (await lock?.held()) return
    lock = null
    log('error', 'another orchestrator took over this workspace: this one leaves, its agents go on')
    parts.lost()
    throw new OrchestrateError('LOST', 'the lock is gone')
  }

  /** Takes up the newest run of a task that is not ours yet; `false`: none is unfinished. */
  async function adopt(id: string, entry: Entry | null): Promise<boolean> {
    if (active.has(id.toLowerCase())) return true
    const record = await newest(at.runs, id)
    const unended = entry && entry.state !== 'pending' && record && queue.isAssigned(record)
    if (!record || (record.outcome && !unended)) {
      if (entry?.state !== 'assigned') return false
      await queue.place(entry, 'pending')
      await queue.records.unassign(id)
      await memory.learn(entry) // a success, too, is held from now on
      return false
    }
    queue.about(id) // what was settled is read by the next look
    const run = new AgentProcess(record.agent_type, record.agent_id, runParts(record.agent_type))
    active.set(id.toLowerCase(), run.adopt({ ...record, overlapped: true }))
    event(
      'agent',
      `attempt ${record.attempt} by ${record.agent_id} is taken up again`,
      id,
      record.agent_id,
    )
    return true
  }

  const runParts = (type: string) => ({
    ...{ root: at.root, runs: at.runs, kind: parts.kind(type), processes, ended: () => soon() },
    settings: settings.agents[type] ?? GONE,
  })

  // ---- act ---------------------------------------------------------------------------------------

  async function attend(id: string, run: AgentProcess): Promise<void> {
    const record = run.record as T.RunRecord
    const own = queue.entries.get(`tasks/assigned/${record.file}`)
    const entry = own ?? queue.find(id, ['assigned', 'completed', 'failed', 'pending']) ?? null
    const sight = await run.look(queue.isAssigned(record))
    if (!record.outcome) agents.busy(run.agentId, record.task_id, run.pid)
    if (sight.events) agents.warm(run.agentType)
    const action = decide(entry?.state ?? null, sight, ends.rules(run, entry?.task ?? null))
    // What cannot be looked at may hold its task: what is over is ended all the same, and decided later.
    const blind = !entry && !queue.sees('assigned') && action.do !== 'kill' && action.do !== 'fence'
    if (action.do === 'follow' || blind) return
    switch (action.do) {
      case 'interrupt':
        event('end', `${run.agentId} is interrupted (${action.why})`, record.task_id, run.agentId)
        return run.interrupt(action.why)
      case 'kill':
        if (sight.endEvent && sight.exit === null && !record.stopping)
          await run.save({ stopping: 'linger' })
        await run.sweep()
        return soon()
      case 'fence':
        await run.fence()
        return soon()
      case 'finalise':
        await fence()
        await ends.finish(run, sight, entry, action)
        break
      case 'back':
        if (entry) await queue.place(entry, 'pending')
        break
      case 'nothing':
      case 'hold':
      case 'distribute':
        break
      default:
        action satisfies never
    }
    active.delete(id)
    later.delete(id)
    // A second file of this id, too: it must know of a success before the first file is taken away.
    for (const one of queue.about(id)) await memory.learn(one)
    soon()
  }

  // ---- claim -------------------------------------------------------------------------------------

  async function claimAll(scan: Scan): Promise<Plan> {
    const none = whyNot(scan) ?? (await purse.over(settings.budget.day))
    const { maxSize } = settings.queue
    const now = Date.now() // one for all that follows: what is before it for one is so for all
    const came = scan.changed.some(({ state }) => state === 'pending')
    for (const entry of crowd.update(queue.in('pending'), maxSize, came, now)) standing.wake(entry)
    standing.heed(now)
    const slots: T.Slot[] = none ? [] : Object.values(agents.getAgentStatus())
    const remark = (entry: Entry, text: string) =>
      tell(`${entry.file} context`, 'system', `${entry.file}: ${text}`)
    const learned = settings.queue.selection === 'learned' ? parts.profiles() : null
    const note = (entry: Entry): T.Note => {
      if (crowd.late.has(entry)) return { held: fullUp(maxSize) }
      const running = active.has(key(entry))
      return running ? STOPPING : memory.note(entry, settings)
    }
    const make = (part: readonly Entry[], notes: ReadonlyMap<Entry, T.Note>) =>
      distribute(part, slots, now, notes, learned, queue.archive.ids)
    const { part, plan, notes } = await vetted(standing, note, make, {
      heads: slots.filter(({ state }) => state === 'idle').length,
      ...{ queue, pending: at.state.pending, processes, context, remark },
    })
    if (none) for (const entry of plan.ready) plan.waiting.set(entry, none)
    standing.settle(part, plan, notes, now)
    if (!plan.assign.length) return plan
    await fence()
    for (const one of plan.assign) {
      if (!stopping && !halt.why() && (await queue.claim(one.entry)))
        await begin(one).catch(stumble)
    }
    for (const state of ['assigned', 'pending'] as const) await syncFolder(at.state[state])
    return plan
  }

  /** Why nothing at all is claimed; null: all is well. */
  function whyNot(scan: Scan): string | null {
    tell('folders', 'system', scan.away ?? scan.dim)
    return stopping ? 'the orchestrator is stopping' : (scan.away ?? halt.why() ?? pressure)
  }

  /** After the claim: the run's folder, our record, the process. A crash between them is a row of the table. */
  async function begin({ entry, task, agent, chosen }: Plan['assign'][number]): Promise<void> {
    const { id: agentId, type } = agent
    const last = memory.last(entry)
    const before = memory.session(entry)
    const from = before?.agent_type === type && before.session_id ? before : undefined
    const run = new AgentProcess(type, agentId, runParts(type))
    const about = { attempt: (last?.attempt ?? 0) + 1, agentId, agentType: type }
    const prompt = await context.prompt(task, { ...about, ...lastWords(last, from) })
    const more = firstWords(task, active.size > 0, chosen)
    const record = await run.prepare(task.id, entry.name, prompt, more, from)
    await queue.records.assign(record)
    queue.names.get('assigned')?.add(`${task.id}_${agentId}.yaml`)
    for (const other of active.values()) if (other.record) other.record.overlapped = true
    await fence() // we may have stood still since the claim
    run.launch()
    active.set(key(entry), run)
    agents.busy(agentId, task.id, run.pid)
    show.run(record)
    const on = `${agentId} (${chosen ?? type})`
    event('start', `attempt ${record.attempt} begins on ${on}`, task.id, agentId)
  }

  function rest(plan: Plan, scan: Scan, full: boolean): void {
    const busy = active.size + scan.missing.length + scan.orphans.length > 0
    const slots = Object.values(agents.getAgentStatus())
    const about = { settleMs: settings.queue.settleMs, busy, halted: halt.why() !== null }
    const soonest = Math.min(plan.later ?? NEVER, standing.next)
    const later = soonest === NEVER ? null : soonest
    const found = pace(queue.open, { ...plan, later }, about, performance.now(), Date.now())
    // Where output is left to read, the next look comes at once.
    const behind = [...active.values()].some((run) => run.behind)
    const more = standing.behind || queue.behind ? MORE_MS : RESCAN_MS
    next = Math.min(found.next, more, behind ? 1 : watcher?.deaf() ? BUSY_MS : RESCAN_MS)
    const resting = slots.some(({ state, why }) => state === 'failed' && !why)
    const calm = found.settled && !dirty && !pressure && !resting
    settled = calm && full
    if (!calm || full || !awaited) return
    any = true // before it is believed that nothing is left, everything is looked at
    next = 1
  }

  // ---- begin and end -----------------------------------------------------------------------------

  /** Once, whoever asks: of two that interrupt a run, one would take what the other did for an end of its own. */
  async function leave(): Promise<void> {
    const living = () => [...active.values()].filter((run) => run.isAlive() || run.behind)
    do {
      soon()
      if (lock) await looked() // also the run that was just being begun is among them now
      for (const run of stopping === 'now' ? living() : [])
        if (run.isAlive() && !run.record?.stopping) await run.interrupt('stop').catch(stumble)
    } while (lock && stopping !== 'detach' && living().length)
    soon()
    if (lock && active.size && stopping !== 'detach') await looked()
    await looking
    for (const id of active.keys()) event('system', 'its run is left to the next start', id)
    const mine = lock
    lock = null // no look begins any more: it would take its own end for a take-over
    clearTimeout(timer)
    upkeep?.end()
    await watcher?.close()
    if (mine) await parts.closing().catch(stumble)
    await mine?.release().catch(() => {}) // what it leaves is a dead one's: the next start takes over
    for (const done of waiters) done()
  }

  /** The end of the next look. */
  const looked = () =>
    new Promise<void>((resolve) => {
      const done = () => {
        waiters.delete(done)
        resolve()
      }
      waiters.add(done)
    })

  /** What a person just did in the folders is seen before what they ask for. */
  async function byHand(id: string, what: () => Promise<string>): Promise<string> {
    afresh()
    await looked()
    const done = await what()
    for (const one of queue.about(id)) await memory.learn(one) // also of a second file, which may be going
    afresh()
    await looked()
    return done
  }

  return {
    async start() {
      await makeFolders(at)
      lock = await takeLock({ path: at.lock, processes })
      const hint = (file: string | null) => {
        if (file) hints.add(file)
        else any = true
        soon()
      }
      watcher = await watchTasks(at, hint, (why) => tell('watcher', 'system', why))
      const pressed = (why: string | null) => {
        if (why !== pressure) soon()
        pressure = why
        tell('limits', 'system', why)
      }
      const adopted = (id: string) => adopt(id, null)
      upkeep = keepUp({ ...hands, missing, adopt: adopted, pressed, stumble, afresh })
      for (const id of await strays(at.runs, processes, () => false)) await adopted(id)
      afresh()
      await looked()
    },
    stop(how) {
      if (!stopping || HARDER.indexOf(how) > HARDER.indexOf(stopping)) stopping = how
      over ??= leave()
      soon() // it hears of a harder word
      return over
    },
    async finished() {
      awaited = true
      if (!settled) afresh()
      while (lock && !settled) await looked()
    },
    poke: afresh,
    reconfigure(changed) {
      settings = changed
      queue.rules = changed.queue
      agents.reopen()
      standing.wakeAll()
      upkeep?.ask()
      afresh()
    },
    async resume(type) {
      const was = agents.open(type)
      afresh()
      await looked()
      return `${type} takes tasks${was ? ' again' : ': nothing stood against it'}`
    },
    add: (tasks) => queue.addTasks(tasks, show.added).finally(() => soon()),
    retry: (id, feedback) => byHand(id, () => retry(queue, at, id, feedback)),
    cancel: (id) => byHand(id, () => cancel(queue, at, id)),
    halted: () => halt.said() ?? pressure,
    active: () => [...active.values()].flatMap((run) => run.record?.task_id ?? []),
  }
}

const key = (entry: Entry) => entry.id.toLowerCase()
const NEVER = Number.POSITIVE_INFINITY
