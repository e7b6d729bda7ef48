// The task files and our records beside them: one place each, a result that is true, an assignment that has a run. Pure.
import { resultOf } from '../files/record.ts'
import type { Entry, RunRecord } from '../types.ts'
import { type Found, found } from './finding.ts'
import { key, newest, type RecordSight, type Sight, taskIn } from './sight.ts'

export function tasks(sight: Sight): Found[] {
  return [
    ...twice(sight),
    ...told(sight),
    ...strays(sight),
    ...sight.entries.flatMap((entry) => (entry.state === 'assigned' ? assigned(sight, entry) : [])),
    ...sight.entries.flatMap((entry) => settled(sight, entry)),
    ...gone(sight),
  ]
}

/** A rename leaves one name: two names of one file are nobody's move. */
function twice({ entries }: Sight): Found[] {
  const inodes = new Map<string, Entry>()
  const sorted = [...entries].sort((a, b) => (a.file < b.file ? -1 : 1))
  return sorted.flatMap((entry) => {
    const inode = entry.body.split(':')[0] ?? ''
    const other = inodes.get(inode)
    if (other)
      return [found('broken', 'task-twice', entry.file, `${other.file} is the same file, too`)]
    inodes.set(inode, entry)
    return []
  })
}

/** What is not in the queue, with its reason. */
function told(sight: Sight): Found[] {
  return sight.entries.flatMap((entry) => {
    const { file, state, problem } = entry
    if (problem)
      return [found('note', state === 'pending' ? 'invalid' : 'unreadable', file, problem.message)]
    const run = state === 'pending' ? newest(sight, entry.id) : null
    const before = run?.outcome === 'success' && !run.released
    const why =
      sight.held.get(entry) ??
      (before
        ? `it succeeded before (attempt ${run.attempt}): \`orchestrate retry ${entry.id}\` runs it again`
        : null)
    return why ? [found('note', 'held', file, why)] : []
  })
}

function strays(sight: Sight): Found[] {
  return sight.records.flatMap(({ ours, id, state, file, path }) => {
    if (!ours || (state !== 'pending' && taskIn(sight, id, state))) return []
    const elsewhere = sight.entries.find((one) => key(one.id) === key(id))
    const where = elsewhere ? `is in ${elsewhere.state}/` : 'is nowhere'
    const message = `a record of ours without its task, which ${where}`
    return [found('due', 'record-stray', file, message, { mend: { do: 'shelve', path, id } })]
  })
}

/** One assignment record and an unfinished newest run. */
function assigned(sight: Sight, entry: Entry): Found[] {
  const patient = sight.held.has(entry)
  const attempt = sight.runs.get(key(entry.id))?.at(-1)
  const run = attempt?.record
  if (!attempt || !run)
    return [found('due', 'assigned-no-run', entry.file, 'no run of it has begun', { patient })]
  if (run.outcome) {
    const message = `its run is over (attempt ${run.attempt}: ${run.outcome})`
    return [found('due', 'assigned-over', entry.file, message, { patient })]
  }
  const own = sight.records.filter(
    (one) => one.state === 'assigned' && one.kind === 'agent' && key(one.id) === key(entry.id),
  )
  const fits = ({ record }: RecordSight) =>
    record?.attempt === run.attempt && record.agent_id === run.agent_id
  const name = `tasks/assigned/${run.task_id}_${run.agent_id}.yaml`
  const surplus = own.filter((one) => one.file !== name)
  const level = attempt.pid === null ? 'due' : 'broken'
  const all = surplus.map(({ file, path, id }) =>
    found('broken', 'assigned-record', file, `attempt ${run.attempt} is by ${run.agent_id}`, {
      mend: { do: 'shelve', path, id },
    }),
  )
  const there = own.find((one) => one.file === name)
  if (!there || !fits(there))
    all.push(
      found(level, 'assigned-record', name, `does not say who works on attempt ${run.attempt}`, {
        mend: { do: 'assign', run, old: there?.path ?? null },
      }),
    )
  return all
}

/** The record says what the run came to, and the folder agrees. */
function settled(sight: Sight, entry: Entry): Found[] {
  const { state, id, file } = entry
  if ((state !== 'completed' && state !== 'failed') || sight.held.has(entry)) return []
  const own = sight.records.find(
    (one) => one.state === state && one.kind === 'result' && key(one.id) === key(id),
  )
  const run = newest(sight, id)
  if (!run)
    return own ? [] : [found('note', 'by-person', file, 'it has no run: a person put it there')]
  if (!run.outcome) return [] // told of with the runs
  if (run.settled !== state) {
    const message = `its newest run (attempt ${run.attempt}: ${run.outcome}) did not put it there: a person did`
    return [found('note', 'by-person', file, message)]
  }
  if (state === 'completed' && run.outcome === 'cancelled')
    return [found('note', 'by-person', file, 'a person put it there while it ran')]
  // A retry by mv, and back by mv before it ran: its record has joined the run, where the whole story is.
  const shelved = sight.runs.get(key(id))?.at(-1)?.names.includes(`${run.task_id}_result.yaml`)
  if (!own && shelved)
    return [
      found('note', 'by-person', file, 'a person moved it away and back; its run has its record'),
    ]
  const all = record(own, run, entry)
  if ((run.outcome === 'success') !== (state === 'completed'))
    all.push(found('broken', 'outcome-place', file, `attempt ${run.attempt} was: ${run.outcome}`))
  return all
}

function record(own: RecordSight | undefined, run: RunRecord, { state, file }: Entry): Found[] {
  if (state !== 'completed' && state !== 'failed') return []
  const mend = { do: 'result', state, run, old: own?.path ?? null } as const
  const name = `tasks/${state}/${run.task_id}_result.yaml`
  if (!own) return [found('broken', 'result-missing', name, `${file} has no record`, { mend })]
  // A task that was cancelled while it waited has a record without an attempt.
  if (own.record?.status && own.record.attempt === undefined) return []
  const differs = own.record?.status ? difference(own.record, { ...resultOf(run) }) : 'its form'
  if (!differs) return []
  const message = `is not what run.json of attempt ${run.attempt} says (${differs})`
  return [found('broken', 'result-wrong', own.file, message, { mend })]
}

/** The keys whose values differ; empty: none. */
function difference(a: Record<string, unknown>, b: Record<string, unknown>): string {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return keys.filter((one) => JSON.stringify(a[one]) !== JSON.stringify(b[one])).join(', ')
}

/** A run came to its end, and its task is in no folder. */
function gone(sight: Sight): Found[] {
  const here = new Set(sight.entries.map(({ id }) => key(id)))
  return [...sight.runs.values()].flatMap((attempts) => {
    const last = attempts.at(-1)
    const run = last?.record
    if (!last || !run?.outcome || here.has(key(last.id)) || sight.archived.has(key(last.id)))
      return []
    const where = run.settled ? `, last in ${run.settled}/` : ''
    const message = `${run.file} is in no folder${where}`
    return [found('note', 'task-gone', `.orchestrate/runs/${last.id}`, message)]
  })
}
