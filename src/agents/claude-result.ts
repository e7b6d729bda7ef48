// Claude's end (AGENTS 2.1): what its result event, and the error lines before it, say of how it went and what it used.
// Promises: a verdict from typed fields first; texts only where claude itself wrote them, never what its model said.
import type { Verdict } from '../types.ts'
import * as event from './events.ts'
import { fromEpoch, fromText } from './resets.ts'
import { type Advice, type Cause, failure, ofStatus, read, type Sign } from './verdict.ts'

export const LOGIN =
  'run `claude` once and log in, or set ANTHROPIC_API_KEY in its environment (`agents.claude.env`)'
export const ADVICE: Advice = {
  unauthenticated: LOGIN,
  misconfigured: 'see agents.claude.command in config.yaml',
  denied: 'allow it in the settings or the permission flags of agents.claude.command',
}

/** The `error` of `api_retry` and of assistant lines that are no answers. */
const ERRORS: Record<string, Cause> = {
  rate_limit: 'limited',
  overloaded: 'limited',
  server_error: 'limited',
  billing_error: 'limited',
  authentication_failed: 'unauthenticated',
  oauth_org_not_allowed: 'unauthenticated',
  model_not_found: 'misconfigured',
}
export const NO_SESSION = /^No conversation found with session ID/m
/** Of versions that give no status; only for a text that claude itself wrote. */
const TEXTS: readonly Sign[] = [
  [/\bhit your .{0,40}limit\b|usage limit reached/i, 'limited'],
  [/^Credit balance is too low/i, 'limited'],
  [/^Not logged in|Please run \/login|^Invalid API key|^OAuth token /i, 'unauthenticated'],
]

/** Of an error with any other reason (turns, budget, an interrupt) the API is not the cause. 2.1.112 says `completed`. */
const OF_THE_API = new Set(['api_error', 'completed'])

/** An exit 0 whose text claims a file that was never allowed to be written is known to happen. */
export const refusal = (calls: event.Json[]): string =>
  `claude was refused ${calls.length} tool call${calls.length > 1 ? 's' : ''}: ${toolsOf(calls)}`

const toolsOf = (calls: event.Json[]): string =>
  [...new Set(calls.slice(0, 20).map((one) => event.word(one.tool_name)))].join(', ')

/** What claude said of an error before its result: the type of it, and when the limit ends. */
export interface Told {
  /** Of the last assistant line, where claude wrote it itself. */
  error?: string
  itself?: boolean
  resetsAt?: number | undefined
}

export function ending(result: event.Json, told: Told, now: number): Verdict {
  const refused = event.objects(result.permission_denials)
  if (result.is_error === false) {
    if (refused.length === 0) return { ok: true }
    const evidence = `result: permission_denials ${toolsOf(refused)}`
    return failure(refusal(refused), evidence, 'denied', { advice: ADVICE })
  }
  const why = reason(result)
  if (NO_SESSION.test(why)) return failure(why, 'result: no conversation found', 'never-started')
  const given = result.terminal_reason
  const end = event.word(given) || event.word(result.subtype)
  if (typeof given === 'string' && !OF_THE_API.has(given)) return failure(why, `result: ${end}`)
  const status = event.number(result.api_error_status)
  const spoken = told.itself === true || given === 'api_error' ? read(why, TEXTS) : null
  const cause = (told.error && ERRORS[told.error]) || ofStatus(status) || spoken?.cause
  const evidence =
    status > 0 && ofStatus(status) === cause
      ? `result: api_error_status ${status}`
      : told.error && cause
        ? `assistant: error ${told.error}`
        : `result: ${spoken?.said ?? end}`
  return failure(why, evidence, cause, {
    advice: ADVICE,
    resetsAt: told.resetsAt ?? fromText(why, now),
  })
}

/** `api_retry` and `rate_limit_event`: what it waits for; null: they are over; undefined: no such event. */
export function waiting(line: event.Json, now: number): Verdict | null | undefined {
  if (line.type === 'rate_limit_event') {
    const info = event.object(line.rate_limit_info)
    if (info.status !== 'rejected' || info.isUsingOverage === true) return null
    const what = event.word(info.rateLimitType).replaceAll('_', ' ') || 'usage'
    return failure(`claude's ${what} limit is used up`, 'rate_limit_event: rejected', 'limited', {
      resetsAt: fromEpoch(info.resetsAt, now),
    })
  }
  if (line.type !== 'system' || line.subtype !== 'api_retry') return undefined
  const error = event.word(line.error)
  const status = event.number(line.error_status) || ''
  const attempt = `attempt ${event.number(line.attempt)} of ${event.number(line.max_retries)}`
  return failure(
    `claude waits for the API: ${error} ${status}, ${attempt}`.replace(' ,', ','),
    `system/api_retry: ${error} ${status}`,
    ERRORS[error] ?? ofStatus(line.error_status),
    { advice: ADVICE },
  )
}

/** Why it failed. Errors, too, may say `subtype: "success"`. */
function reason(result: event.Json): string {
  if (result.terminal_reason === 'aborted_tools') return 'interrupted while a tool ran'
  const errors = Array.isArray(result.errors) ? result.errors.map(event.string).join('; ') : ''
  return event.sentence(
    event.string(result.result) || errors || event.string(result.subtype) || 'claude said no more',
  )
}

/** All models together (subagents run on others); the plain usage leaves the last turn out when a limit ended the run. */
export function tokens(result: event.Json): number {
  const models = Object.values(event.object(result.modelUsage)).map(event.object)
  const all = models.map((one) =>
    event.sum(
      one,
      'inputTokens',
      'outputTokens',
      'cacheReadInputTokens',
      'cacheCreationInputTokens',
    ),
  )
  const total = all.reduce((one, other) => one + other, 0)
  if (total > 0) return total
  return event.sum(
    event.object(result.usage),
    'input_tokens',
    'output_tokens',
    'cache_read_input_tokens',
    'cache_creation_input_tokens',
  )
}
