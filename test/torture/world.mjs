// The golden scenario: a workspace, the tasks in it, the person who acts beside the orchestrator, and the ledger that the agents
// keep. Promises: the same tasks and acts each time; an act that a crash came before is made after it; `close` leaves nothing.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const HOUSE = fileURLToPath(new URL('../../', import.meta.url))
export const MAIN = join(HOUSE, 'dist/cli/main.js')
const PRELOAD = new URL('fault-points.mjs', import.meta.url).href
const LEDGER_SH = join(HOUSE, 'test/torture/ledger.sh')
const SIMULATED = join(HOUSE, 'fixtures/simulated-agent.mjs')
export const STATES = ['pending', 'assigned', 'completed', 'failed']
/** ms; a run that takes longer than this, faults and all, hangs. */
const PATIENCE_MS = 60_000
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const hash = (path) => createHash('sha256').update(readFileSync(path)).digest('hex')

const noted = (work) => `sh '${LEDGER_SH}' ${work}`
const shell = (work, more = '') =>
  `description: ${JSON.stringify(noted(work))}\npreferred_agent: shell\n${more}`

/** id → text, end (where it must arrive), most (runs that may have been). `gone` works until someone takes it away. */
const TASKS = {
  ok: { text: shell('true'), end: 'completed', most: 1 },
  flaky: { text: 'description: Create flaky.txt SIM:fail-once\n', end: 'completed', most: 2 },
  bad: { text: shell('false', 'max_retries: 1\n'), end: 'failed', most: 2 },
  after: { text: shell('false', 'dependencies: [ok, flaky]\n'), end: 'completed', most: 1 },
  gone: { text: shell('sleep 30', 'priority: high\n'), end: 'failed', most: 1 },
}
/** What the person makes of `after` while it waits. */
const EDITED = shell('true', 'dependencies: [ok, flaky]\npriority: high\n')
const ADDED = noted('true')

/** For pairs of faults: a success, and a failure that is retried to its end. */
export const pairTasks = {
  ok: TASKS.ok,
  bad: TASKS.bad,
}

const CONFIG = (ledger, slots) => `agents:
  shell: { max_instances: ${slots}, env: { LEDGER: ${ledger} } }
  claude: { command: "sh ${LEDGER_SH} ${process.execPath} ${SIMULATED}", max_instances: ${slots}, env: { LEDGER: ${ledger} } }
task_queue: { max_retries: 2, retry_delay_seconds: 0.05, settle_ms: 20, timeout_minutes: 1 }
monitoring: { health_check_interval: 0.2 }
`

const open = new Set()
/** @param tasks id → { text, end, most }; null: an empty world. @param acts whether the person acts. */
export function makeWorld({ tasks = TASKS, acts = tasks === TASKS, slots = 2 } = {}) {
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

function drop(world, id, text) {
  const path = join(world.root, 'tasks/pending', `${id}.yaml`)
  writeFileSync(path, text)
  world.faces.set(id, hash(path))
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
    if (performance.now() - begun > PATIENCE_MS && !hung) {
      hung = true
      child.kill('SIGKILL')
    }
  }
  return { ...end, stderr, hit: existsSync(hit), hung, ms: Math.round(performance.now() - begun) }
}

/** What the person does now: each act once, when its moment has come. `last`: what is left of an `add` is settled without asking. */
export async function act(world) {
  const { todo, root } = world
  if (!todo.size) return
  const said = readFileSync(world.ledger, 'utf8')
  const path = (state, id) => join(root, 'tasks', state, `${id}.yaml`)
  if (todo.has('edit') && /^ok \d+ start/m.test(said)) {
    todo.delete('edit')
    if (existsSync(path('pending', 'after'))) drop(world, 'after', EDITED)
  }
  // After the `add`: as long as someone works, the orchestrator stays.
  if (todo.has('cancel') && !todo.has('add') && /^gone \d+ start/m.test(said)) {
    const from = STATES.slice(0, 2)
      .map((state) => path(state, 'gone'))
      .find(existsSync)
    if (from) {
      mkdirSync(join(root, 'tasks/failed'), { recursive: true })
      renameSync(from, path('failed', 'gone'))
      todo.delete('cancel')
    }
  }
  if (todo.has('add') && existsSync(join(root, '.orchestrate/orchestrate.sock'))) {
    const body = JSON.stringify({ tasks: [{ description: ADDED, preferred_agent: 'shell' }] })
    const reply = await post(join(root, '.orchestrate/orchestrate.sock'), '/tasks', body)
    if (reply === 'nobody') return // a socket that a dead one left: its successor will listen
    if (reply?.status === 201) taken(world, reply.body.ids[0])
    else await settleAdd(world)
  }
}

/** It refused, or died in the middle of it: is there a task now? A person looks before adding again. */
async function settleAdd(world) {
  for (let n = 0; n < 20; n++) {
    for (const state of STATES) {
      const folder = join(world.root, 'tasks', state)
      for (const name of existsSync(folder) ? readdirSync(folder) : [])
        if (/^task_\d+\.yaml$/.test(name))
          return taken(world, name.slice(0, -5), join(folder, name))
    }
    await pause(5)
  }
}

function taken(world, id, path = null) {
  world.todo.delete('add')
  world.tasks[id] = { end: 'completed', most: 1 }
  const found =
    path ?? STATES.map((state) => join(world.root, 'tasks', state, `${id}.yaml`)).find(existsSync)
  // A claim may move it between our two looks; whichever look finds it, its bytes are the same.
  try {
    world.faces.set(id, hash(found))
  } catch {
    world.faces.set(id, null)
  }
}

function post(socketPath, path, body) {
  return new Promise((resolve) => {
    const call = request({
      socketPath,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      timeout: 10_000,
    })
    call.on('response', (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode, body: JSON.parse(text) })
        } catch {
          resolve(null) // it died in the middle of its answer
        }
      })
      response.on('error', () => resolve(null))
    })
    call.on('error', ({ code }) =>
      resolve(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'nobody' : null),
    )
    call.on('timeout', () => call.destroy())
    call.end(body)
  })
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

export const inode = (path) => statSync(path).ino
