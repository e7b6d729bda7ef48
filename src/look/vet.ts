// The last look before a claim: is someone still writing the file, is its context there?
// Promises: nothing is claimed that was not looked at; what is in the way of one task is in the way of no other.
import type { TaskQueue } from '../core/queue.ts'
import type { ContextPort, Entry, Note, Plan, Processes, Task } from '../types.ts'

export interface VetParts {
  queue: TaskQueue
  pending: string
  processes: Processes
  context: ContextPort
  /** A context file is missing, and the task runs without. */
  remark: (entry: Entry, text: string) => void
}

type Candidate = Pick<Plan['assign'][number], 'entry' | 'task'>

/** A plan of which every claim may be made now; what stands against the others is in `notes`, and so in the plan's reasons. */
export async function vetted(
  make: () => Plan,
  notes: Map<Entry, Note>,
  parts: VetParts,
): Promise<Plan> {
  const plan = make()
  if (!(await vet(plan.assign, notes, parts))) return plan
  // Something is in the way of one. All the others at once, for who takes its place may be no better off.
  await vet(waiting(parts.queue, notes), notes, parts)
  return make()
}

const waiting = (queue: TaskQueue, notes: ReadonlyMap<Entry, Note>): Candidate[] =>
  [...queue.entries.values()].flatMap((entry) => {
    const { held, wait } = notes.get(entry) ?? {}
    const free = entry.state === 'pending' && held === undefined && wait === undefined
    return free && entry.task ? { entry, task: entry.task } : []
  })

/** Adds to `notes` what stands against a claim; `true`: something does. */
async function vet(
  candidates: readonly Candidate[],
  notes: Map<Entry, Note>,
  parts: VetParts,
): Promise<boolean> {
  const { queue, pending, processes, context, remark } = parts
  const dropped = candidates.flatMap(({ entry }) => (entry.ours ? [] : [entry.path]))
  const written = dropped.length ? processes.writers(dropped) : new Set()
  const names = queue.names.get('pending') ?? new Set<string>()
  let found = false
  for (const { entry, task } of candidates) {
    const editor = entry.ours ? null : processes.editor(pending, entry.name, names)
    const { outside, lacks } = await contextOf(task, context)
    const add = (more: Note) => {
      notes.set(entry, { ...notes.get(entry), ...more })
      found = true
    }
    if (outside) add({ held: `${outside} in \`context_files\` is outside the workspace` })
    else if (lacks && task.contextRequired)
      add({ wait: `it waits for ${lacks} (\`context_required\`)`, open: true })
    else if (editor) add({ wait: `it is open in ${editor}`, open: true })
    else if (written.has(entry.path))
      add({ wait: 'a program still has it open for writing', open: true })
    else if (lacks) remark(entry, `${lacks} in \`context_files\` is missing; it runs without`)
  }
  return found
}

async function contextOf(task: Task, context: ContextPort) {
  if (task.contextFiles.length === 0) return { outside: '', lacks: '' }
  const { outside, missing } = await context.check(task)
  return { outside: outside.join(', '), lacks: missing.join(', ') }
}
