// What the end of a run means: an HTTP status, or a message of the CLI's own, to a verdict.
// Promises: one place where 429 is a limit and 401 is a login; texts are looked at only where the CLI, not its model, wrote them.
import type { Verdict } from '../types.ts'
import { number, sentence } from './events.ts'

export type Cause = NonNullable<Verdict['outcome']>
/** A text that a CLI is known to write, and what it means (undefined: it failed, and no more is to be read into it). */
export type Sign = readonly [RegExp, Cause | undefined]
/** What a person does about it. */
export type Advice = Partial<Record<Cause, string>>

export function ofStatus(status: unknown): Cause | undefined {
  const code = number(status)
  if (code === 429 || (code >= 500 && code < 600)) return 'limited'
  if (code === 401 || code === 403) return 'unauthenticated'
  return code === 404 ? 'misconfigured' : undefined
}

/** The first sign that the text holds, and the words that were it. */
export function read(text: string, signs: readonly Sign[]): { cause?: Cause; said: string } | null {
  for (const [sign, cause] of signs) {
    const said = sign.exec(text)?.[0]
    if (said) return { ...(cause && { cause }), said }
  }
  return null
}

export function failure(
  error: string,
  evidence: string,
  cause?: Cause,
  more: { advice?: Advice; resetsAt?: number | undefined } = {},
): Verdict {
  const why = sentence(error, 300)
  const what = /\bagents\.\w+\./.test(why) ? undefined : cause && more.advice?.[cause]
  return {
    ok: false,
    ...(cause && { outcome: cause }),
    error: what ? `${why} (${sentence(what, 190)})` : why,
    evidence: sentence(evidence, 120),
    ...(cause === 'limited' && more.resetsAt !== undefined && { resetsAt: more.resetsAt }),
  }
}
