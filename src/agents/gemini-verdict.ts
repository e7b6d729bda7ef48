// What gemini says of a failure, in its result event and its exit status (AGENTS 2.3).
// Promises: its own errors by their type, the API's by their status; by words only where neither is there.
import type { Verdict } from '../types.ts'
import * as event from './events.ts'
import { fromText } from './resets.ts'
import { type Advice, type Cause, failure, ofStatus, read, type Sign } from './verdict.ts'

const LOGIN = 'run `gemini` once and log in, or set GEMINI_API_KEY in its environment'
const NO_LOGIN = `gemini has no usable login: ${LOGIN}`
const UNTRUSTED =
  'gemini does not trust this folder: update it (`--skip-trust` was given), or trust the folder in an interactive session'
export const ADVICE: Advice = {
  unauthenticated: LOGIN,
  misconfigured: 'see agents.gemini.command in config.yaml',
}
export const CODES: Readonly<Record<number, readonly [string, (Cause | undefined)?]>> = {
  41: [NO_LOGIN, 'unauthenticated'],
  42: ['gemini got no prompt'],
  52: ['gemini refused its own settings.json', 'misconfigured'],
  53: ['gemini reached its limit of turns (model.maxSessionTurns)'],
  55: [UNTRUSTED, 'misconfigured'],
  // Of an API error it is the HTTP status modulo 256.
  ...Object.fromEntries(
    [400, 401, 403, 404, 429, 500, 502, 503, 504].map((status) => {
      const said = `the Gemini API answered ${status}:`
      return [status % 256, [said, ofStatus(status)] as const]
    }),
  ),
}
/** The `type` of its own fatal errors. */
const FATAL: Record<string, Cause> = {
  FatalAuthenticationError: 'unauthenticated',
  FatalConfigError: 'misconfigured',
  FatalUntrustedWorkspaceError: 'misconfigured',
}
/** What it writes itself, or hands on of the API without its status. */
const SIGNS: readonly Sign[] = [
  [/\brequest a quota increase through AI Studio\b/, 'limited'],
  [/\bexhausted your (daily )?quota\b|^Quota exceeded\b/i, 'limited'],
  [/\bmodel\b.{0,80}\bnot found\b|\bis not found for API version\b/i, 'misconfigured'],
]

const REPORT = /^Error when talking to Gemini API Full report available at: \S+ (.*)$/m
/** Its report of an API error on stderr, and what the API said in it; null: there is none. */
export function reported(stderr: string): { status: number; said: string } | null {
  const report = REPORT.exec(stderr)?.[1]
  if (report === undefined) return null
  const api = event.object(event.parse(report.replace(/^\w+: (?=\{)/, ''))?.error)
  return { status: event.number(api.code), said: event.string(api.message) || report }
}

/** Its own fatal errors have a type; those of the API come as text, the status inside where there is one. */
export function judge(line: event.Json, now: number): Verdict {
  const type = event.word(event.object(line.error).type)
  const message = reason(line)
  const more = { advice: ADVICE, resetsAt: fromText(message, now) }
  if (/^Fatal/.test(type))
    return failure(
      message,
      `result: ${type}`,
      Object.hasOwn(FATAL, type) ? FATAL[type] : undefined,
      more,
    )
  const api = event.object(event.parse(/^\[API Error: (\{.*\})\]/s.exec(message)?.[1] ?? '')?.error)
  const status = event.number(api.code)
  if (status) {
    const said = event.string(api.message) || message
    return failure(
      `the Gemini API answered ${status}: ${said}`,
      `result: API error ${status}`,
      ofStatus(status),
      more,
    )
  }
  const sign = read(message.replace(/^\[API Error: /, ''), SIGNS)
  return failure(message, sign ? `result: ${sign.said}` : 'result: error', sign?.cause, more)
}

export const reason = (line: event.Json): string =>
  event.string(event.object(line.error).message) || 'gemini said no more'
