// The last look before a claim: is someone still writing the file, is its context there?
// Promises: nothing is claimed that was not looked at; what is in the way of one task is in the way of no other.
import type { TaskQueue } from '../core/queue.ts'
import type { ContextPort, Entry, Note, Plan, Processes, Task } from '../types.ts'
import type { Standing } from './standing.ts'

export interface VetParts {
  queue: TaskQueue
  pending: string
  processes: Processes
  context: ContextPort
  /** A context file is missing, and the task runs without. */
  remark: (entry: Entry, text: string) => void
}

type Candidate = Pick<Plan['assign'][number], 'entry' | 'task'>

/** So many more of each line are looked at where something is in the way of one: who takes its place may be no better off. */
const MORE = 64

/**
 * A plan of which every claim may be made now; what stands against the others is in `notes`, and so in the plan's reasons.
 * @param note what is known of a waiting task. @param heads of each line, as many as there are agents free.
 */
export async function vetted(
  standing: Standing,
  note: (entry: Entry) => Note,
  make: (part: readonly Entry[], notes: ReadonlyMap<Entry, Note>) => Plan,
  { heads, ...parts }: VetParts & { heads: number },
): Promise<{ part: readonly Entry[]; plan: Plan; notes: ReadonlyMap<Entry, Note> }> {
  const noted = (part: readonly Entry[]) =>
    new Map(part.flatMap((one) => (one.state === 'pending' ? [[one, note(one)] as const] : [])))
  const part = standing.part(Math.max(heads, 1))
  const notes = noted(part)
  const plan = make(part, notes)
  if (!(await vet(plan.assign, notes, parts))) return { part, plan, notes }
  for (let more = heads + MORE; ; more *= 4) {
    const beyond = standing.part(more * 4).length
    const part = standing.part(more)
    const notes = noted(part)
    await vet(free(part, notes), notes, parts)
    const plan = make(part, notes)
    if (part.length === beyond || plan.assign.length >= heads) return { part, plan, notes }
  }
}

const free = (part: readonly Entry[], notes: ReadonlyMap<Entry, Note>): Candidate[] =>
  part.flatMap((entry) => {
    const { held, wait } = notes.get(entry) ?? {}
    const may = entry.state === 'pending' && held === undefined && wait === undefined
    return may && entry.task ? { entry, task: entry.task } : []
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
    // A link leads there: no event tells when that is put right.
    if (outside)
      add({ open: true, held: `${outside} in \`context_files\` is outside the workspace` })
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
