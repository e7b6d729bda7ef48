// From the core's picture to rows: what a person is shown of each task. It puts only the rows that changed.
import type { AddedTask, AgentView, Entry, Log, Mirror, Picture, Show, TaskView } from '../types.ts'

const SETTLING = 'it was changed a moment ago'

/** @param log hears of each held and invalid file once. */
export function createShow(mirror: Mirror, log: Log): Show {
  const rows = new Map<string, string>()
  const agents = new Map<string, string>()
  const told = new Map<string, string>()
  /** Added, and in no picture yet. The next one may be of a look that came too early to see it: it may do without. */
  const fresh = new Set<string>()

  function tell(view: TaskView): void {
    const text =
      view.status === 'held' || view.status === 'invalid' ? `${view.file}: ${view.reason}` : ''
    if (text && told.get(view.file) !== text) {
      log('warn', text)
      mirror.event({
        at: Date.now(),
        kind: view.status === 'held' ? 'held' : 'invalid',
        taskId: view.id,
        agentId: null,
        text,
      })
    }
    told.set(view.file, text)
  }

  return {
    added(task) {
      const view = viewOfAdded(task)
      fresh.add(view.file)
      rows.set(view.file, JSON.stringify(view))
      mirror.putTask(view)
    },
    picture(picture) {
      for (const entry of picture.entries.values()) {
        fresh.delete(entry.file)
        const view = viewOf(entry, picture)
        const row = JSON.stringify(view)
        if (rows.get(entry.file) === row) continue
        rows.set(entry.file, row)
        mirror.putTask(view)
        tell(view)
      }
      for (const file of rows.keys()) {
        if (picture.entries.has(file) || fresh.delete(file)) continue
        rows.delete(file)
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

const pending = (name: string) => `tasks/pending/${name}`

const viewOfAdded = ({ id, priority, description }: AddedTask): TaskView => ({
  ...{ file: pending(`${id}.yaml`), id, status: 'pending', priority, description },
  ...{ createdAt: Date.now(), agentId: null, attempt: 0, outcome: null },
  ...{ needsReview: false, error: null, reason: null },
})

export function viewOf(entry: Entry, { plan, last }: Pick<Picture, 'plan' | 'last'>): TaskView {
  const { task, problem, state } = entry
  const run = last(entry)
  const held = plan.held.get(entry)
  const place = problem?.line ? `line ${problem.line}, column ${problem.column}: ` : ''
  const waits = state === 'pending' ? (plan.waiting.get(entry) ?? (task ? null : SETTLING)) : null
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
  }
}
