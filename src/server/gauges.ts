// What Prometheus is told, by prom-client. Promises: gauges are counted by the index at the moment of the scrape; a run
// that ends is counted once; no label but from a bounded set.
import type { RunRecord } from '../types.ts'

/** What metrics need of the index. */
export interface Countable {
  counts(): { tasks: Record<string, number>; agents: Record<string, number> }
  /** Calls back once for each run that ends from now on; returns how to stop that. */
  onRunEnd(listener: (run: RunRecord) => void): () => void
}

/** s: from a shell command to an agent's longest day. */
const BUCKETS = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400]

export interface Gauges {
  type: string
  text(): Promise<string>
  close(): void
}

export async function createGauges(index: Countable): Promise<Gauges> {
  const { Counter, Gauge, Histogram, Registry } = await import('prom-client')
  const registry = new Registry()
  const registers = [registry]
  const gauge = (what: 'tasks' | 'agents', help: string) =>
    new Gauge({
      ...{ name: `orchestrate_${what}`, help, labelNames: ['state'], registers },
      collect() {
        for (const [state, n] of Object.entries(index.counts()[what])) this.set({ state }, n)
      },
    })
  gauge('tasks', 'Task files by state; held and invalid ones are not counted as pending.')
  gauge('agents', 'Agents by state.')
  const runs = new Counter({
    ...{ name: 'orchestrate_runs_total', help: 'Runs that have ended.', registers },
    labelNames: ['outcome', 'agent_type'],
  })
  const seconds = new Histogram({
    ...{ name: 'orchestrate_run_duration_seconds', help: 'How long runs took.', registers },
    ...{ labelNames: ['agent_type'], buckets: BUCKETS },
  })
  const tokens = new Counter({
    ...{ name: 'orchestrate_tokens_total', help: 'Tokens that agents told of.', registers },
    labelNames: ['agent_type'],
  })
  const usd = new Counter({
    ...{ name: 'orchestrate_cost_usd_total', help: 'US dollars that agents told of.', registers },
    labelNames: ['agent_type'],
  })
  const close = index.onRunEnd((run) => {
    const { agent_type, outcome = 'failed' } = run
    runs.inc({ outcome, agent_type })
    if (finite(run.duration_seconds)) seconds.observe({ agent_type }, run.duration_seconds)
    if (finite(run.tokens)) tokens.inc({ agent_type }, run.tokens)
    if (finite(run.cost_usd)) usd.inc({ agent_type }, run.cost_usd)
  })
  return { type: registry.contentType, text: () => registry.metrics(), close }
}

/** prom-client throws at less than nothing, and a listener must not. */
const finite = (n: number | undefined): n is number => Number.isFinite(n) && Number(n) >= 0
