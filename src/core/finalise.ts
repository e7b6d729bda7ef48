// The end of a run, in the order that survives a crash anywhere: sweep, run.json, output and context, record, move.
// Each step may be done again by the next look; the move comes last, and nothing but the move makes the task done.
import { resultOf, toldBy } from '../files/record.ts'
import { history, writeRun } from '../files/run-folder.ts'
import { GONE, type TaskDistributor } from '../look/agents.ts'
import { createConflicts, filesOf } from '../look/conflicts.ts'
import type { Memory } from '../look/memory.ts'
import type { Parts } from '../look/parts.ts'
import type { createTell } from '../look/tell.ts'
import type * as T from '../types.ts'
import type { Entry, Outcome, RunRecord } from '../types.ts'
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
}

export function finaliser(hands: Hands) {
  const { workspace: at, processes, context, show, queue } = hands
  const { agents, active, memory, event, current } = hands
  const meet = createConflicts()

  /** Time-out: the task's, then the agent's, then the queue's (DESIGN 2). */
  function rules(run: AgentProcess, task: T.Task | null): T.Rules {
    const own = task?.timeoutMinutes
    const { timeoutMs, maxOutputMb } = current().agents[run.agentType] ?? GONE
    return {
      deadlineMs: own ? own * 60_000 : (timeoutMs ?? current().queue.timeoutMs),
      maxOutputMb,
      hasEndEvent: hands.kind(run.agentType).hasEndEvent,
    }
  }

  async function finish(
    run: AgentProcess,
    sight: T.RunSight,
    entry: Entry | null,
    outcome: Outcome,
    error?: string,
  ): Promise<void> {
    const begun = run.record as RunRecord
    await processes.sweep(begun.nonce, run.pid)
    const blame = outcome !== 'success' && outcome !== 'cancelled' && begun.agent_type !== 'shell'
    if (!begun.outcome) {
      await run.save(await ending(run, sight, entry, outcome, error))
      agents.release(run.agentId, begun.task_id, blame) // not before its end is on the disk
    }
    const record = run.record as RunRecord
    const state = record.settled
    show.run(record)
    if (state === 'completed' || state === 'failed') {
      const result = resultOf(record)
      if (entry?.task)
        await run.save({
          output_file: await context.finish({
            task: entry.task,
            record: result,
            text: run.findings().text,
          }),
        })
      const whole = {
        ...result,
        ...(run.record?.output_file && { output_file: run.record.output_file }),
      }
      if (entry?.state === 'assigned') await queue.finish(entry, state, whole)
      else await queue.records.result(state, record.task_id, whole)
      await conflicts(run.record as RunRecord)
    } else if (entry?.state === 'assigned') await queue.place(entry, 'pending')
    await queue.records.unassign(record.task_id)
    const then = state === 'pending' && outcome !== 'cancelled' ? '; it goes back to pending' : ''
    const needs = record.needs_review ? '; it needs a person' : ''
    event(
      then ? 'retry' : 'end',
      `attempt ${record.attempt}: ${outcome}${record.error ? ` (${record.error})` : ''}${then}${needs}`,
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
    outcome: Outcome,
    error?: string,
  ): Promise<Partial<RunRecord>> {
    const record = run.record as RunRecord
    const past = (await history(at.runs, record.task_id)).filter(
      (one) => one.attempt < record.attempt,
    )
    const own = current().agents[record.agent_type]
    const limits = {
      maxRetries: entry?.task?.maxRetries ?? current().queue.maxRetries,
      // To fill the disk a second time helps nobody.
      retryOnFailure: (own?.retryOnFailure ?? true) && record.stopping !== 'output',
      onInterrupt: current().queue.onInterrupt,
    }
    const to: T.Settling | null = entry?.state === 'assigned' ? settle(outcome, past, limits) : null
    const said = run.findings()
    const mute = !said.ended && !record.stopping && ['failed', 'no-result'].includes(outcome)
    const why = mute
      ? (hands.kind(record.agent_type).explain(sight.exit, await run.stderrTail()) ?? error)
      : error
    const where = to?.state ?? entry?.state
    const took = sight.ageMs || Math.max(0, Date.now() - Date.parse(record.assigned_at))
    return {
      ended_at: new Date().toISOString(),
      outcome,
      ...(why && { error: why.slice(0, 2000) }),
      ...(where && { settled: where }),
      exit_code: sight.exit,
      duration_seconds: Math.round(took / 100) / 10,
      files_modified: await filesOf(record, said.files, at.root, context),
      needs_review: to?.needsReview ?? false,
      retry_count: to?.retryCount ?? 0,
      ...toldBy(said),
    }
  }

  /** Both wait for a person, and stay completed. */
  async function conflicts(mine: RunRecord): Promise<void> {
    const begun = [...active.values()].map((run) => Date.parse(run.record?.assigned_at ?? '') || 0)
    for (const { run, error } of meet(mine, Math.min(...begun))) {
      Object.assign(run, { needs_review: true, error })
      await writeRun(at.runs, run)
      const entry = queue.find(run.task_id, ['completed'])
      if (entry) await queue.records.result('completed', run.task_id, resultOf(run))
      if (entry) memory.set(entry, run)
      event('end', error, run.task_id, run.agent_id, 'warn')
    }
  }

  return { rules, finish }
}
