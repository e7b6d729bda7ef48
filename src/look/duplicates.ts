// Two files of one id, or of one name but for case: which one counts (DESIGN 2). Pure.
import type { Entry, Plan, State } from '../types.ts'

const FURTHER: State[] = ['completed', 'failed', 'assigned', 'pending']
const key = (entry: Entry) => entry.id.toLowerCase()

/** The one further along wins, then the older; the others are put into `plan.held`. */
export function duplicates(entries: readonly Entry[], plan: Plan): void {
  const order = [...entries].sort(
    (a, b) => FURTHER.indexOf(a.state) - FURTHER.indexOf(b.state) || a.ctimeMs - b.ctimeMs,
  )
  const ids = new Map<string, Entry>()
  const names = new Map<string, Entry>()
  for (const entry of order) {
    const other = (entry.task && ids.get(key(entry))) ?? names.get(entry.name.toLowerCase())
    const same = other && key(other) === key(entry) ? 'id' : 'name'
    const over = other?.state === 'completed' || other?.state === 'failed'
    const how = over
      ? `rename this one, or \`orchestrate retry ${entry.id}\``
      : `change the ${same} of one, or remove it`
    // One that is gone may come back (an editor saves by renaming), so the other waits until that is settled.
    if (other?.goneSince === null && entry.goneSince === null)
      plan.held.set(entry, `${other.file} has the same ${same}: ${how}`)
    else if (other) plan.waiting.set(entry, 'it was moved a moment ago')
    if (entry.task && !ids.has(key(entry))) ids.set(key(entry), entry)
    if (!names.has(entry.name.toLowerCase())) names.set(entry.name.toLowerCase(), entry)
  }
}
