// The end of a run, in the order that survives a crash anywhere: sweep, run.json, output and context, record, move.
// Each step may be done again by the next look; the move comes last, and nothing but the move makes the task done.
import { isAbsolute, relative, resolve } from 'node:path'
import { type Rules, type RunSight, type Settling, settle } from './decide.ts'
import type { TaskDistributor } from './distribute.ts'
import type { Parts } from './orchestrator.ts'
import type { Entry, TaskQueue } from './queue.ts'
import { type AgentProcess, history, writeRun } from './run.ts'
import type {
  EventView,
  Outcome,
  ResultRecord,
  RunRecord,
  RunStatus,
  Settings,
  Task,
} from './types.ts'

interface Hands extends Parts {
  queue: TaskQueue
  agents: TaskDistributor
  active: ReadonlyMap<string, AgentProcess>
  event: (
    kind: EventView['kind'],
    text: string,
    taskId: string | null,
    agentId: string | null,
    level?: Settings['logLevel'],
  ) => void
  current: () => Settings
  /** A settled task's record was written again. */
  touched: (entry: Entry, record: RunRecord) => void
}

export function finaliser(hands: Hands) {
  const { workspace: at, processes, context, mirror, queue, agents, active, event, current } = hands
  /** Ended runs that overlapped one that may still be running: two that report one path are in conflict. */
  let recent: RunRecord[] = []

  /** Time-out: the task's, then the agent's, then the queue's (DESIGN 2). */
  function rules(run: AgentProcess, task: Task | null): Rules {
    const own = task?.timeoutMinutes
    const agent = current().agents[run.agentType]?.timeoutMs
    return {
      deadlineMs: own ? own * 60_000 : (agent ?? current().queue.timeoutMs),
      hasEndEvent: hands.kind(run.agentType).hasEndEvent,
    }
  }

  async function finish(
    run: AgentProcess,
    sight: RunSight,
    entry: Entry | null,
    outcome: Outcome,
    error?: string,
  ): Promise<void> {
    const begun = run.record as RunRecord
    await processes.sweep(begun.nonce, run.pid)
    const blame = outcome !== 'success' && outcome !== 'cancelled' && begun.agent_type !== 'shell'
    agents.release(run.agentId, blame)
    if (!begun.outcome) await run.save(await ending(run, sight, entry, outcome, error))
    const record = run.record as RunRecord
    const state = record.settled
    mirror.putRun(record)
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
      else await queue.writeResult(state, record.task_id, whole)
      await conflicts(run.record as RunRecord)
    } else if (entry?.state === 'assigned') await queue.place(entry, 'pending')
    await queue.dropAssignment(record.task_id)
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
    sight: RunSight,
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
      retryOnFailure: own?.retryOnFailure ?? true,
      onInterrupt: current().queue.onInterrupt,
    }
    const to: Settling | null = entry?.state === 'assigned' ? settle(outcome, past, limits) : null
    const said = run.findings()
    const mute = (outcome === 'failed' || outcome === 'no-result') && !said.ended
    const why = mute
      ? (hands.kind(record.agent_type).explain(sight.exit, await run.stderrTail()) ?? error)
      : error
    const where = to?.state ?? entry?.state
    return {
      ended_at: new Date().toISOString(),
      outcome,
      ...(why && { error: why.slice(0, 2000) }),
      ...(where && { settled: where }),
      exit_code: sight.exit,
      duration_seconds: Math.round((Date.now() - Date.parse(record.assigned_at)) / 100) / 10,
      files_modified: await filesOf(record, said.files),
      needs_review: to?.needsReview ?? false,
      retry_count: to?.retryCount ?? 0,
      ...(said.sessionId && { session_id: said.sessionId }),
      ...(said.model && { model: said.model }),
      ...(said.tokens !== undefined && { tokens: said.tokens }),
      ...(said.costUsd !== undefined && { cost_usd: said.costUsd }),
    }
  }

  /** From the agent's own events; from git only for a run that overlapped no other (DESIGN 2). */
  async function filesOf(record: RunRecord, said: string[] | null): Promise<string[] | 'unknown'> {
    if (!said)
      return record.overlapped
        ? 'unknown'
        : ((await context.changedSince(Date.parse(record.assigned_at))) ?? 'unknown')
    const inside = said
      .map((path) => relative(at.root, resolve(at.root, path)))
      .filter((path) => path !== '' && !path.startsWith('..') && !isAbsolute(path))
    return [...new Set(inside)].sort()
  }

  /** Two overlapping runs that report one path: both wait for a person, and stay completed. */
  async function conflicts(record: RunRecord): Promise<void> {
    const oldest = Math.min(
      ...[...active.values()].map((run) => Date.parse(run.record?.assigned_at ?? '') || 0),
    )
    recent = recent.filter((other) => Date.parse(other.ended_at ?? '') > oldest)
    if (record.outcome !== 'success' || !Array.isArray(record.files_modified)) return
    for (const other of recent) {
      const shared = (other.files_modified as string[]).filter((path) =>
        record.files_modified?.includes(path),
      )
      if (
        other.task_id === record.task_id ||
        !shared.length ||
        (other.ended_at ?? '') < record.assigned_at
      )
        continue
      for (const [one, by] of [
        [record, other],
        [other, record],
      ] as const) {
        Object.assign(one, {
          needs_review: true,
          error: `${shared.join(', ')} was also changed by ${by.task_id}, which ran at the same time`,
        })
        await writeRun(at.runs, one)
        mirror.putRun(one)
        const entry = queue.find(one.task_id, ['completed'])
        if (!entry) continue
        await queue.writeResult('completed', one.task_id, resultOf(one))
        hands.touched(entry, one)
      }
      event(
        'end',
        `conflict: ${shared.join(', ')} was changed by ${other.task_id} and ${record.task_id} at the same time`,
        record.task_id,
        null,
        'warn',
      )
    }
    recent.push(record)
  }

  return { rules, finish }
}

const STATUS: Partial<Record<Outcome, RunStatus>> = {
  success: 'success',
  timeout: 'timeout',
  cancelled: 'cancelled',
}

/** The record of specification 4.3, from run.json alone. */
function resultOf(run: RunRecord): ResultRecord {
  const outcome = run.outcome ?? 'interrupted'
  return {
    ...{
      task_id: run.task_id,
      agent_id: run.agent_id,
      agent_type: run.agent_type,
      status: STATUS[outcome] ?? 'failed',
    },
    ...{
      assigned_at: run.assigned_at,
      completed_at: run.ended_at ?? run.assigned_at,
      attempt: run.attempt,
    },
    ...(run.output_file && { output_file: run.output_file }),
    ...{ files_modified: run.files_modified ?? 'unknown', outcome },
    ...(run.error && { error: run.error }),
    ...(run.needs_review && { needs_review: true }),
    ...(run.retry_count && { retry_count: run.retry_count }),
    ...(run.session_id && { session_id: run.session_id }),
    ...(run.tokens !== undefined && { tokens: run.tokens }),
    ...(run.cost_usd !== undefined && { cost_usd: run.cost_usd }),
    ...(run.model && { model: run.model }),
    ...(run.duration_seconds !== undefined && { duration_seconds: run.duration_seconds }),
    run: `.orchestrate/runs/${run.task_id}/${run.attempt}`,
  }
}
