// The last look before a claim: is someone still writing the file, is its context there?
import type { TaskQueue } from '../core/queue.ts'
import type { ContextPort, Entry, Note, Plan, Processes } from '../types.ts'

export interface VetParts {
  queue: TaskQueue
  pending: string
  processes: Processes
  context: ContextPort
  /** A context file is missing, and the task runs without. */
  remark: (entry: Entry, text: string) => void
}

/** How often a plan is made again in one look; the tasks that are left come in the next. */
const VETS = 20

/** A plan of which every claim may be made now; what stands against the others is in `notes`, and so in the plan's reasons. */
export async function vetted(
  make: () => Plan,
  notes: Map<Entry, Note>,
  parts: VetParts,
): Promise<Plan> {
  let plan = make()
  for (let n = 0; n < VETS && (await vet(plan, notes, parts)); n++) plan = make()
  return plan
}

/** Adds to `notes` what stands against a claim of the plan; `true`: something does. */
async function vet(plan: Plan, notes: Map<Entry, Note>, parts: VetParts): Promise<boolean> {
  const { queue, pending, processes, context, remark } = parts
  const dropped = plan.assign.flatMap(({ entry }) => (entry.ours ? [] : [entry.path]))
  const written = dropped.length ? processes.writers(dropped) : new Set()
  const names = queue.names.get('pending') ?? new Set<string>()
  let found = false
  for (const { entry, task } of plan.assign) {
    const editor = entry.ours ? null : processes.editor(pending, entry.name, names)
    const files = task.contextFiles.length
      ? await context.check(task)
      : { missing: [], outside: [] }
    const lacks = files.missing.join(', ')
    const add = (more: Note) => {
      notes.set(entry, { ...notes.get(entry), ...more })
      found = true
    }
    if (files.outside.length)
      add({ held: `${files.outside.join(', ')} in \`context_files\` is outside the workspace` })
    else if (lacks && task.contextRequired)
      add({ wait: `it waits for ${lacks} (\`context_required\`)`, open: true })
    else if (editor) add({ wait: `it is open in ${editor}`, open: true })
    else if (written.has(entry.path))
      add({ wait: 'a program still has it open for writing', open: true })
    else if (lacks) remark(entry, `${lacks} in \`context_files\` is missing; it runs without`)
  }
  return found
}
