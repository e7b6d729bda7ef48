// Our records (specification 4.2, 4.3): flat YAML that we alone write, so that reading one back needs no YAML parser.
import type { Findings, Outcome, ResultRecord, RunRecord, RunStatus } from '../types.ts'

const HEADER = '# written by orchestrate; derived from the run folder, may be written again\n'
const LINE = /^(\w+): (.*)$/

/** Keys in order; scalars as JSON (which is YAML), lists as blocks. Undefined keys are left out. */
export function formatRecord(record: object): string {
  const lines = Object.entries(record).flatMap(([key, value]) => {
    if (value === undefined) return []
    if (!Array.isArray(value) || value.length === 0) return `${key}: ${bare(value)}`
    return [`${key}:`, ...value.map((item) => `  - ${JSON.stringify(item)}`)]
  })
  return `${HEADER}${lines.join('\n')}\n`
}

const bare = (value: unknown): string =>
  typeof value === 'string' &&
  /^[a-z_][a-z0-9_/.-]*$/i.test(value) &&
  !/^(null|true|false|y|n|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value)

/** null when it is not one of ours, or was edited beyond reading. */
export function readRecord<T extends object>(text: string): T | null {
  if (!text.startsWith('# written by orchestrate')) return null
  const record: Record<string, unknown> = {}
  let list: unknown[] = []
  try {
    for (const line of text.split('\n')) {
      if (line.startsWith('  - ')) list.push(JSON.parse(line.slice(4)))
      else if (line.endsWith(':')) record[line.slice(0, -1)] = list = []
      const match = LINE.exec(line)
      if (match?.[1])
        record[match[1]] = /^["[{\d-]|^(null|true|false)$/.test(match[2] ?? '')
          ? JSON.parse(match[2] ?? '')
          : match[2]
    }
    return record as T
  } catch {
    return null // a person edited it; the run folder still knows
  }
}

export const isRecord = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(0, 24)).toString() === HEADER.slice(0, 24)

const STATUS: Partial<Record<Outcome, RunStatus>> = {
  success: 'success',
  timeout: 'timeout',
  stalled: 'timeout',
  cancelled: 'cancelled',
}

/** The record of specification 4.3, from run.json alone. */
export function resultOf(run: RunRecord): ResultRecord {
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
    ...(run.evidence && { evidence: run.evidence }),
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

/**
 * What an agent's own events told of the run. @param cumulative its tokens are those of the whole session. Some CLIs begin a new
 * session where the one to go on with is gone, and say nothing of it.
 */
export function toldBy(said: Findings, run: RunRecord, cumulative = false): Partial<RunRecord> {
  const anew = run.resumed && said.sessionId && said.sessionId !== run.session_id
  const before = cumulative && !anew ? (run.tokens_before ?? 0) : 0
  return {
    ...(said.sessionId && { session_id: said.sessionId }),
    ...(anew && { resumed: false }),
    ...(said.model && { model: said.model }),
    ...(said.tokens !== undefined && { tokens: Math.max(0, said.tokens - before) }),
    ...(said.costUsd !== undefined && { cost_usd: said.costUsd }),
  }
}
