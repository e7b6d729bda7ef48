// What the agents' own ledger says against what run.json and the folders say. Promises: needs nothing of ours but those
// files; each rule names what excuses it.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { quietly } from './world.mjs'

/** ms: an agent's line may be written this long after what it tells of, on a busy machine. */
const SLACK = 1500

function readLedger(world) {
  const runs = new Map()
  const broken = []
  for (const line of readFileSync(world.ledger, 'utf8').split('\n').filter(Boolean)) {
    const [id, attempt, what, revision, pid, at] = line.split(' ')
    if (!at) {
      broken.push(line)
      continue
    }
    const key = `${id} ${attempt}`
    const run = runs.get(key) ?? { id, attempt: Number(attempt), starts: [], stops: [] }
    runs.set(key, run)
    run[what === 'start' ? 'starts' : 'stops'].push({ revision, pid, at: Number(at) })
  }
  return { runs: [...runs.values()], broken }
}

export function createRuns({ world, book, journal }) {
  /** Runs of which all is known, so that they need not be read again. */
  const records = new Map()
  const keyOf = (run) => `${run.id} ${run.attempt}`
  const recordOf = (run) => {
    const key = keyOf(run)
    const known = records.get(key)
    if (known) return known
    const record = book.run(run.id, run.attempt)
    if (record?.outcome) records.set(key, record)
    return record
  }

  function one(run, next, record) {
    const task = book.tasks.get(run.id)
    const about = `${run.id} attempt ${run.attempt}`
    if (!task) {
      if (!run.id.startsWith('task_') && !book.maybe.has(run.id))
        journal.violation('a run of a task that nobody gave', about)
      return
    }
    if (run.starts.length > 1)
      journal.violation('one attempt ran twice', about, JSON.stringify(run.starts))
    const [start] = run.starts
    const [stop] = run.stops
    if (!start) return journal.violation('a stop without a start', about)
    if (start.revision === 'half') journal.violation('half a file was run', about)
    const until = next?.starts[0]?.at ?? Date.now()
    const by = task.touches.map(({ at, what }) => `${what} at ${at - start.at} ms`).join(', ')
    const detail = `outcome ${record?.outcome}; by hand: ${by}`
    if (next && (record?.outcome === 'success' || stop) && !isExcused(task, run, record, until))
      journal.violation('a success was repeated', about, detail)
    const cut = task.kind === 'simulated lingering' // it is ended after its end event
    if (
      record?.outcome === 'success' &&
      !stop &&
      !cut &&
      !book.touched(task, start.at - SLACK, until)
    )
      journal.violation('a success that did not come to its end', about, detail)
    for (const id of task.dependencies) dependency(id, start.at, about)
    revision(task, start, record, about)
  }

  /** Run again after it had come to its end: only because someone did something meanwhile. */
  function isExcused(task, run, record, until) {
    const from = run.starts[0].at - SLACK
    if (!task.git && book.touched(task, from, until)) return true
    if (record?.outcome === 'timeout') return true
    if (record?.outcome === 'no-result' && task.kind === 'simulated silent') return true
    const hit = ['stop --now', 'stop', ...(record?.agent_type === 'claude' ? ['disk full'] : [])]
    return record?.outcome !== 'success' && book.stormy(from, until, ...hit)
  }

  function dependency(id, at, about) {
    const on = book.tasks.get(id)
    if (!on || on.touches.some(({ what }) => what === 'marked done by mv')) return
    const done = ({ outcome, ended_at }) => outcome === 'success' && Date.parse(ended_at) <= at
    if (book.runs(id).some(done)) return
    journal.violation('ran before what it depends on', about, id)
  }

  /** An edit of a waiting task counts for the claims after it. */
  function revision(task, start, record, about) {
    if (!record || task.git) return
    const claimed = Date.parse(record.assigned_at)
    const number = Number(start.revision)
    const newer = task.revisions.filter(
      (one) => one.number > number && one.waited && one.at < claimed - 3000,
    )
    if (!task.revisions.length || !newer.length) return
    if (book.stormy(newer[0].at, claimed, 'paused')) return
    // A second file that was taken away again took its revision with it.
    if (task.touches.some(({ what }) => what === 'the second file removed')) return
    journal.violation('an edit was not heeded', about, `ran ${number}, was ${newer.at(-1).number}`)
  }

  /** An agent holds one task at a time. */
  function agents(all) {
    const byAgent = new Map()
    for (const record of all) {
      // Of what died or was moved while nobody looked, the end is when somebody looked again.
      const known = record?.ended_at && record.outcome !== 'interrupted'
      if (!known || book.tasks.get(record.task_id)?.touches.length !== 0) continue
      const list = byAgent.get(record.agent_id) ?? []
      byAgent.set(record.agent_id, list)
      list.push({ from: Date.parse(record.assigned_at), to: Date.parse(record.ended_at), record })
    }
    for (const [agent, list] of byAgent) {
      list.sort((a, b) => a.from - b.from)
      for (const [n, { from, record }] of list.entries()) {
        const before = list[n - 1]
        if (before && before.to > from + 50 && before.record.task_id !== record.task_id)
          journal.violation(
            'one agent held two tasks',
            `${agent}: ${before.record.task_id} and ${record.task_id}`,
            `${before.to - from} ms`,
          )
      }
    }
  }

  /** @returns figures. */
  function check() {
    // The records before the ledger: the end that one tells of is a line by then.
    const told = new Map(readLedger(world).runs.map((run) => [keyOf(run), recordOf(run)]))
    const { runs, broken } = readLedger(world)
    const record = (run) => told.get(keyOf(run)) ?? null
    for (const line of broken) journal.violation('a broken line in the ledger', line)
    const byId = new Map()
    for (const run of runs) byId.set(run.id, [...(byId.get(run.id) ?? []), run])
    for (const list of byId.values()) {
      list.sort((a, b) => a.attempt - b.attempt)
      for (const [n, run] of list.entries()) one(run, list[n + 1], record(run))
    }
    agents(runs.map(record))
    return { runs: runs.length, again: runs.filter(({ attempt }) => attempt > 1).length }
  }

  /** At the end: what lies in completed/ was done, what lies in failed/ has its reason. */
  function settled() {
    for (const task of book.tasks.values()) {
      if (task.removed || task.archived) continue
      const last = lastRun(task)
      const byHand = task.touches.length > 0 || task.git
      const record = (state) => join(world.state[state], `${task.id}_result.yaml`)
      if (existsSync(book.path(task, 'completed')) && !byHand) {
        if (last?.outcome !== 'success')
          journal.violation('completed without a success', task.id, `last: ${last?.outcome}`)
        const text = quietly(() => readFileSync(record('completed'), 'utf8')) ?? ''
        if (!/^status: success$/m.test(text))
          journal.violation('completed without its record', task.id, text)
      }
      if (existsSync(book.path(task, 'failed')) && !byHand) {
        if (!last?.outcome || last.outcome === 'success')
          journal.violation('failed without a failure', task.id, `last: ${last?.outcome}`)
        if (!existsSync(record('failed'))) journal.violation('failed without its record', task.id)
      }
      if (existsSync(book.path(task, 'pending')) && !byHand && last?.outcome === 'success')
        journal.violation('a success went back to pending', task.id)
      if (last && !last.outcome) journal.violation('a run without an end', task.id)
    }
  }
  const lastRun = (task) => book.runs(task.id).at(-1)

  return { check, settled }
}
