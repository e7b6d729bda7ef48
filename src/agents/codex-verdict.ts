// What codex says of a failure, in `turn.failed` and `error` (AGENTS 2.2): its own words, or a server's that it hands on.
// Promises: what a server wrote is judged by its status or code, never by its words.
import type { Verdict } from '../types.ts'
import * as event from './events.ts'
import { fromText } from './resets.ts'
import { type Advice, type Cause, failure, ofStatus, read, type Sign } from './verdict.ts'

export const ADVICE: Advice = {
  unauthenticated: 'run `codex login`, or set CODEX_API_KEY in its environment',
  misconfigured: 'see agents.codex.command in config.yaml',
  denied: 'see its rules and the sandbox of agents.codex.command in config.yaml',
}
/** Codex's own wording. */
const SIGNS: readonly Sign[] = [
  [/ran out of room in the model's context window/i, undefined],
  [/\busage limit\b/i, 'limited'],
  [/^Quota exceeded|check your plan and billing/i, 'limited'],
  [/\bhigh demand\b|\bis at capacity\b/i, 'limited'],
  [/^Missing environment variable/i, 'unauthenticated'],
  [/^Not logged in|(log|sign) in again|token could not be refreshed/i, 'unauthenticated'],
  [/model is not supported when using Codex|^The model \S+ does not exist/i, 'misconfigured'],
]
const STATUS = /\b(?:unexpected status|last status:) (\d{3})\b/
/** Of the error envelopes that it hands on whole. */
const CODES: Record<string, Cause> = {
  rate_limit_exceeded: 'limited',
  insufficient_quota: 'limited',
  usage_limit_reached: 'limited',
  server_is_overloaded: 'limited',
  invalid_api_key: 'unauthenticated',
  model_not_found: 'misconfigured',
}
const RETRIES = /^Reconnecting\b|\bretrying \d/i

/** A message of codex's own, or one of a server that it hands on. */
export function judge(where: string, message: string, now: number): Verdict {
  const more = { advice: ADVICE, resetsAt: fromText(message, now) }
  const text = event.sentence(message)
  const envelope = event.object(event.parse(message)?.error)
  if (envelope.message !== undefined) {
    const code = event.word(envelope.code) || event.word(envelope.type)
    const cause = Object.hasOwn(CODES, code) ? CODES[code] : undefined
    const said = event.string(envelope.message) || text
    return failure(said, `${where}: ${code || 'error'}`, cause, more)
  }
  const inner = RETRIES.test(text) ? (/\((.*)\)$/.exec(text)?.[1] ?? text) : text
  const status = Number(STATUS.exec(inner)?.[1])
  if (status) return failure(text, `${where}: status ${status}`, ofStatus(status), more)
  const sign = read(inner, SIGNS)
  const evidence = sign ? `${where}: ${sign.said}` : where
  return failure(text, evidence, sign?.cause, more)
}

export const reason = (line: event.Json): string =>
  event.string(event.object(line.error).message) || 'codex said no more'
