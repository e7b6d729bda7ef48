// The run folders and the processes that carry their marks: an attempt happened once, ended as it says, and left nothing. Pure.
import { relative } from 'node:path'
import type { RunRecord } from '../types.ts'
import { type Attempt, isShelf } from './attempts.ts'
import { type Found, found, type Level } from './finding.ts'
import { key, type Sight, taskIn } from './sight.ts'

/** Pids that are named in one sentence. */
const NAMED = 10

export function runs(sight: Sight): Found[] {
  const at = (one: Attempt) => relative(sight.at.root, one.folder)
  const marks = new Map<string, Attempt>()
  const all: Found[] = []
  for (const attempts of sight.runs.values()) {
    all.push(...gaps(attempts, at))
    for (const one of attempts) {
      const { record } = one
      const last = one === attempts.at(-1)
      const tell = (code: Found['code'], message: string, level: Level = 'broken') =>
        all.push(found(level, code, at(one), message))
      if (!record) {
        if (one.damaged) tell('run-damaged', 'its run.json cannot be read')
        else if (one.pid !== null) tell('run-damaged', 'a run began here, and its run.json is gone')
        continue
      }
      const twin = marks.get(record.nonce)
      if (!twin) marks.set(record.nonce, one)
      const mine = `${record.task_id}.${record.attempt}.`
      if (twin) tell('mark-twice', `it carries the mark of ${at(twin)}`)
      else if (key(record.task_id) !== key(one.id) || record.attempt !== one.attempt)
        tell('run-misplaced', `its run.json is of ${record.task_id}, attempt ${record.attempt}`)
      else if (!record.nonce.startsWith(mine)) tell('run-misplaced', 'its mark is of another run')
      if (!record.outcome) {
        if (!last) tell('run-open', 'it has no end, and a later attempt was made')
        else if (!taskIn(sight, one.id, 'assigned') && !alive(sight, record))
          tell('run-unclaimed', 'it has no end, and its task is not in assigned/', 'due')
        continue
      }
      if (!record.ended_at) tell('run-end', 'it is over, and does not say since when')
      if (record.outcome !== 'success' && !record.error)
        tell('run-end', `it ended as ${record.outcome}, and does not say why`)
      const wrong = contradiction(record, one)
      if (wrong) tell('run-exit', wrong)
    }
  }
  return [...all, ...processes(sight, marks, at)]
}

const alive = ({ processes }: Sight, { nonce }: RunRecord) =>
  processes.some(({ mark }) => mark === nonce)

/** Attempts are 1, 2, 3…; after what was put away in a shelf, where the person removed the runs before it. */
function gaps(attempts: readonly Attempt[], at: (one: Attempt) => string): Found[] {
  const real = attempts.filter((one) => !isShelf(one))
  const first = real[0]?.attempt ?? 1
  const shelf = attempts.filter((one) => isShelf(one) && one.attempt < first).at(-1)?.attempt ?? 0
  const gap = real.find((one, n) => one.attempt !== shelf + 1 + n)
  const before = gap && attempts.some((one) => one.attempt === gap.attempt - 1)
  if (!gap || before) return []
  return [found('broken', 'run-gap', at(gap), `attempt ${gap.attempt - 1} is not there`)]
}

/** What the shim's files say against run.json; null: nothing. */
function contradiction(record: RunRecord, { pid, exit }: Attempt): string | null {
  const { outcome, exit_code: said, stopping } = record
  if (outcome === 'never-started')
    return pid ? `it never started, and its shim was pid ${pid}` : null
  // One that was ended after it had said its success has no exit status of its own.
  if (outcome === 'success' && exit !== null && exit !== 0 && stopping !== 'linger')
    return `it is a success, and its exit status is ${exit}`
  if (outcome === 'success' && !pid) return 'it is a success, and no shim of it ever began'
  if (said !== undefined && said !== exit)
    return `run.json has exit status ${said}, the shim wrote ${exit ?? 'none'}`
  return null
}

/** Only what is the newest, unfinished run of a task in assigned/ may live (I7 of RELIABILITY 5.1). */
function processes(
  sight: Sight,
  marks: ReadonlyMap<string, Attempt>,
  at: (one: Attempt) => string,
): Found[] {
  const living = new Map<Attempt, number[]>()
  for (const { pid, mark } of sight.processes) {
    const one = mark === null ? undefined : marks.get(mark)
    if (one) living.set(one, [...(living.get(one) ?? []), pid])
  }
  return [...living].flatMap(([one, pids]) => {
    const last = sight.runs.get(key(one.id))?.at(-1) === one
    const unfinished = last && !one.record?.outcome
    if (unfinished && taskIn(sight, one.id, 'assigned')) return []
    const why = unfinished
      ? 'and its task is not in assigned/'
      : last
        ? 'though its run is over'
        : 'though a later attempt was made'
    const message = `pid ${pids.slice(0, NAMED).join(', ')}${pids.length > NAMED ? '…' : ''} carries its mark, ${why}`
    const mend = { do: 'sweep', nonce: one.record?.nonce ?? '' } as const
    // A run whose task was moved is interrupted first, and has 30 s to leave.
    const level = unfinished ? 'due' : 'broken'
    return [found(level, 'process-unclaimed', at(one), message, { mend, patient: unfinished })]
  })
}

/** Processes that carry a mark of this workspace. */
export function marked({ runs, processes }: Sight): number {
  const own = new Set([...runs.values()].flat().map((one) => one.record?.nonce))
  return processes.filter(({ mark }) => mark !== null && own.has(mark)).length
}
