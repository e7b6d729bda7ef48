// Two files of one id, or of one name but for case: which one counts (DESIGN 2). Pure.
import { type Entry, isSettled, type Plan, type State } from '../types.ts'

const FURTHER: Record<State, number> = { completed: 0, failed: 1, assigned: 2, pending: 3 }
const key = (entry: Entry) => entry.id.toLowerCase()

/** What it is called is sure: it was read; or it was settled then, and cannot be read now. */
const isKnown = ({ state, task, problem }: Entry) =>
  task || (isSettled(state) && (!problem || problem.passing))

/** The one further along wins, then the older; the others are put into `plan.held`. Returns the one that counts of each id. */
export function duplicates(
  entries: readonly Entry[],
  plan: Pick<Plan, 'held' | 'waiting'>,
): Map<string, Entry> {
  const order = [...entries].sort(
    (a, b) =>
      FURTHER[a.state] - FURTHER[b.state] || a.ctimeMs - b.ctimeMs || (a.file < b.file ? -1 : 1),
  )
  const ids = new Map<string, Entry>()
  const names = new Map<string, Entry>()
  for (const entry of order) {
    const [id, name] = [key(entry), entry.name.toLowerCase()]
    const other = (entry.task && ids.get(id)) ?? names.get(name)
    if (isKnown(entry) && !ids.has(id)) ids.set(id, entry)
    if (!names.has(name)) names.set(name, entry)
    if (!other) continue
    const same = key(other) === id ? 'id' : 'name'
    const how = isSettled(other.state)
      ? `rename this one, or \`orchestrate retry ${entry.id}\``
      : `change the ${same} of one, or remove it`
    // One that is gone may come back (an editor saves by renaming), so the other waits until that is settled.
    if (other.goneSince === null && entry.goneSince === null)
      plan.held.set(entry, `${other.file} has the same ${same}: ${how}`)
    else plan.waiting.set(entry, 'it was moved a moment ago')
  }
  // One that cannot be read counts where no other does.
  for (const entry of order) if (!ids.has(key(entry))) ids.set(key(entry), entry)
  return ids
}
