// Which agents suit a task, and which of them takes it (specification 5.1). Pure.
import type { Slot, Task } from '../types.ts'

/** Its preferred type where that is configured, any other but `shell` where it is not; `shell` only by name. */
export function suits(task: Task, type: string, types: ReadonlySet<string>): boolean {
  const wish = task.preferredAgent
  if (wish && (wish === 'shell' || types.has(wish))) return type === wish
  return type !== 'shell'
}

/** Least loaded, then the lower number; the one that failed last only where there is no other. */
export function choose(fit: Slot[], last?: string): Slot | undefined {
  const cost = (agent: Slot) => (agent.id === last ? Number.MAX_SAFE_INTEGER : agent.taskCount)
  return fit.sort((a, b) => cost(a) - cost(b) || (a.id < b.id ? -1 : 1))[0]
}
