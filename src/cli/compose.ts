// The composition root: the one place where the layers meet. It builds an orchestrator with all its parts, and takes
// them apart again. Promises: what was begun is ended in the opposite order, also when a later part fails to begin.
import { which } from '../agents/index.ts'
import { loadConfig, parseAgents } from '../config/index.ts'
import { createContext } from '../context/context.ts'
import { breakLock } from '../context/lock.ts'
import { createOrchestrator } from '../core/orchestrator.ts'
import { removeLitter } from '../files/litter.ts'
import { readOwner } from '../files/lock.ts'
import { exposed, guarded } from '../files/trust.ts'
import type { Workspace } from '../files/workspace.ts'
import { type Index, openIndex } from '../index/index.ts'
import { createShow } from '../index/picture.ts'
import { keep, readWaiting } from '../look/kept.ts'
import { createProcesses } from '../process/index.ts'
import { createDispatch } from '../server/dispatch.ts'
import { startMetrics } from '../server/metrics.ts'
import { serve } from '../server/serve.ts'
import { socketPath } from '../server/socket.ts'
import {
  type Log,
  OrchestrateError,
  type Orchestrator,
  type Priority,
  type Profile,
  type Picture as Seen,
  type Settings,
  type TaskView,
} from '../types.ts'
import { agentParts } from './agent-parts.ts'
import { catchUp, refill } from './catch-up.ts'
import { collectLater } from './collect.ts'
import { watchConfig } from './config-watch.ts'
import { createGuard } from './guard.ts'
import { logFile } from './log-file.ts'
import { makeFolders } from './new-workspace.ts'
import type { Picture, TaskRow } from './picture.ts'
import { keyOf } from './stopped-tasks.ts'

type How = 'wait' | 'now' | 'detach'

export interface Composed {
  orchestrator: Orchestrator
  /** Also when it has stopped: then the last one. */
  picture(): Picture
  /** Null when it has stopped: the index is closed. */
  tasks(): TaskRow[] | null
  /** Stops claiming; `stopped` tells when all is put away. A harder word may follow. */
  stop(how: How): void
  /** Resolves when it has stopped, whoever asked for it (a signal, `orchestrate stop`). */
  stopped: Promise<void>
}

export interface Wishes {
  /** `--agents`. */
  agents?: string | undefined
  env: NodeJS.ProcessEnv
  /** Gets each line of the log, too. */
  echo?: Log
  /** Gets what a person should know, one sentence each, before the first task is claimed. */
  announce: (notes: string[]) => void
  /** Gets it before anybody can reach it: whoever is answered may send a signal at once. */
  heed: (composed: Composed) => void
}

/** Throws `NOT_PRIVATE`, `CONFIG`, `LOCKED`, or what a part says. */
export async function compose(at: Workspace, wishes: Wishes): Promise<Composed> {
  const endings: (() => unknown)[] = []
  const end = async () => {
    for (const ending of endings.splice(0).reverse()) await ending()
  }
  let begun: Orchestrator | null = null
  const works = (orchestrator: Orchestrator) => {
    begun = orchestrator
  }
  try {
    return await begin(at, wishes, endings, end, works)
  } catch (error) {
    // It works already: nobody could reach it, and its lock would keep everyone else out.
    await (begun as Orchestrator | null)?.stop('detach')
    await end()
    throw error
  }
}

async function begin(
  at: Workspace,
  { agents, env, echo, announce, heed }: Wishes,
  endings: (() => unknown)[],
  end: () => Promise<void>,
  works: (orchestrator: Orchestrator) => void,
): Promise<Composed> {
  await makeFolders(at)
  refuseStrangers(at)
  const options = {
    ...(agents !== undefined && { agents: parseAgents(agents) }),
    onPath: (program: string) => which(program, env.PATH ?? '') !== null,
  }
  const loaded = await loadConfig(at, options)
  let settings = loaded.settings
  const processes = createProcesses()
  // Asked before the index is opened; the lock itself is taken by `start`.
  const other = await readOwner(at.lock, processes)
  if (other?.alive) {
    const shows = '`orchestrate status` shows it, `orchestrate stop` ends it'
    const wakes = `it is suspended: \`kill -CONT ${other.pid}\` lets it go on, \`kill -9 ${other.pid}\` ends it, its agents go on`
    const near = processes.suspended(other.pid) ? wakes : shows
    // Seen from another container or host: it may be dead, and nobody here can tell.
    const hint = other.far ? `${shows}; if it is gone, remove ${at.lock}` : near
    throw new OrchestrateError(
      'LOCKED',
      `orchestrate is running here already (pid ${other.pid} on ${other.host})`,
      hint,
    )
  }

  const log = logFile(at.log, () => settings.logLevel, echo)
  const mine = async () => {
    const owner = await readOwner(at.lock, processes)
    return owner?.pid === process.pid && !owner.far
  }
  /** Of the tasks that were read and name none; null: not of all. */
  let priority: Priority | null = settings.queue.defaultPriority
  const rules = () => priority && keyOf(priority)
  const { image: left, ...kept } = await readWaiting(at, keyOf(priority))
  /** Once: whoever has them need not have them twice. */
  const known = () => {
    const { waiting } = kept
    kept.waiting = new Map()
    return waiting
  }
  const file = settings.database
  const index = await openIndex({ file, log, mine, left, rules })
  endings.push(() => index.close())
  await catchUp(index, at.runs)
  if (settings.metrics.enabled) {
    const metrics = await startMetrics({ port: settings.metrics.port, index, log })
    endings.push(() => metrics.close())
  }
  const context = createContext({
    root: at.root,
    directory: settings.contextDir,
    get updateOnCompletion() {
      return settings.updateOnCompletion
    },
    tell: (text) => log('warn', text),
    env,
  })
  const { notes, ...parts } = agentParts(
    at.root,
    env,
    () => settings,
    (text) => log('warn', text),
  )
  const show = createShow(index, log)
  let seen = null as Seen | null
  let done = () => {}
  const stopped = new Promise<void>((resolve) => {
    done = resolve
  })
  const orchestrator = createOrchestrator({
    ...{ workspace: at, settings, processes, context, log, ...parts },
    guard: createGuard(processes.usage),
    show: {
      ...show,
      picture(picture) {
        seen = picture
        show.picture(picture)
      },
    },
    profiles: profilesOf(index),
    known: () => ({ settled: index.stamps(), known: known() }),
    closing: async () => {
      freeze()
      const key = rules()
      const settled = rowsOf(index)
      await end()
      if (seen && key && settled) await keep(at, key, seen, settled, file).catch(() => {}) // a list reads the files then
    },
    // Nothing here is ours any more: no folder, no socket, no index.
    lost: () => process.exit(1),
  })
  announce([...loaded.notes, ...notes(settings), SHARED])
  if (other) await breakLock(at.home) // a dead one's
  await orchestrator.start()
  works(orchestrator)
  const lives = (pid: number) => processes.started(pid) !== null
  await removeLitter(at, settings.contextDir, lives, seen?.names ?? new Map())
  void refill(index, at.runs)

  let stopping = false
  const stop = (how: How) => {
    const over = orchestrator.stop(how)
    if (!stopping) void over.then(done)
    stopping = true
  }
  const config = watchConfig(at, options, () => settings, take, log)
  endings.push(() => config.close())
  function take(next: Settings): void {
    // These are bound at start: the files and ports are open.
    const bound = ['database', 'contextDir', 'metrics'] as const
    const late = bound.filter((key) => JSON.stringify(next[key]) !== JSON.stringify(settings[key]))
    if (late.length > 0)
      log(
        'warn',
        'a change of database, context directory or metrics takes effect at the next start',
      )
    if (next.queue.defaultPriority !== priority) priority = null
    settings = next
    orchestrator.reconfigure(next)
  }
  const remarks = () => {
    const broken = config.broken()
    return broken ? [`config.yaml is not in force: ${broken}`] : []
  }
  const operations = createDispatch(
    { index, orchestrator, pid: process.pid, notes: remarks, stop },
    log,
  )
  const picture = (): Picture => ({ status: index.status(extra()), agents: index.agents() })
  /** The last one, for who still asks when the index is closed. */
  let last: Picture | null = null
  const freeze = () => {
    last = picture()
  }
  const extra = () => ({ pid: process.pid, halted: orchestrator.halted(), notes: remarks() })
  const path = socketPath(at.root)
  const composed = {
    orchestrator,
    picture: () => last ?? picture(),
    tasks: () => (last ? null : index.tasks()),
    stop,
    stopped,
  }
  heed(composed)
  const serving = serve({ path, operations, log, mine: true })
  // It may be stopped before the socket is open.
  const close = () => serving.then((served) => served.close()).catch(() => {}) // what failed is told below
  endings.push(close)
  await serving
  log('info', `started (pid ${process.pid})`)
  collectLater()
  endings.push(() => log('info', 'stopped'))
  return composed
}

/** Null: it cannot tell. */
function rowsOf(index: Index): TaskView[] | null {
  try {
    return index.settled()
  } catch {
    return null
  }
}

/** Asked at each claim; it changes when a run ends. */
function profilesOf(index: Index): () => Profile[] {
  let known: Profile[] | null = null
  index.onRunEnd(() => {
    known = null
  })
  return () => {
    known ??= index.profiles()
    return known
  }
}

const SHARED = 'All agents work in this one working tree, at the same time.'

/** DESIGN 7: whoever may write here may run commands as us. */
function refuseStrangers(at: Workspace): void {
  const [first] = exposed(guarded(at))
  if (!first) return
  const message = `${first.who} can write ${first.path}, and so run commands as you`
  throw new OrchestrateError('NOT_PRIVATE', message, `chmod go-w ${first.path}`)
}
