// The invariants (RELIABILITY 5.1, in DESIGN's terms), asked of a workspace after a fault and a recovery. Independent of the
// program: it reads folders, the agents' own ledger and /proc. Promises: an empty list means that all of them hold.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import initSqlJs from 'sql.js'
import { parse } from 'yaml'
import { HOUSE, hash, STATES } from './scenario.mjs'
import { left, lines, places } from './world.mjs'

/** What a violation counts as in the table of results. */
const KINDS = ['lost', 'repeated', 'left', 'wrong']
export const count = (violations) =>
  Object.fromEntries(
    KINDS.map((kind) => [kind, violations.filter((one) => one.kind === kind).length]),
  )

/** After the last run, with nothing at work. */
export async function check(world) {
  const found = []
  const bad = (kind, text) => found.push({ kind, text })
  for (const [id, want] of Object.entries(world.tasks)) where(world, id, want, bad)
  runs(world, bad)
  for (const pid of left(world)) bad('left', `process ${pid}: ${command(pid)}`)
  records(world, bad)
  memory(world, bad)
  litter(world, bad)
  await index(world, bad)
  await promised(world, bad)
  return found
}

function where(world, id, { end }, bad) {
  const at = places(world, id)
  if (at.length !== 1)
    return bad('lost', `${id} is in ${at.length} folders: ${at.join(', ') || 'none'}`)
  const path = join(world.root, 'tasks', at[0], `${id}.yaml`)
  const face = world.faces.get(id)
  if (face && hash(path) !== face) bad('lost', `the bytes of ${id} have changed`)
  if (at[0] !== end)
    bad('lost', `${id} ended in ${at[0]}, not in ${end}: ${errorOf(world, at[0], id)}`)
}

const recordOf = (world, state, id) => {
  const path = join(world.root, 'tasks', state, `${id}_result.yaml`)
  return existsSync(path) ? parse(readFileSync(path, 'utf8')) : null
}
const errorOf = (world, state, id) =>
  JSON.stringify(recordOf(world, state, id)?.error ?? 'no record')

/** By the ledger of the agents: each attempt once, no success twice, never more at work than there are slots. */
function runs(world, bad) {
  const [started, stopped, working] = [new Map(), new Map(), new Set()]
  let most = 0
  for (const [id, attempt, what, status] of lines(world)) {
    const run = `${id} ${attempt}`
    if (what === 'start') {
      if (started.has(run)) bad('repeated', `attempt ${attempt} of ${id} ran twice`)
      const before = [...stopped].filter(([key, code]) => key.startsWith(`${id} `) && code === '0')
      if (before.length) bad('repeated', `${id} ran again (attempt ${attempt}) after its success`)
      started.set(run, true)
      if (id !== 'gone') working.add(run)
      most = Math.max(most, working.size)
    } else {
      stopped.set(run, status)
      working.delete(run)
    }
  }
  if (most > 2 * world.slots) bad('wrong', `${most} agents at once, of ${2 * world.slots}`)
  for (const [id, want] of Object.entries(world.tasks)) {
    const times = [...started.keys()].filter((key) => key.startsWith(`${id} `)).length
    if (times > want.most) bad('repeated', `${id} ran ${times} times, of ${want.most}`)
    if (places(world, id)[0] !== 'completed') continue
    const { attempt } = recordOf(world, 'completed', id) ?? {}
    if (stopped.get(`${id} ${attempt}`) !== '0')
      bad('lost', `${id} is completed, and its attempt ${attempt} did not end with 0`)
  }
}

function records(world, bad) {
  for (const [id, { end }] of Object.entries(world.tasks)) {
    const record = recordOf(world, end, id)
    if (!record) bad('wrong', `${id} has no record in ${end}/`)
    else if ((record.status === 'success') !== (end === 'completed'))
      bad('wrong', `the record of ${id} says ${record.status}`)
    if (
      end === 'completed' &&
      !world.contextMayLack &&
      !existsSync(join(world.root, 'context/agent_outputs', `${id}_output.md`))
    )
      bad('wrong', `${id} has no output`)
  }
  const ours = (name) => world.mayLeaveRecord && /_agent_\d+\.yaml$/.test(name)
  const assigned = readdirSync(join(world.root, 'tasks/assigned')).filter((name) => !ours(name))
  if (assigned.length) bad('wrong', `in assigned/: ${assigned.join(', ')}`)
  const done = Object.entries(world.tasks)
    .flatMap(([id, { end }]) => (end === 'completed' ? [id] : []))
    .sort()
  if (world.contextMayLack) return
  const list = join(world.root, 'context/completed_tasks.json')
  const listed = JSON.parse(existsSync(list) ? readFileSync(list, 'utf8') : '[]')
    .flatMap((one) => (one.status === 'success' ? [one.task_id] : []))
    .sort()
  if (done.join() !== listed.join())
    bad('wrong', `completed_tasks.json has ${listed.join()}, not ${done.join()}`)
}

/** What it knows of its attempts, and so what it will not run again. */
function memory(world, bad) {
  for (const [id, { end }] of Object.entries(world.tasks)) {
    const folder = join(world.root, '.orchestrate/runs', id)
    const attempts = existsSync(folder)
      ? readdirSync(folder)
          .map(Number)
          .sort((a, b) => a - b)
      : []
    const path = join(folder, String(attempts.at(-1)), 'run.json')
    const said = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).outcome : 'nothing'
    if (end === 'completed' ? said !== 'success' : said === undefined || said === 'success')
      bad('wrong', `${id} is in ${end}/, and the outcome of its last attempt is ${said}`)
  }
}

/** Half-written files: none outlives the next start. The lock and the socket are gone with their owner. */
function litter(world, bad) {
  for (const name of readdirSync(world.root, { recursive: true })) {
    const at = relative(world.root, join(world.root, String(name)))
    if (/\.draft(\.\d+)?$/.test(at) && !/draft$/.test(at.split('/').at(-2) ?? ''))
      bad('wrong', `a draft was left: ${at}`)
    if (at === '.orchestrate/context.lock' && world.lockMayStay) continue
    if (/^\.orchestrate\/(lock|orchestrate\.sock|context\.lock)$/.test(at))
      bad('wrong', `${at} was left`)
  }
}

/** The answers of `status` and `tasks`, and the same answers once the index is deleted. */
export async function answers(world) {
  const ask = () =>
    ['status', 'tasks'].map((word) => {
      const args = [join(HOUSE, 'dist/cli/main.js'), word, '--json']
      const { stdout } = spawnSync(process.execPath, args, { cwd: world.root, encoding: 'utf8' })
      return stdout
    })
  const before = ask()
  rmSync(join(world.root, 'tasks.db'))
  const after = ask()
  const rows = JSON.parse(after[1])
  const wrong = rows.filter(({ id, status }) => world.tasks[id]?.end !== status)
  if (
    before.join() === after.join() &&
    rows.length === Object.keys(world.tasks).length &&
    !wrong.length
  )
    return []
  return [{ kind: 'wrong', text: `without an index the answers are others: ${before} ${after}` }]
}

let sql = null
/** The image says of each file what its folder says. */
async function index(world, bad) {
  const path = join(world.root, 'tasks.db')
  if (!existsSync(path)) return bad('wrong', 'no tasks.db')
  sql ??= await initSqlJs()
  const db = new sql.Database(readFileSync(path))
  try {
    const [{ values } = { values: [] }] = db.exec('SELECT file, status FROM tasks ORDER BY file')
    const rows = values.map(([file, status]) => `${file} ${status}`).join('\n')
    const files = STATES.flatMap((state) =>
      readdirSync(join(world.root, 'tasks', state)).flatMap((name) =>
        /^\.|_(result|agent_\d+)\.yaml$/.test(name) ? [] : [`tasks/${state}/${name} ${state}`],
      ),
    )
      .sort()
      .join('\n')
    if (rows !== files) bad('wrong', `the index says\n${rows}\nand the folders\n${files}`)
  } finally {
    db.close()
  }
}

/** What the program's own `verify` says, where this build has it: a second opinion. */
async function promised(world, bad) {
  const at = new URL('../../dist/verify/verify.js', import.meta.url)
  if (!existsSync(at)) return
  const { verify } = await import(at)
  const { workspace } = await import(new URL('../../dist/files/workspace.js', import.meta.url))
  const { findings } = await verify(workspace(world.root))
  // The context said so when it could not be written. A sleeper whose work another took over may write down, too late, an
  // attempt that never begins.
  const told = (code) =>
    (world.contextMayLack && code === 'output-missing') ||
    (world.mayLeaveRecord && ['run-open', 'record-stray'].includes(code))
  for (const { level, code, file, message } of findings)
    if (level === 'broken' && !told(code)) bad('wrong', `verify: ${code} ${file}: ${message}`)
}

function command(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').slice(0, 200)
  } catch {
    return 'gone'
  }
}
