// The finer word for a run's end: what the agent's own channel says, over what the table makes of its exit status.
// Promises: as the core does at its end of a run. A run that we ended for waiting too long ended as what it waited for.
import type * as T from '../../src/types.ts'

export function judged(
  kind: T.AgentKind,
  action: { outcome: T.Outcome; error?: string },
  sight: T.RunSight,
  stderr: string,
  findings: T.Findings,
) {
  const said = sight.endEvent?.ok === false ? sight.endEvent : undefined
  const open = ['failed', 'no-result', 'crashed'].includes(action.outcome)
  const told = open ? (said ?? kind.explain(sight.exit, stderr)) : undefined
  const waits = action.outcome === 'timeout' ? waited(kind, sight, stderr, findings) : undefined
  const verdict = told ?? waits ?? sight.endEvent
  return {
    outcome: told?.outcome ?? waits?.outcome ?? action.outcome,
    error: told?.error ?? waits?.error ?? action.error ?? '',
    evidence: verdict?.evidence ?? '',
    resetsAt: verdict?.resetsAt,
  }
}

/** Its events say so, or its stderr of a limit; of another kind of trouble it may say anything there. */
function waited(kind: T.AgentKind, sight: T.RunSight, stderr: string, findings: T.Findings) {
  const told = findings.waits ?? kind.explain(sight.exit, stderr)
  return findings.waits || told?.outcome === 'limited' ? told : undefined
}
