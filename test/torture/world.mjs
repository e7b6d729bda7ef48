// A workspace outside of which the agents keep their ledger, and orchestrators that are started on it. Promises: an act of the
// person that a crash came before is made after it; `close` leaves no process and no folder.
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { act } from './person.mjs'
import { drop, HOUSE, LEDGER_SH, pause, STATES, TASKS } from './scenario.mjs'

const MAIN = join(HOUSE, 'dist/cli/main.js')
const PRELOAD = new URL('fault-points.mjs', import.meta.url).href
const SIMULATED = join(HOUSE, 'fixtures/simulated-agent.mjs')
/** ms; a run that takes longer than this, faults and all, hangs. */
const PATIENCE_MS = 60_000

const CONFIG = (ledger, slots) => `agents:
  shell: { max_instances: ${slots}, env: { LEDGER: ${ledger} } }
  claude: { command: "sh ${LEDGER_SH} ${process.execPath} ${SIMULATED}", max_instances: ${slots}, env: { LEDGER: ${ledger} } }
task_queue: { max_retries: 2, retry_delay_seconds: 0.05, settle_ms: 20, timeout_minutes: 1 }
monitoring: { health_check_interval: 0.2 }
`

const open = new Set()
/** @param tasks id → { text, end, most }; null: an empty world. @param acts whether the person acts. */
export function makeWorld({
  tasks = TASKS,
  acts = tasks === TASKS,
  slots = 2,
  patienceMs = PATIENCE_MS,
} = {}) {
  const top = mkdtempSync(join(tmpdir(), 'torture-'))
  const [root, ledger] = [join(top, 'work'), join(top, 'ledger')]
  for (const folder of ['tasks/pending', 'context'])
    mkdirSync(join(root, folder), { recursive: true, mode: 0o755 })
  mkdirSync(join(root, '.orchestrate'), { mode: 0o700 })
  writeFileSync(join(root, 'config.yaml'), CONFIG(ledger, slots), { mode: 0o644 })
  writeFileSync(ledger, '')
  const world = {
    top,
    root,
    ledger,
    slots,
    patienceMs,
    tasks: { ...tasks },
    faces: new Map(),
    todo: new Set(),
    starts: 0,
  }
  for (const [id, { text }] of Object.entries(tasks)) drop(world, id, text)
  if (acts) world.todo = new Set(['edit', 'add', 'cancel'])
  open.add(world)
  return world
}

export const lines = (world) =>
  readFileSync(world.ledger, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '))

/** Where the files of a task are, drafts and records left out. */
export const places = (world, id) =>
  STATES.filter((state) => existsSync(join(world.root, 'tasks', state, `${id}.yaml`)))

/**
 * One orchestrator from its start to its end, with the person beside it. @param fault { label, of, k, act }.
 * @returns { code, signal, stderr, hit, ms }. @param meanwhile called every few ms with the child.
 */
export async function orchestrate(
  world,
  { fault, points, warp, wrap = [], meanwhile, command = ['run'], env = {} } = {},
) {
  const hit = join(world.top, `hit-${++world.starts}`)
  const more = {
    ...{ FAULT_ROOT: world.root, FAULT_HIT: hit, UV_THREADPOOL_SIZE: '4' },
    ...(fault && { FAULT: JSON.stringify(fault) }),
    ...(points && { FAULT_POINTS: points }),
    ...(warp && { FAULT_WARP: warp }),
  }
  const preload = fault || points || warp ? ['--import', PRELOAD] : []
  const [program, ...args] = [...wrap, process.execPath, ...preload, MAIN, ...command]
  const begun = performance.now()
  const child = spawn(program, args, {
    cwd: world.root,
    env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', ...more, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    if (stderr.length < 100_000) stderr += chunk
  })
  const over = new Promise((resolve) =>
    child.on('exit', (code, signal) => resolve({ code, signal })),
  )
  let end = null
  void over.then((how) => {
    end = how
  })
  let hung = false
  while (!end) {
    await act(world)
    await meanwhile?.(child)
    if (!end) await Promise.race([over, pause(15)])
    if (performance.now() - begun > world.patienceMs && !hung) {
      hung = true
      child.kill('SIGKILL')
    }
  }
  await world.asking
  return { ...end, stderr, hit: existsSync(hit), hung, ms: Math.round(performance.now() - begun) }
}

/** Processes that carry the mark of a run of this workspace, or work in it. */
export function left(world) {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!pid || pid === process.pid) return false
      try {
        if (/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) return false
        const env = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
        return (
          env.includes(`ORCHESTRATE_WORKSPACE=${world.root}`) ||
          env.includes(`FAULT_ROOT=${world.root}`)
        )
      } catch {
        return false // it ended while we looked
      }
    })
}

export function close(world, { keep = false } = {}) {
  for (const pid of left(world)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // it is gone
    }
  }
  if (!keep) rmSync(world.top, { recursive: true, force: true, maxRetries: 5 })
  open.delete(world)
}
export function closeAll() {
  for (const world of [...open]) close(world)
}
