// The end of a run, in the order that survives a crash anywhere: sweep, run.json, output and context, record, move.
// Each step may be done again by the next look; the move comes last, and nothing but the move makes the task done.
import { resultOf, toldBy } from '../files/record.ts'
import { history } from '../files/run-folder.ts'
import { GONE, type TaskDistributor } from '../look/agents.ts'
import { createConflicts, filesOf } from '../look/conflicts.ts'
import type { Memory } from '../look/memory.ts'
import type { Parts } from '../look/parts.ts'
import type { createPurse } from '../look/purse.ts'
import type { createTell } from '../look/tell.ts'
import { finer, limitOver } from '../look/verdict.ts'
import type * as T from '../types.ts'
import type { Ending, Entry, RunRecord } from '../types.ts'
import { settle } from './decide.ts'
import type { TaskQueue } from './queue.ts'
import type { AgentProcess } from './run.ts'

interface Hands extends Parts {
  queue: TaskQueue
  agents: TaskDistributor
  active: ReadonlyMap<string, AgentProcess>
  event: ReturnType<typeof createTell>['event']
  current: () => T.Settings
  memory: Memory
  purse: ReturnType<typeof createPurse>
}

export function finaliser(hands: Hands) {
  const { workspace: at, processes, context, show, queue } = hands
  const { agents, active, event, current } = hands
  const conflicts = createConflicts({ ...hands, runs: at.runs })

  /** Time-out: the task's, then the agent's, then the queue's (DESIGN 2). */
  function rules(run: AgentProcess, task: T.Task | null): T.Rules {
    const own = task?.timeoutMinutes
    const { timeoutMs, maxOutputMb, stallMs } = current().agents[run.agentType] ?? GONE
    return {
      deadlineMs: own ? own * 60_000 : (timeoutMs ?? current().queue.timeoutMs),
      ...{ maxOutputMb, stallMs },
      hasEndEvent: hands.kind(run.agentType).hasEndEvent,
    }
  }

  async function finish(
    run: AgentProcess,
    sight: T.RunSight,
    entry: Entry | null,
    end: Ending,
  ): Promise<void> {
    const begun = run.record as RunRecord
    await processes.sweep(begun.nonce, run.pid)
    if (!begun.outcome) {
      await run.save(await ending(run, sight, entry, end))
      agents.ended(run.record as RunRecord) // not before its end is on the disk
      hands.purse.count(run.record as RunRecord)
    }
    const record = run.record as RunRecord
    const { outcome, settled: state } = record
    show.run(record)
    if (state === 'completed' || state === 'failed') {
      const result = resultOf(record)
      if (entry?.task)
        await context.finish({ task: entry.task, record: result, text: run.findings().text })
      if (entry?.state === 'assigned') await queue.finish(entry, state, result)
      else await queue.records.result(state, record.task_id, result)
      await conflicts({ ...record }, active.values())
    } else if (entry?.state === 'assigned') await queue.place(entry, 'pending')
    await queue.records.unassign(record.task_id)
    const then = state === 'pending' && outcome !== 'cancelled' ? '; it goes back to pending' : ''
    const needs = record.needs_review ? '; it needs a person' : ''
    const why = record.error ? ` (${record.error})` : ''
    const anew = record.resumed === false ? '; its session was gone, it began afresh' : ''
    event(
      then ? 'retry' : 'end',
      `attempt ${record.attempt}: ${outcome}${why}${anew}${then}${needs}`,
      record.task_id,
      run.agentId,
      outcome === 'success' ? 'info' : 'warn',
    )
  }

  /** What run.json says of the end. */
  async function ending(
    run: AgentProcess,
    sight: T.RunSight,
    entry: Entry | null,
    judged: Ending,
  ): Promise<Partial<RunRecord>> {
    const record = run.record as RunRecord
    const past = (await history(at.runs, record.task_id)).filter(
      (one) => one.attempt < record.attempt,
    )
    const own = current().agents[record.agent_type] ?? GONE
    const kind = hands.kind(record.agent_type)
    const said = run.findings()
    const mute = !said.ended?.outcome && judged.outcome !== 'success'
    const end = finer(
      judged,
      said,
      mute && kind.explain(sight.exit, await run.stderrTail(), run.saidAt),
    )
    const limits = {
      maxRetries: entry?.task?.maxRetries ?? current().queue.maxRetries,
      // To fill the disk a second time helps nobody.
      retryOnFailure: own.retryOnFailure && record.stopping !== 'output',
      onInterrupt: current().queue.onInterrupt,
      onLimit: entry?.task?.onLimit ?? own.onLimit,
    }
    const to = entry?.state === 'assigned' ? settle(end.outcome, past, limits) : null
    const where = to?.state ?? entry?.state
    const took = sight.ageMs || Math.max(0, Date.now() - Date.parse(record.assigned_at))
    const resets = end.outcome === 'limited' && limitOver(end.resetsAt, past, Date.now())
    return {
      ended_at: new Date().toISOString(),
      outcome: end.outcome,
      ...(end.error && { error: end.error.slice(0, 2000) }),
      ...(end.evidence && { evidence: end.evidence.slice(0, 500) }),
      ...(resets && { resets_at: new Date(resets).toISOString() }),
      ...(where && { settled: where }),
      // Before it is written: one flush less.
      ...(entry?.task && where !== 'pending' && { output_file: context.output(record.task_id) }),
      exit_code: sight.exit,
      duration_seconds: Math.round(took / 100) / 10,
      files_modified: await filesOf(record, said.files, at.root, context),
      needs_review: to?.needsReview ?? false,
      retry_count: to?.retryCount ?? 0,
      ...toldBy(said, record, kind.cumulative),
    }
  }

  return { rules, finish }
}
