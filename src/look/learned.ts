// Which type did such work best (specification 9.1.3). Pure.
import type { Profile, Slot, Task } from '../types.ts'

interface Rated {
  type: string
  /** 0 to 1; an unknown type has an even chance, so that it is tried, too. */
  rate: number
  cost: number
  words: string
}

/** How each type of these agents did work of the task's labels; where it has none, all work counts. */
function rated(task: Task, agents: readonly Slot[], profiles: readonly Profile[]): Rated[] {
  const labels = task.labels.length ? task.labels : ['']
  const of = task.labels.length ? ` labelled ${task.labels.join(', ')}` : ''
  return [...new Set(agents.map(({ type }) => type))].map((type) => {
    const own = profiles.filter((one) => one.agent_type === type && labels.includes(one.label))
    const total = (key: 'runs' | 'succeeded') => own.reduce((sum, one) => sum + one[key], 0)
    const [runs, good] = [total('runs'), total('succeeded')]
    const costs = own.flatMap(({ cost_usd, tokens }) => cost_usd ?? (tokens ?? 0) / 1e6)
    return {
      type,
      rate: (good + 1) / (runs + 2),
      cost: costs.length ? costs.reduce((sum, one) => sum + one, 0) / costs.length : 0,
      words: runs ? `${good} of ${runs} runs${of} went well` : `it has no runs${of} yet`,
    }
  })
}

/** Of the free ones, those of the best type; the cheaper where two are alike. */
export function best(
  task: Task,
  free: Slot[],
  profiles: readonly Profile[],
): { agents: Slot[]; chosen?: string } {
  const types = rated(task, free, profiles).sort((a, b) => b.rate - a.rate || a.cost - b.cost)
  const [first] = types
  if (!first || types.length < 2 || task.preferredAgent) return { agents: free }
  const agents = free.filter(({ type }) => type === first.type)
  return { agents, chosen: `${first.type}: ${first.words}` }
}
