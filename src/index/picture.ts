// From the core's picture to rows: what a person is shown of each task. It puts only the rows that changed.
import {
  type AddedTask,
  type AgentView,
  type Entry,
  isSettled,
  type Log,
  type Mirror,
  type Picture,
  type Show,
  type TaskView,
} from '../types.ts'

const SETTLING = 'it was changed a moment ago'

/** @param log hears of each held and invalid file once. */
export function createShow(mirror: Mirror, log: Log): Show {
  const agents = new Map<string, string>()
  const told = new Map<string, string>()
  /** Added, and in no picture yet. The next one may be of a look that came too early to see it: that may do without. */
  const fresh = new Map<string, number>()

  function tell(view: TaskView): void {
    const text =
      view.status === 'held' || view.status === 'invalid' ? `${view.file}: ${view.reason}` : null
    if (text === null) return void told.delete(view.file)
    if (told.get(view.file) === text) return
    told.set(view.file, text)
    log('warn', text)
    mirror.event({
      at: Date.now(),
      kind: view.status === 'held' ? 'held' : 'invalid',
      taskId: view.id,
      agentId: null,
      text,
    })
  }

  return {
    added(task) {
      const view = viewOfAdded(task)
      fresh.set(view.file, 2)
      mirror.putTask(view)
    },
    picture(picture) {
      const { entries } = picture
      for (const entry of picture.changed) {
        if (entries.get(entry.file) !== entry || isUnread(entry)) continue
        const view = viewOf(entry, picture)
        mirror.putTask(view)
        tell(view)
      }
      const gone = new Set(picture.gone)
      for (const [file, looks] of fresh) {
        if (entries.has(file)) fresh.delete(file)
        else if (looks > 1) fresh.set(file, looks - 1)
        else gone.add(file)
      }
      for (const file of gone) {
        if (entries.has(file) || (fresh.get(file) ?? 0) > 1) continue
        fresh.delete(file)
        told.delete(file)
        mirror.dropTask(file)
      }
      putAgents(picture.agents)
    },
    run(record) {
      fresh.delete(pending(record.file)) // claimed in the look that found it
      mirror.putRun(record)
    },
    event(row) {
      mirror.event(row)
    },
  }

  function putAgents(views: readonly AgentView[]): void {
    for (const id of agents.keys()) {
      if (views.some((view) => view.id === id)) continue
      agents.delete(id)
      mirror.dropAgent(id)
    }
    for (const view of views) {
      const row = JSON.stringify(view)
      if (agents.get(view.id) !== row) mirror.putAgent(view)
      agents.set(view.id, row)
    }
  }
}

/** What is settled, and was not read yet, is what its row says. */
const isUnread = ({ state, task, problem }: Entry) => isSettled(state) && !task && !problem

const pending = (name: string) => `tasks/pending/${name}`

const viewOfAdded = ({ id, priority, description }: AddedTask): TaskView => ({
  ...{ file: pending(`${id}.yaml`), id, status: 'pending', priority, description },
  ...{ createdAt: Date.now(), agentId: null, attempt: 0, outcome: null },
  ...{ needsReview: false, error: null, reason: null, stamp: null, learnt: null },
})

export function viewOf(entry: Entry, { why, last }: Pick<Picture, 'why' | 'last'>): TaskView {
  const { task, problem, state } = entry
  const run = last(entry)
  const held = why.held.get(entry)
  const place = problem?.line ? `line ${problem.line}, column ${problem.column}: ` : ''
  const settled = isSettled(state) && task && !held && !problem
  const sure = settled && !entry.edited && entry.goneSince === null && entry.learnt !== null
  const waits = state === 'pending' ? (why.waiting.get(entry) ?? (task ? null : SETTLING)) : null
  return {
    file: entry.file,
    id: entry.id,
    status: problem && state === 'pending' ? 'invalid' : held ? 'held' : state,
    priority: task?.priority ?? 'normal',
    description: task?.description ?? '',
    createdAt: task?.createdAt ?? entry.ctimeMs,
    agentId: run?.agent_id ?? null,
    attempt: run?.attempt ?? 0,
    outcome: run?.outcome ?? null,
    needsReview: run?.needs_review ?? false,
    error: run?.error ?? null,
    reason: problem ? `${place}${problem.message}` : (held ?? waits),
    stamp: sure ? entry.stamp : null,
    learnt: sure ? entry.learnt : null,
  }
}
