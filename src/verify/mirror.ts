// Index = files: the answers of a running orchestrator, or the image on disk of a stopped one, against what the files say.
// Promises: what only the orchestrator can know (why a task waits, what it holds for want of room) is not compared.
import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { relative } from 'node:path'
import type { AgentJson, StatusJson, TaskJson } from '../index/shapes.ts'
import { ask } from '../server/client.ts'
import { socketPath } from '../server/socket.ts'
import { type Entry, OrchestrateError, STATES, type TaskStatus } from '../types.ts'
import { type Found, found } from './finding.ts'
import { key, newest, type Sight } from './sight.ts'

type Row = Omit<TaskJson, 'reason'>

/** While an orchestrator runs. */
export async function served(sight: Sight): Promise<Found[]> {
  const { at, owner } = sight
  // Of another machine neither the socket nor the pid can be asked.
  if (!owner?.alive || owner.host !== hostname()) return []
  const get = async <T>(route: string): Promise<T> => {
    const reply = await ask(socketPath(at.root), 'GET', route)
    if (reply?.status === 200) return reply.body as T
    throw new OrchestrateError(
      'NO_ANSWER',
      reply ? `it answered ${reply.status}` : 'nobody listens',
    )
  }
  try {
    const [rows, status, agents] = [
      await get<TaskJson[]>('/tasks'),
      await get<StatusJson>('/status'),
      await get<AgentJson[]>('/agents'),
    ]
    const all = compare(sight, rows, 'the index')
    if (all.length === 0) all.push(...counts(rows, status, agents))
    if (status.pid !== owner.pid)
      all.push(
        found('broken', 'index-differs', '/status', `pid ${status.pid} answers for ${owner.pid}`),
      )
    if (status.halted) all.push(found('note', 'halted', '/status', status.halted))
    return [...all, ...busy(sight, agents)]
  } catch (error) {
    if (!(error instanceof OrchestrateError)) throw error
    const message = `pid ${owner.pid} has the lock, and does not answer: ${error.message}`
    return [found('broken', 'socket-silent', relative(at.root, socketPath(at.root)), message)]
  }
}

/** While none runs. The image is a cache: older than the files, it may differ. */
export async function stored(sight: Sight): Promise<Found[]> {
  const { database } = sight.settings
  const file = relative(sight.at.root, database)
  const seen = await stat(database).catch(() => null)
  if (!seen) return []
  const { inspectImage } = await import('../index/load.ts')
  const image = await inspectImage(database)
  if (image === null) return []
  if (typeof image === 'string') {
    if (/^is (empty|not of version)/.test(image)) return [found('note', 'index-old', file, image)]
    const mend = { do: 'keep', path: database } as const
    return [found('broken', 'index-damaged', file, image, { mend })]
  }
  const rows = image.tasks.map(({ agentId: agent_id, needsReview: needs_review, ...row }) => ({
    ...{ ...row, agent_id, needs_review },
  }))
  const all = compare(sight, rows, 'the image')
  for (const run of image.runs) {
    const own = sight.runs.get(key(run.task_id))?.find((one) => one.attempt === run.attempt)
    if (!own?.record || own.record.nonce !== run.nonce || own.record.outcome === run.outcome)
      continue
    const message = `the image has ${run.outcome ?? 'no end'}, run.json ${own.record.outcome ?? 'no end'}`
    all.push(found('broken', 'index-differs', relative(sight.at.root, own.folder), message))
  }
  if (all.length === 0 || seen.mtimeMs > (await changed(sight))) return all
  const message = `it is older than the files, and differs from ${all.length} of them`
  return [found('note', 'index-old', file, message)]
}

/** When the files changed last, epoch ms. */
async function changed({ at, entries, runs }: Sight): Promise<number> {
  const folders = STATES.map((state) => at.state[state])
  const newestRuns = [...runs.values()].flatMap((all) => all.at(-1)?.folder ?? [])
  const stats = await Promise.all(
    [...folders, ...newestRuns].map((path) => stat(path).catch(() => null)),
  )
  return Math.max(
    ...entries.map(({ ctimeMs }) => ctimeMs),
    ...stats.map((one) => one?.ctimeMs ?? 0),
  )
}

function compare(sight: Sight, rows: readonly Row[], who: string): Found[] {
  const left = new Map(rows.map((row) => [row.file, row]))
  const all: Found[] = []
  const tell = (file: string, message: string) =>
    all.push(found('broken', 'index-differs', file, `${who} ${message}`))
  for (const entry of sight.entries) {
    const row = left.get(entry.file)
    left.delete(entry.file)
    if (!row) tell(entry.file, 'does not have it')
    else
      for (const [what, here, there] of differences(sight, entry, row)) {
        tell(entry.file, `says ${what} ${JSON.stringify(there)}, the files ${JSON.stringify(here)}`)
        break
      }
  }
  // RACE: files that went while we read are in neither; what the next reading still finds is told.
  const unread = new Set(
    [...sight.names].flatMap(([state, names]) => [...names].map((one) => `tasks/${state}/${one}`)),
  )
  for (const file of left.keys()) if (!unread.has(file)) tell(file, 'has it, and it is not there')
  return all
}

/** What, as the files say, as the row says. */
function differences(sight: Sight, entry: Entry, row: Row): [string, unknown, unknown][] {
  const { state, id, task } = entry
  const status = statusOf(sight, entry)
  // It may hold what waits here: for room in the queue, for a context file outside the workspace.
  const same =
    row.status === status ||
    (status === 'pending' && row.status === 'held' && mayBeHeld(sight, entry))
  const pairs: [string, unknown, unknown][] = same ? [] : [['status', status, row.status]]
  // What was claimed is what runs: a later edit of the file is not looked at.
  if (state === 'pending')
    pairs.push(
      ['id', id, row.id],
      ['priority', task?.priority ?? 'normal', row.priority],
      ['description', wellFormed(task?.description ?? ''), row.description],
    )
  const last = lastOf(sight, entry)
  if (last && row.id === id && !sight.held.has(entry))
    pairs.push(
      ['attempt', last.attempt ?? 0, row.attempt],
      ['agent_id', last.agent_id ?? null, row.agent_id],
      ['outcome', last.outcome ?? null, row.outcome],
      ['needs_review', last.needs_review ?? false, row.needs_review],
      ['error', last.error == null ? null : wellFormed(last.error), row.error],
    )
  return pairs.filter(([, here, there]) => here !== there)
}

function statusOf(sight: Sight, entry: Entry): TaskStatus {
  if (entry.problem && entry.state === 'pending') return 'invalid'
  if (sight.held.has(entry)) return 'held'
  const run = entry.state === 'pending' ? newest(sight, entry.id) : null
  return run?.outcome === 'success' && !run.released ? 'held' : entry.state
}

const mayBeHeld = ({ entries, settings }: Sight, { task }: Entry): boolean =>
  (task?.contextFiles.length ?? 0) > 0 ||
  entries.filter((one) => one.state === 'pending').length > settings.queue.maxSize

/** As the core learns it (src/look/memory.ts): the newest run, or our record where the run folder is gone. Null: neither. */
function lastOf(sight: Sight, { id, state }: Entry) {
  if (sight.runs.has(key(id))) {
    const records = sight.runs.get(key(id))?.flatMap((one) => one.record ?? [])
    return records?.at(-1) ?? null
  }
  const own = sight.records.find(
    (one) => one.kind === 'result' && one.state === state && key(one.id) === key(id),
  )
  return (own?.record ?? null) as Partial<TaskJson> | null
}

/** The index writes half a surrogate pair so. */
const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd')

/** The three answers agree with each other. */
function counts(rows: readonly Row[], status: StatusJson, agents: readonly AgentJson[]): Found[] {
  const off = Object.entries(status.tasks).find(
    ([name, n]) => rows.filter((row) => row.status === name).length !== n,
  )
  const working = agents.filter(({ state }) => state === 'busy').length
  const message = off
    ? `status counts ${off[1]} ${off[0]} tasks, and lists others`
    : status.agents.busy !== working || status.agents.total !== agents.length
      ? `status counts ${status.agents.busy} of ${status.agents.total} agents busy, and lists ${working} of ${agents.length}`
      : null
  return message ? [found('broken', 'index-differs', '/status', message)] : []
}

/** An agent is busy with an unfinished run, and an unfinished run of an assigned task has its agent. */
function busy(sight: Sight, agents: readonly AgentJson[]): Found[] {
  const all: Found[] = []
  const working = new Set<string>()
  for (const { id, state, task_id } of agents) {
    if (state !== 'busy') continue
    const run = task_id === null ? null : newest(sight, task_id)
    working.add(key(task_id ?? ''))
    if (!run || run.outcome || run.agent_id !== id)
      all.push(
        found(
          'broken',
          'index-differs',
          `/agents/${id}`,
          `${id} is busy with ${task_id}, whose run is not open`,
        ),
      )
  }
  for (const entry of sight.entries) {
    const run = entry.state === 'assigned' ? newest(sight, entry.id) : null
    if (run && !run.outcome && !sight.held.has(entry) && !working.has(key(entry.id)))
      all.push(found('broken', 'index-differs', entry.file, 'no agent is busy with it'))
  }
  return all
}
