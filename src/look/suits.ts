// Which agents suit a task, and which of them takes it (specification 5.1). Pure.
import type { Note, Slot, Task } from '../types.ts'

/**
 * Those of its preferred type where that is configured, any other but `shell` where it is not; `shell` only by name. A session is
 * gone on with by its own type; at a limit a task may switch to others.
 */
export function suits(task: Task, agents: readonly Slot[], note: Note = {}): Slot[] {
  const of = (type: string) => agents.filter((agent) => agent.type === type)
  const wish = (note.stick && of(note.stick).length && note.stick) || task.preferredAgent
  if (wish === 'shell') return of('shell')
  const any = agents.filter(({ type }) => type !== 'shell')
  const mine = wish ? of(wish) : []
  const limited = mine.every(({ state }) => state === 'limited')
  const others = any.some(({ type }) => type !== wish)
  return mine.length && !(note.switches && limited && others) ? mine : any
}

/** Least loaded, then the lower number; the one that failed last only where there is no other. */
export function choose(fit: Slot[], last?: string): Slot | undefined {
  const cost = (agent: Slot) => (agent.id === last ? Number.MAX_SAFE_INTEGER : agent.taskCount)
  return fit.sort((a, b) => cost(a) - cost(b) || (a.id < b.id ? -1 : 1))[0]
}
