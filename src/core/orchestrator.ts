// The loop (DESIGN 3): look, decide, act. It owns the order of things and nothing else: the queue moves files, the table
// decides, runs run. A crash is only a long pause between two looks.
import { mkdir, stat } from 'node:fs/promises'
import { type Action, decide } from './decide.ts'
import { distribute, type Note, type Plan, queueOrder, TaskDistributor } from './distribute.ts'
import { syncFolder } from './files.ts'
import { finaliser } from './finalise.ts'
import { type Lock, takeLock } from './lock.ts'
import { type Entry, type Scan, TaskQueue } from './queue.ts'
import { AgentProcess, history, newest } from './run.ts'
import {
  type AgentKind,
  type AgentSettings,
  type ContextPort,
  type EventView,
  type Log,
  type Mirror,
  OrchestrateError,
  type Orchestrator,
  type Processes,
  type RunRecord,
  type Settings,
  STATES,
  type State,
  type TaskView,
} from './types.ts'
import { type Watcher, watch } from './watcher.ts'
import type { Workspace } from './workspace.ts'

/** What the core is handed by the composition root. */
export interface Parts {
  workspace: Workspace
  settings: Settings
  kind: (type: string) => AgentKind
  /** One sentence when the command of a type is not on this machine. */
  missing: (type: string, settings: AgentSettings) => string | null
  /** Whether a resting agent's command answers again. */
  probe: (type: string, settings: AgentSettings) => Promise<boolean>
  /** What the agents together use, against `performance.*`: why nothing may be claimed, and whether the newest run must end. */
  guard: (
    runs: (number | null)[],
    limits: Settings['limits'],
  ) => Promise<{ claims: string | null; end: boolean }>
  processes: Processes
  context: ContextPort
  mirror: Mirror
  log: Log
  /** Another orchestrator took over: leave, and touch nothing. */
  lost: () => void
}

/** ms. Looks while agents run (events, deadlines) or a file is held open; a full rescan when all is quiet; a halt. */
const [BUSY_MS, RESCAN_MS, HALT_MS, GUARD_MS] = [1000, 15_000, 5000, 5000]
/** Retries of `distribute` in one look after a claim was refused for a reason seen late (an editor, a missing file). */
const VETS = 20

export function createOrchestrator(parts: Parts): Orchestrator {
  const { workspace: at, processes, context, mirror, log } = parts
  let settings = parts.settings
  const queue = new TaskQueue(at.root, settings.queue)
  const agents = new TaskDistributor()
  const active = new Map<string, AgentProcess>()
  /** The attempts of waiting tasks; read when a file is first seen, and after each run. */
  const memory = new Map<string, RunRecord[]>()
  const ends = new Map<string, Partial<RunRecord>>()
  const rows = new Map<string, string>()
  const told = new Map<string, string>()
  const waiters = new Set<() => void>()
  const timers = new Set<NodeJS.Timeout>()
  let hints: Set<string> | null = null
  let [lock, watcher, looking]: [Lock | null, Watcher | null, Promise<void> | null] = [
    null,
    null,
    null,
  ]
  let [timer, lastFull, dirty, quiet, begun]: [
    NodeJS.Timeout | undefined,
    number,
    boolean,
    boolean,
    boolean,
  ] = [undefined, 0, false, false, false]
  let [halt, pressure, stopping]: [
    { why: string; until: number } | null,
    string | null,
    'wait' | 'now' | 'detach' | null,
  ] = [null, null, null]
  let nextLook = RESCAN_MS

  const event = (
    kind: EventView['kind'],
    text: string,
    taskId: string | null = null,
    agentId: string | null = null,
    level: Settings['logLevel'] = 'info',
  ) => {
    mirror.event({ at: Date.now(), kind, taskId, agentId, text })
    log(level, taskId ? `${taskId}: ${text}` : text)
  }
  /** Once for each subject and text. */
  const tell = (
    about: string,
    kind: EventView['kind'],
    text: string | null,
    taskId: string | null = null,
  ) => {
    if (text && told.get(about) !== text) event(kind, text, taskId, null, 'warn')
    if (text) told.set(about, text)
    else told.delete(about)
  }
  const mirrorEnd = (entry: Entry, record: Partial<RunRecord>) => ends.set(entry.file, record)
  const end = finaliser({
    ...parts,
    queue,
    agents,
    active,
    event,
    current: () => settings,
    touched: mirrorEnd,
  })

  /** A failure of the machine, not of a task: nothing is claimed for a while, and it is tried again (DESIGN 3, level 3). */
  function stumble(error: unknown): void {
    const { message, code } = error as NodeJS.ErrnoException
    if (error instanceof OrchestrateError && error.code === 'LOST') return
    halt = { why: `nothing is claimed for now: ${message}`, until: performance.now() + HALT_MS }
    tell('halt', 'system', halt.why)
    if (!code && error instanceof Error) log('debug', error.stack ?? message)
  }

  // ---- look --------------------------------------------------------------------------------------

  const soon = (ms = 0) => {
    if (ms === 0) dirty = true
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
      soon(nextLook)
    })()
    return looking
  }

  async function once(): Promise<void> {
    await fence()
    if (performance.now() - lastFull > RESCAN_MS) hints = null
    if (hints === null) lastFull = performance.now()
    const scan = await queue.scan(hints)
    hints = new Set()
    if (scan.missing.length) await watcher?.rearm()
    agentSlots()
    await remember(scan)
    for (const entry of queue.entries.values()) {
      const unfinished =
        entry.state === 'pending' && memory.get(key(entry))?.at(-1)?.outcome === undefined
      if (entry.state === 'assigned' || (unfinished && memory.get(key(entry))?.length))
        await adopt(entry.id, entry)
    }
    for (const orphan of scan.orphans)
      if (!(await adopt(orphan.id, null)))
        await queue.shelve(orphan, (await newest(at.runs, orphan.id))?.attempt ?? 1)
    await Promise.all([...active].map(([id, run]) => attend(id, run).catch(stumble)))
    publish(await claimAll(scan), scan)
  }

  /** Before anything is moved: is this still our workspace? */
  async function fence(): Promise<void> {
    if (await lock?.held()) return
    lock = null
    log(
      'error',
      'another orchestrator has taken over this workspace: this one stops, its agents go on',
    )
    parts.lost()
    throw new OrchestrateError('LOST', 'the lock is gone')
  }

  /** What the run folders and records say of files that are new here. */
  async function remember(scan: Scan): Promise<void> {
    for (const entry of scan.changed) {
      if (entry.state === 'pending') memory.set(key(entry), await history(at.runs, entry.id))
      else if (entry.state !== 'assigned') {
        const result = await queue.readResult(entry.state, entry.id)
        if (result) mirrorEnd(entry, result)
      }
      for (const remark of entry.task?.remarks ?? [])
        tell(`${entry.file} ${remark}`, 'system', `${entry.file}: ${remark}`, entry.id)
    }
    for (const entry of scan.gone) {
      if (!queue.find(entry.id)) memory.delete(key(entry))
      ends.delete(entry.file)
    }
    // A success that is held is released by removing its run folder.
    if (hints?.size !== 0) return
    for (const [id, runs] of memory)
      if (runs.at(-1)?.outcome === 'success') memory.set(id, await history(at.runs, id))
  }

  /** Takes up the newest run of a task that is not ours yet; `false`: there is none that is unfinished. */
  async function adopt(id: string, entry: Entry | null): Promise<boolean> {
    if (active.has(id.toLowerCase())) return true
    const record = await newest(at.runs, id)
    const assigned = record !== null && queue.isAssigned(record)
    if (!record || (record.outcome && !(entry?.state === 'assigned' && assigned))) {
      if (entry?.state === 'assigned') await queue.place(entry, 'pending')
      return false
    }
    const run = new AgentProcess(
      record.agent_type,
      record.agent_id,
      runParts(record.agent_type),
    ).adopt(record)
    active.set(id.toLowerCase(), run)
    agents.busy(record.agent_id, id, run.pid)
    if (begun) return true
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
    settings: settings.agents[type] ?? {
      command: [],
      maxInstances: 0,
      retryOnFailure: true,
      env: {},
      inheritEnv: 'all' as const,
    },
  })

  // ---- act ---------------------------------------------------------------------------------------

  async function attend(id: string, run: AgentProcess): Promise<void> {
    const record = run.record as RunRecord
    const entry =
      queue.entries.get(`tasks/assigned/${record.file}`) ??
      queue.find(id, ['assigned', 'completed', 'failed', 'pending'])
    const rules = end.rules(run, entry?.task ?? null)
    const sight = await run.look(queue.isAssigned(record))
    agents.busy(run.agentId, record.task_id, run.pid)
    const action: Action = decide(entry?.state ?? null, sight, rules)
    switch (action.do) {
      case 'follow':
        return
      case 'interrupt':
        event(
          action.why === 'timeout' ? 'end' : 'cancel',
          `${run.agentId} is interrupted (${action.why})`,
          record.task_id,
          run.agentId,
        )
        return run.interrupt(action.why)
      case 'kill':
        await run.sweep()
        return soon()
      case 'fence':
        await run.fence()
        return soon()
      case 'finalise':
        await fence()
        await end.finish(run, sight, entry ?? null, action.outcome, action.error)
        return over(id)
      case 'back':
        if (entry) await queue.place(entry, 'pending')
        return over(id)
      case 'nothing':
      case 'hold':
      case 'distribute':
        return over(id)
      default:
        return action satisfies never
    }
  }

  async function over(id: string): Promise<void> {
    active.delete(id)
    const entry = queue.find(id)
    if (entry) {
      const runs = await history(at.runs, id)
      memory.set(id, runs)
      const last = runs.at(-1)
      if (last) mirrorEnd(entry, last)
    }
    soon()
  }

  // ---- claim -------------------------------------------------------------------------------------

  async function claimAll(scan: Scan): Promise<Plan> {
    if (halt && performance.now() > halt.until) halt = null
    if (!halt) tell('halt', 'system', null)
    const entries = [...queue.entries.values()]
    const [first] = scan.missing
    const why = stopping
      ? 'the orchestrator is stopping'
      : (halt?.why ??
        pressure ??
        (first ? `tasks/${first} is gone: put it back (\`mkdir -p tasks/${first}\`)` : null))
    if (first) tell('folders', 'system', why)
    const notes = new Map<Entry, Note>(
      entries.flatMap((entry) => (entry.state === 'pending' ? [[entry, note(entry)]] : [])),
    )
    for (const { entry } of queueOrder(entries, Date.now()).slice(settings.queue.maxSize)) {
      notes.set(entry, {
        held: `the queue is full (task_queue.max_size ${settings.queue.maxSize})`,
      })
    }
    const slots = Object.values(agents.getAgentStatus()).filter(() => !why)
    let plan = distribute(entries, slots, Date.now(), notes)
    for (let vets = 0; vets < VETS && (await vet(plan, notes)); vets++)
      plan = distribute(entries, slots, Date.now(), notes)
    if (why) for (const entry of plan.waiting.keys()) plan.waiting.set(entry, why)
    if (plan.assign.length) await fence()
    let claimed = 0
    for (const { entry, task, agent } of plan.assign) {
      if (stopping || halt || !(await queue.claim(entry))) continue
      claimed++
      await start(entry, task, agent.id, agent.type).catch(stumble)
    }
    if (claimed)
      for (const state of ['assigned', 'pending'] as const) await syncFolder(at.state[state])
    return plan
  }

  /** What is known of a waiting task besides its file. */
  function note(entry: Entry): Note {
    const last = memory.get(key(entry))?.at(-1)
    if (!last?.outcome)
      return active.has(key(entry)) ? { wait: 'its last run is being stopped' } : {}
    if (last.outcome === 'success' && !last.released)
      return {
        held: `it succeeded before (attempt ${last.attempt}): \`orchestrate retry ${entry.id}\` runs it again`,
      }
    const counted =
      last.settled === 'pending' &&
      !['cancelled', 'interrupted', 'never-started'].includes(last.outcome)
    if (!counted) return {}
    const ended = Math.min(Date.parse(last.ended_at ?? '') || 0, Date.now())
    return {
      lastAgent: last.agent_id,
      ready: {
        at: ended + settings.queue.retryDelayMs,
        why: `attempt ${last.attempt} failed (${last.error ?? last.outcome})`,
      },
    }
  }

  /** The last look before a claim: is someone still writing it, is its context there? `true`: notes were added. */
  async function vet(plan: Plan, notes: Map<Entry, Note>): Promise<boolean> {
    const dropped = plan.assign.filter(({ entry }) => !entry.ours).map(({ entry }) => entry)
    const written = dropped.length
      ? processes.writers(dropped.map((entry) => entry.path))
      : new Set()
    let found = false
    for (const { entry, task } of plan.assign) {
      const editor = entry.ours
        ? null
        : processes.editor(at.state.pending, entry.name, queue.names.get('pending') ?? new Set())
      const files = task.contextFiles.length
        ? await context.check(task)
        : { missing: [], outside: [] }
      const add = (more: Note) => notes.set(entry, { ...notes.get(entry), ...more })
      if (files.outside.length)
        add({ held: `${files.outside.join(', ')} in \`context_files\` is outside the workspace` })
      else if (files.missing.length && task.contextRequired)
        add({ wait: `it waits for ${files.missing.join(', ')} (context_required)` })
      else if (editor) add({ wait: `it is open in ${editor}` })
      else if (written.has(entry.path)) add({ wait: 'a program still has it open for writing' })
      else {
        if (files.missing.length)
          tell(
            `${entry.file} context`,
            'system',
            `${files.missing.join(', ')} in \`context_files\` is missing; it runs without`,
            entry.id,
          )
        continue
      }
      found = true
    }
    return found
  }

  async function start(
    entry: Entry,
    task: Entry['task'] & object,
    agentId: string,
    type: string,
  ): Promise<void> {
    const id = key(entry)
    const last = memory.get(id)?.at(-1)
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
    active.set(id, run)
    run.launch()
    agents.busy(agentId, task.id, run.pid)
    mirror.putRun(record)
    event('start', `attempt ${record.attempt} begins on ${agentId} (${type})`, task.id, agentId)
  }

  // ---- show --------------------------------------------------------------------------------------

  function publish(plan: Plan, scan: Scan): void {
    const unsettled: number[] = []
    for (const entry of queue.entries.values()) {
      const view = viewOf(entry, plan)
      if (entry.goneSince !== null || view.reason === SETTLING)
        unsettled.push(
          (entry.goneSince ?? entry.since) + settings.queue.settleMs - performance.now(),
        )
      if (view.status === 'held' || view.status === 'invalid')
        tell(entry.file, view.status, `${entry.file}: ${view.reason}`, entry.id)
      else tell(entry.file, 'held', null)
      const row = JSON.stringify(view)
      if (rows.get(entry.file) !== row) mirror.putTask(view)
      rows.set(entry.file, row)
    }
    for (const file of rows.keys())
      if (!queue.entries.has(file) && rows.delete(file)) mirror.dropTask(file)
    for (const row of Object.values(agents.getAgentStatus())) mirror.putAgent(row)
    const resting = Object.values(agents.getAgentStatus()).some((agent) => agent.state === 'failed')
    const open = [...plan.waiting.values()].some(
      (why) => why.startsWith('it is open in') || why.startsWith('a program still'),
    )
    quiet =
      active.size === 0 &&
      !unsettled.length &&
      !open &&
      !plan.assign.length &&
      plan.later === null &&
      !halt &&
      !resting &&
      !pressure &&
      !dirty
    const waits = [RESCAN_MS, ...unsettled.map((ms) => Math.max(ms + 2, 5))]
    if (active.size || open) waits.push(BUSY_MS)
    if (halt) waits.push(HALT_MS)
    if (scan.orphans.length || scan.missing.length) waits.push(BUSY_MS)
    if (plan.later !== null) waits.push(Math.max(plan.later - Date.now(), 1))
    nextLook = Math.min(...waits)
    begun = true
  }

  function viewOf(entry: Entry, plan: Plan): TaskView {
    const { task, problem } = entry
    const run = active.get(key(entry))?.record
    const last: Partial<RunRecord> | undefined =
      entry.state === 'assigned'
        ? (run ?? undefined)
        : (ends.get(entry.file) ?? memory.get(key(entry))?.at(-1))
    const held = plan.held.get(entry)
    const place = problem?.line ? `line ${problem.line}, column ${problem.column}: ` : ''
    const reason = problem
      ? `${place}${problem.message}`
      : (held ?? plan.waiting.get(entry) ?? (task ? null : SETTLING))
    return {
      ...{
        file: entry.file,
        id: entry.id,
        status: problem && entry.state === 'pending' ? 'invalid' : held ? 'held' : entry.state,
      },
      ...{
        priority: task?.priority ?? 'normal',
        description: task?.description ?? '',
        createdAt: task?.createdAt ?? entry.ctimeMs,
      },
      ...{
        agentId: last?.agent_id ?? null,
        attempt: last?.attempt ?? 0,
        outcome: last?.outcome ?? null,
      },
      ...{
        needsReview: last?.needs_review ?? false,
        error: last?.error ?? null,
        reason: entry.state === 'assigned' ? null : reason,
      },
    }
  }

  // ---- agents ------------------------------------------------------------------------------------

  /** The slots that the configuration asks for, numbered over the types; a busy one changes when it is free. */
  function agentSlots(): void {
    const wanted = Object.entries(settings.agents).flatMap(([type, { maxInstances }]) =>
      Array<string>(maxInstances).fill(type),
    )
    const names = new Map(
      wanted.map((type, n) => [`agent_${String(n + 1).padStart(2, '0')}`, type]),
    )
    for (const [id, { type, state }] of Object.entries(agents.getAgentStatus())) {
      if (names.get(id) === type || state === 'busy') names.delete(id)
      else agents.unregisterAgent(id)
      if (!agents.getAgentStatus()[id]) mirror.dropAgent(id)
    }
    for (const [id, type] of names) {
      const why = parts.missing(type, settings.agents[type] as AgentSettings)
      agents.registerAgent(id, type, why ? 'missing' : 'idle')
      if (why) tell(type, 'agent', `${type}: ${why}`)
    }
  }

  /** Processes, folders, resting agents (`monitoring.health_check_interval`). */
  async function checkHealth(): Promise<void> {
    for (const { id, type, state } of Object.values(agents.getAgentStatus())) {
      const own = settings.agents[type]
      if (!own || (state !== 'failed' && state !== 'missing')) continue
      const well = parts.missing(type, own) === null && (await parts.probe(type, own))
      if (well) event('agent', `${id} (${type}) is back`, null, id)
      agents.rest(id, well ? 'idle' : state)
    }
    await strays()
    hints = null
    soon()
  }

  /** Living runs of this workspace that no task in assigned/ leads to: their file was moved while nobody looked. */
  async function strays(): Promise<void> {
    for (const mark of new Set(processes.list().flatMap(({ mark }) => mark ?? []))) {
      const [, id = '', attempt] = /^(.+)\.(\d+)\.[0-9a-f-]{36}$/.exec(mark) ?? []
      const record = id && !active.has(id.toLowerCase()) ? await newest(at.runs, id) : null
      if (record?.nonce !== mark || record.attempt !== Number(attempt)) continue
      if (record.outcome) await processes.sweep(mark, null)
      else await adopt(id, null)
    }
  }

  async function watchLimits(): Promise<void> {
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
    const again = (last?: NodeJS.Timeout) => {
      if (last) timers.delete(last)
      const next = setTimeout(
        () =>
          void work()
            .catch(stumble)
            .then(() => lock && again(next)),
        ms(),
      )
      timers.add(next.unref())
    }
    again()
  }

  async function close(): Promise<void> {
    clearTimeout(timer)
    for (const one of timers) clearTimeout(one)
    await watcher?.close()
    const mine = lock
    lock = null
    await mine?.release()
  }

  const lookedOnce = () =>
    new Promise<void>((done) => {
      const once = () => {
        waiters.delete(once)
        done()
      }
      waiters.add(once)
    })
  /** After the look that is under way, on fresh folders. */
  const afresh = async () => {
    hints = null
    dirty = true
    await look()
  }

  return {
    async start() {
      for (const folder of [...STATES.map((state) => at.state[state]), at.drafts, at.runs])
        await mkdir(folder, { recursive: true, mode: folder === at.runs ? 0o700 : 0o755 })
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
      const stateOf = new Map<string, State>(STATES.map((state) => [at.state[state], state]))
      watcher = await watch(
        [at.tasks, ...stateOf.keys()],
        (folder, name) => {
          const state = stateOf.get(folder)
          if (state && name) hints?.add(`tasks/${state}/${name}`)
          else hints = null
          soon()
        },
        (error) =>
          tell(
            'watcher',
            'system',
            `watching failed (${error.message}); the folders are scanned every ${RESCAN_MS / 1000} s instead`,
          ),
      )
      await strays()
      await afresh()
      every(() => settings.healthCheckMs, checkHealth)
      every(
        () => GUARD_MS,
        async () => {
          if (Object.keys(settings.limits).length) await watchLimits()
        },
      )
    },
    async stop(how) {
      const order = ['wait', 'now', 'detach']
      if (!stopping || order.indexOf(how) > order.indexOf(stopping)) stopping = how
      if (how === 'now')
        for (const run of active.values())
          if (!run.record?.stopping) await run.interrupt('stop').catch(stumble)
      soon()
      while (lock && active.size && stopping !== 'detach') await lookedOnce()
      await looking
      await close()
      for (const done of waiters) done()
    },
    async finished() {
      while (lock && !quiet) await lookedOnce()
    },
    poke: () => {
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
    async retry(id) {
      await afresh()
      const done = await queue.retry(id)
      memory.delete(id.toLowerCase())
      await afresh()
      return done
    },
    async cancel(id) {
      await afresh()
      const done = await queue.cancel(id)
      await afresh()
      return done
    },
    halted: () => halt?.why ?? pressure,
    active: () => [...active.values()].flatMap((run) => run.record?.task_id ?? []),
  }
}

const SETTLING = 'it was changed a moment ago'
const key = (entry: Entry) => entry.id.toLowerCase()
