// The loop (DESIGN 3): look, decide, act. It owns the order of things and nothing else: the queue moves files, the table
// decides, runs run. A crash is only a long pause between two looks.
import { mkdir, stat } from 'node:fs/promises'
import { syncFolder } from '../files/files.ts'
import { newest } from '../files/run-folder.ts'
import type { Workspace } from '../files/workspace.ts'
import { createMemory } from '../look/memory.ts'
import { strays } from '../look/strays.ts'
import { vet } from '../look/vet.ts'
import type * as T from '../types.ts'
import { type Entry, OrchestrateError, type Plan, type Scan, STATES, type Task } from '../types.ts'
import { TaskDistributor } from './agents.ts'
import { decide } from './decide.ts'
import { distribute, queueOrder } from './distribute.ts'
import { finaliser } from './finalise.ts'
import { type Lock, takeLock } from './lock.ts'
import { TaskQueue } from './queue.ts'
import { AgentProcess } from './run.ts'
import { type Watcher, watch } from './watcher.ts'

/** What the core is handed by the composition root. */
export interface Parts {
  workspace: Workspace
  settings: T.Settings
  kind: (type: string) => T.AgentKind
  /** One sentence when the command of a type is not on this machine. */
  missing: (type: string, settings: T.AgentSettings) => string | null
  /** Whether a resting agent's command answers again. */
  probe: (type: string, settings: T.AgentSettings) => Promise<boolean>
  /** What the agents together use, against `performance.*`: why nothing may be claimed, and whether the newest run must end. */
  guard: (
    runs: (number | null)[],
    limits: T.Settings['limits'],
  ) => Promise<{ claims: string | null; end: boolean }>
  processes: T.Processes
  context: T.ContextPort
  show: T.Show
  log: T.Log
  /** Another orchestrator took over: leave, and touch nothing. */
  lost: () => void
}

/** ms: looks while agents run or a file is held open, full rescans, a halt, resource samples. */
const [BUSY_MS, RESCAN_MS, HALT_MS, GUARD_MS] = [1000, 15_000, 5000, 5000]
/** How often a plan is made again in one look because a claim was refused late (an editor, a missing file). */
const VETS = 20
const ORDER = ['wait', 'now', 'detach'] as const

export function createOrchestrator(parts: Parts): T.Orchestrator {
  const { workspace: at, processes, context, show, log } = parts
  const queue = new TaskQueue(at.root, parts.settings.queue)
  const agents = new TaskDistributor()
  const memory = createMemory(at.runs, queue)
  const active = new Map<string, AgentProcess>()
  const told = new Map<string, string>()
  const waiters = new Set<() => void>()
  const timers = new Set<NodeJS.Timeout>()
  let settings = parts.settings
  let hints: Set<string> | null = null
  let lock: Lock | null = null
  let watcher: Watcher | null = null
  let looking: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined
  let [lastFull, nextLook, dirty, quiet] = [0, RESCAN_MS, false, false]
  let halt: { why: string; until: number } | null = null
  let pressure: string | null = null
  let stopping: (typeof ORDER)[number] | null = null

  const event: Tell = (kind, text, taskId = null, agentId = null, level = 'info') => {
    show.event({ at: Date.now(), kind, taskId, agentId, text })
    log(level, taskId ? `${taskId}: ${text}` : text)
  }
  /** Once for each subject and text. */
  const tell = (about: string, kind: T.EventView['kind'], text: string | null) => {
    if (text && told.get(about) !== text) event(kind, text, null, null, 'warn')
    told.set(about, text ?? '')
  }
  const ends = finaliser({
    ...parts,
    queue,
    agents,
    active,
    memory,
    event,
    current: () => settings,
  })

  /** A failure of the machine, not of a task: nothing is claimed for a while, then it is tried again (DESIGN 3, level 3). */
  function stumble(error: unknown): void {
    if ((error as OrchestrateError).code === 'LOST') return
    halt = {
      why: `nothing is claimed for now: ${(error as Error).message}`,
      until: performance.now() + HALT_MS,
    }
    tell('halt', 'system', halt.why)
    log('debug', (error as Error).stack ?? '')
  }

  // ---- look --------------------------------------------------------------------------------------

  function soon(ms = 0): void {
    dirty ||= ms === 0
    clearTimeout(timer)
    if (lock) timer = setTimeout(() => void look(), ms)
  }

  /** One at a time; what changes meanwhile is seen by the next. */
  function look(): Promise<void> {
    looking ??= (async () => {
      do {
        dirty = false
        await once().catch(stumble)
      } while (dirty && lock)
      looking = null
      for (const done of waiters) done()
      soon(Math.max(nextLook, 1))
    })()
    return looking
  }

  async function once(): Promise<void> {
    await fence()
    if (performance.now() - lastFull > RESCAN_MS) hints = null
    const full = hints === null
    if (full) lastFull = performance.now()
    const scan = await queue.scan(hints)
    hints = new Set()
    if (full || scan.missing.length) await watcher?.rearm()
    agents.arrange(wanted(), missing)
    for (const entry of scan.changed) await met(entry)
    if (full) await memory.recheck(queue.entries.values())
    for (const entry of queue.entries.values()) {
      if (entry.state === 'assigned' || memory.unfinished(entry)) await adopt(entry.id, entry)
    }
    for (const orphan of scan.orphans) {
      if (!(await adopt(orphan.id, null))) await queue.shelve(orphan)
    }
    await Promise.all([...active].map(([id, run]) => attend(id, run).catch(stumble)))
    const plan = await claimAll(scan)
    pace(plan, scan)
    show.picture({
      entries: queue.entries,
      plan,
      agents: Object.values(agents.getAgentStatus()),
      last: lastRun,
    })
  }

  const lastRun = (entry: Entry) =>
    (entry.state === 'assigned' && active.get(key(entry))?.record) || memory.last(entry)
  const wanted = () =>
    Object.fromEntries(
      Object.entries(settings.agents).map(([type, own]) => [type, own.maxInstances]),
    )
  const missing = (type: string) => {
    const why = parts.missing(type, settings.agents[type] as T.AgentSettings)
    tell(type, 'agent', why && `${type}: ${why}`)
    return why
  }

  async function met(entry: Entry): Promise<void> {
    if (entry.state !== 'assigned') await memory.learn(entry)
    for (const remark of entry.task?.remarks ?? [])
      tell(`${entry.file} ${remark}`, 'system', `${entry.file}: ${remark}`)
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
    const unmoved = entry?.state === 'assigned' && record !== null && queue.isAssigned(record)
    if (!record || (record.outcome && !unmoved)) {
      if (entry?.state === 'assigned') await queue.place(entry, 'pending')
      return false
    }
    active.set(
      id.toLowerCase(),
      new AgentProcess(record.agent_type, record.agent_id, runParts(record.agent_type)).adopt({
        ...record,
        overlapped: true,
      }),
    )
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
    const entry =
      queue.entries.get(`tasks/assigned/${record.file}`) ??
      queue.find(id, ['assigned', 'completed', 'failed', 'pending']) ??
      null
    const sight = await run.look(queue.isAssigned(record))
    agents.busy(run.agentId, record.task_id, run.pid)
    const action = decide(entry?.state ?? null, sight, ends.rules(run, entry?.task ?? null))
    switch (action.do) {
      case 'follow':
        return
      case 'interrupt':
        event('end', `${run.agentId} is interrupted (${action.why})`, record.task_id, run.agentId)
        return run.interrupt(action.why)
      case 'kill':
        await run.sweep()
        return soon()
      case 'fence':
        await run.fence()
        return soon()
      case 'finalise':
        await fence()
        await ends.finish(run, sight, entry, action.outcome, action.error)
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
    if (entry) await memory.learn(entry)
    soon()
  }

  // ---- claim -------------------------------------------------------------------------------------

  async function claimAll(scan: Scan): Promise<Plan> {
    if (halt && performance.now() > halt.until) halt = null
    if (!halt) tell('halt', 'system', null)
    const entries = [...queue.entries.values()]
    const [gone] = scan.missing
    const away = gone
      ? `tasks/${gone} is gone: put it back (\`mkdir -p tasks/${gone}\`), nothing is claimed until then`
      : null
    tell('folders', 'system', away)
    const none = stopping ? 'the orchestrator is stopping' : (halt?.why ?? pressure ?? away)
    const notes = new Map<Entry, T.Note>()
    for (const entry of entries) if (entry.state === 'pending') notes.set(entry, note(entry))
    for (const { entry } of queueOrder(entries, Date.now()).slice(settings.queue.maxSize)) {
      notes.set(entry, {
        held: `the queue is full (task_queue.max_size is ${settings.queue.maxSize})`,
      })
    }
    const slots = Object.values(agents.getAgentStatus())
    const make = () =>
      distribute(
        entries,
        none ? slots.map((slot) => ({ ...slot, state: 'busy' as const })) : slots,
        Date.now(),
        notes,
      )
    const remark = (entry: Entry, text: string) =>
      tell(`${entry.file} context`, 'system', `${entry.file}: ${text}`)
    let plan = make()
    for (
      let n = 0;
      n < VETS &&
      (await vet(plan, notes, { queue, pending: at.state.pending, processes, context, remark }));
      n++
    )
      plan = make()
    if (none) for (const entry of plan.waiting.keys()) plan.waiting.set(entry, none)
    if (!plan.assign.length) return plan
    await fence()
    for (const { entry, task, agent } of plan.assign) {
      if (!stopping && !halt && (await queue.claim(entry)))
        await begin(entry, task, agent).catch(stumble)
    }
    for (const state of ['assigned', 'pending'] as const) await syncFolder(at.state[state])
    return plan
  }

  const note = (entry: Entry): T.Note =>
    active.has(key(entry))
      ? { wait: 'its last run is being stopped', open: true }
      : memory.note(entry, settings.queue.retryDelayMs)

  /** After the claim: the run's folder, our record, the process. A crash between them is a row of the table. */
  async function begin(entry: Entry, task: Task, { id: agentId, type }: T.Slot): Promise<void> {
    const last = memory.last(entry)
    const run = new AgentProcess(type, agentId, runParts(type))
    const attempt = (last?.attempt ?? 0) + 1
    const prompt = await context.prompt(task, {
      attempt,
      agentId,
      agentType: type,
      ...(last?.error && { lastError: last.error }),
    })
    const record = await run.prepare(task.id, entry.name, prompt, active.size > 0)
    await queue.writeAssignment(task.id, record)
    for (const other of active.values()) if (other.record) other.record.overlapped = true
    run.launch()
    active.set(key(entry), run)
    agents.busy(agentId, task.id, run.pid)
    show.run(record)
    event('start', `attempt ${record.attempt} begins on ${agentId} (${type})`, task.id, agentId)
  }

  /** When to look again though nothing changes, and whether nothing more can come of it. */
  function pace(plan: Plan, scan: Scan): void {
    const now = performance.now()
    const waits = [RESCAN_MS]
    for (const entry of queue.entries.values()) {
      const since = entry.goneSince ?? (entry.task || entry.problem ? null : entry.since)
      if (since !== null) waits.push(Math.max(since + settings.queue.settleMs + 1 - now, 5))
    }
    const settled = waits.length === 1
    const open = [...plan.open].length > 0
    const resting = Object.values(agents.getAgentStatus()).some((agent) => agent.state === 'failed')
    quiet =
      settled &&
      !(active.size || open || plan.assign.length || halt || pressure || resting || dirty) &&
      plan.later === null
    if (active.size || open || scan.missing.length || scan.orphans.length) waits.push(BUSY_MS)
    if (halt) waits.push(HALT_MS)
    if (plan.later !== null) waits.push(plan.later - Date.now() + 1)
    nextLook = Math.min(...waits)
  }

  // ---- upkeep ------------------------------------------------------------------------------------

  /** Resting and missing agents, runs that nobody leads to (`monitoring.health_check_interval`). */
  async function checkHealth(): Promise<void> {
    for (const { id, type, state } of Object.values(agents.getAgentStatus())) {
      const own = settings.agents[type]
      if (!own || (state !== 'failed' && state !== 'missing')) continue
      const well = parts.missing(type, own) === null && (await parts.probe(type, own))
      if (well) event('agent', `${id} (${type}) is back`, null, id)
      agents.rest(id, well ? 'idle' : state)
    }
    for (const id of await strays(at.runs, processes, (id) => active.has(id.toLowerCase())))
      await adopt(id, null)
    hints = null
    soon()
  }

  async function watchLimits(): Promise<void> {
    if (!Object.keys(settings.limits).length) return
    const runs = [...active.values()].sort((a, b) =>
      (a.record?.assigned_at ?? '') < (b.record?.assigned_at ?? '') ? -1 : 1,
    )
    const { claims, end } = await parts.guard(
      runs.map((run) => run.pid),
      settings.limits,
    )
    if (claims !== pressure) soon()
    pressure = claims
    tell('limits', 'system', claims)
    const youngest = runs.at(-1)
    if (end && youngest && !youngest.record?.stopping) await youngest.interrupt('memory')
  }

  /** Repeats, one at a time, until the end. */
  function every(ms: () => number, work: () => Promise<void>): void {
    const next = setTimeout(() => {
      timers.delete(next)
      void work()
        .catch(stumble)
        .then(() => lock && every(ms, work))
    }, ms())
    timers.add(next)
  }

  async function close(): Promise<void> {
    for (const one of [timer, ...timers]) clearTimeout(one)
    await watcher?.close()
    const mine = lock
    lock = null
    await mine?.release()
    for (const done of waiters) done()
  }

  const nextDone = () =>
    new Promise<void>((resolve) => {
      const done = () => {
        waiters.delete(done)
        resolve()
      }
      waiters.add(done)
    })
  /** On fresh folders: what a person just did by hand is seen before what they ask for. */
  const afresh = async () => {
    hints = null
    await looking
    dirty = true
    await look()
  }
  const byHand = async (what: 'retry' | 'cancel', id: string) => {
    await afresh()
    const done = await queue[what](id)
    const entry = queue.find(id, ['pending'])
    if (entry) await memory.learn(entry)
    await afresh()
    return done
  }

  return {
    async start() {
      for (const folder of [...STATES.map((state) => at.state[state]), at.drafts])
        await mkdir(folder, { recursive: true })
      await mkdir(at.runs, { recursive: true, mode: 0o700 })
      const devices = await Promise.all(
        STATES.map(async (state) => (await stat(at.state[state])).dev),
      )
      if (new Set(devices).size > 1)
        throw new OrchestrateError(
          'EXDEV',
          'the folders in tasks/ are on different file systems',
          'put them on one, so that a rename is atomic',
        )
      lock = await takeLock({ path: at.lock, processes })
      const states = new Map(STATES.map((state) => [at.state[state] as string, state]))
      const changed = (folder: string, name: string | null) => {
        if (states.has(folder) && name) hints?.add(`tasks/${states.get(folder)}/${name}`)
        else hints = null
        soon()
      }
      watcher = await watch([at.tasks, ...states.keys()], changed, (error) =>
        tell(
          'watcher',
          'system',
          `watching failed (${error.message}): the folders are scanned every ${RESCAN_MS / 1000} s instead`,
        ),
      )
      for (const id of await strays(at.runs, processes, () => false))
        await adopt(id, queue.find(id) ?? null)
      await afresh()
      every(() => settings.healthCheckMs, checkHealth)
      every(() => GUARD_MS, watchLimits)
    },
    async stop(how) {
      if (!stopping || ORDER.indexOf(how) > ORDER.indexOf(stopping)) stopping = how
      if (how === 'now')
        for (const run of active.values())
          if (!run.record?.stopping) await run.interrupt('stop').catch(stumble)
      soon()
      while (lock && active.size && stopping !== 'detach') await nextDone()
      await looking
      await close()
    },
    async finished() {
      while (lock && !quiet) await nextDone()
    },
    poke() {
      hints = null
      soon()
    },
    reconfigure(next) {
      settings = next
      queue.rules = next.queue
      hints = null
      soon()
    },
    async add(tasks) {
      const ids = await queue.addTasks(tasks)
      soon()
      return ids
    },
    retry: (id) => byHand('retry', id),
    cancel: (id) => byHand('cancel', id),
    halted: () => halt?.why ?? pressure,
    active: () => [...active.values()].flatMap((run) => run.record?.task_id ?? []),
  }
}

type Tell = (
  kind: T.EventView['kind'],
  text: string,
  taskId?: string | null,
  agentId?: string | null,
  level?: T.Settings['logLevel'],
) => void
const key = (entry: Entry) => entry.id.toLowerCase()
/** For a run whose type has left the configuration: it is only followed to its end. */
const GONE: T.AgentSettings = {
  command: [],
  maxInstances: 0,
  retryOnFailure: true,
  env: {},
  inheritEnv: 'all',
}
