// Every recorded run and its one outcome, with the evidence for it; judged as the core judges. A case without a row fails.
import { expect, test } from 'vitest'
import { CLIS, cases, judged } from './transcripts.ts'

/** When most of them were recorded: for limits that are told as a time of day or a duration. */
const NOW = Date.parse('2026-11-22T11:19:00Z')

const SUCCESS = {
  claude:
    '429x2 allowed2 allowed3 bare bash big-stdin cut cutx1 marker ok ok-json perm-accept resume sid stdin-both stdin-open stdin-prompt streamin tool-bg tool-bg2 toolsleep-int toolsleep-kill toolsleep-term write',
  codex:
    '429x2 bash big-stdin cutx1 file-change lastmsg marker n-write nogit ok old-forbidden old-resume old-resume-bad patch resume ro stdin-both stdin-dash stdin-prompt write ws',
  // The first line: as one JSON object, which a person may have asked for.
  gemini:
    '429x2 big-stdin marker notrust ok relaunch resume stdin-both stdin-open stdin-prompt write-json ' +
    'bash default-mode-sj nopty-bash ok-sj write',
  opencode:
    '429x3 bash big-stdin cutx1 marker n-write ok perm resume stdin-both stdin-prompt write',
  cursor: 'write',
}
/** Ended by a signal that they died of: nothing is to be read from them. */
const KILLED = {
  claude: 'hang-term hup stall-term tool-kill tool-term',
  codex: 'down hang-idle hang-term maxloop ra3600 stdin-open tool-kill tool-term',
  gemini: 'down maxattempts quota relaunch-kill tool-kill',
  opencode: 'hang-int hang-term loop ra3600 tool-int tool-kill tool-term',
  cursor: '',
}
/** Outcome, evidence, and the end of a limit where the CLI tells one. */
const ROWS: [string, string, string | undefined, string?][] = [
  ['claude/401', 'unauthenticated', 'result: api_error_status 401'],
  ['claude/403', 'unauthenticated', 'result: api_error_status 403'],
  ['claude/maxretry0-401', 'unauthenticated', 'result: api_error_status 401'],
  ['claude/nokey', 'unauthenticated', 'assistant: error authentication_failed'],
  ['claude/404', 'misconfigured', 'result: api_error_status 404'],
  ['claude/429', 'limited', 'result: api_error_status 429', '2026-11-22T11:19:01.000Z'],
  ['claude/maxretry1', 'limited', 'result: api_error_status 429', '2026-11-22T11:19:01.000Z'],
  ['claude/ra3600', 'limited', 'result: api_error_status 429', '2026-11-22T11:19:01.000Z'],
  ['claude/ul-key', 'limited', 'result: api_error_status 429', '2026-11-22T11:19:01.000Z'],
  ['claude/500', 'limited', 'result: api_error_status 500'],
  ['claude/529', 'limited', 'result: api_error_status 529'],
  ['claude/quota', 'limited', 'assistant: error billing_error'],
  // By its typed event; the text says 1:18pm and no second.
  ['claude/ul-oauth', 'limited', 'result: api_error_status 429', '2026-11-22T13:18:41.000Z'],
  ['claude/badflag', 'misconfigured', "stderr: error: unknown option '--no-such-flag'"],
  ['claude/root-skip', 'misconfigured', 'stderr: cannot be used with root/sudo privileges'],
  ['claude/perm-default', 'denied', 'result: permission_denials Write'],
  ['claude/perm-dontask', 'denied', 'result: permission_denials Write'],
  ['claude/resume-bad', 'never-started', 'result: no conversation found'],
  ['claude/old-401', 'unauthenticated', 'result: api_error_status 401'],
  ['claude/old-nokey', 'unauthenticated', 'assistant: error authentication_failed'],
  ['claude/old-429', 'limited', 'result: api_error_status 429'],
  ['claude/old-perm-default', 'denied', 'result: permission_denials Write'],
  ['claude/old-resume-bad', 'never-started', 'result: no conversation found'],
  ['claude/allowed', 'failed', 'stderr'],
  ['claude/stdin-open-noprompt', 'failed', 'stderr'],
  ['claude/budget', 'failed', 'result: budget_exhausted'],
  ['claude/context', 'failed', 'result: prompt_too_long'],
  ['claude/maxturns', 'failed', 'result: max_turns'],
  ['claude/tool-int', 'failed', 'result: aborted_tools'],
  ['claude/hang-int', 'no-result', undefined],
  // A person's own `--output-format text` leaves us without events.
  ['claude/ok-text', 'no-result', 'stderr'],
  ['codex/ok-text', 'no-result', 'stderr'],
  ['gemini/ok-text', 'no-result', undefined],
  ['opencode/ok-text', 'no-result', undefined],
  ['codex/401', 'unauthenticated', 'turn.failed: status 401'],
  ['codex/403', 'unauthenticated', 'turn.failed: status 403'],
  ['codex/nokey', 'unauthenticated', 'turn.failed: Missing environment variable'],
  ['codex/404', 'misconfigured', 'turn.failed: status 404'],
  ['codex/badflag', 'misconfigured', "stderr: error: unexpected argument '--no-such-flag' found"],
  ['codex/429', 'limited', 'turn.failed: status 429'],
  ['codex/529', 'limited', 'turn.failed: status 529'],
  ['codex/500', 'limited', 'turn.failed: high demand'],
  ['codex/noretry', 'limited', 'turn.failed: high demand'],
  ['codex/quota', 'limited', 'turn.failed: Quota exceeded'],
  ['codex/ul', 'limited', 'turn.failed: usage limit', '13:18 here'],
  ['codex/resume-bad', 'never-started', 'stderr: no rollout found for thread id'],
  ['codex/400', 'failed', 'turn.failed: invalid_request_error'],
  ['codex/context', 'failed', "turn.failed: ran out of room in the model's context window"],
  ['codex/down2', 'failed', 'turn.failed'],
  ['codex/down3', 'failed', 'turn.failed'],
  ['codex/idle', 'failed', 'turn.failed'],
  ['codex/hang-int', 'failed', undefined],
  ['codex/tool-int', 'failed', undefined],
  ['gemini/401', 'unauthenticated', 'exit 145'],
  ['gemini/401-sj', 'unauthenticated', 'result: API error 401'],
  ['gemini/401-text', 'unauthenticated', 'exit 1'],
  ['gemini/403', 'unauthenticated', 'exit 147'],
  ['gemini/nokey', 'unauthenticated', 'exit 41'],
  ['gemini/404', 'misconfigured', 'stderr: ModelNotFoundError'],
  ['gemini/resume-bad', 'never-started', 'stderr: Error resuming session'],
  // Its event says no more than `mock 404`, only its stderr knows that a model is missing.
  ['gemini/404-sj', 'misconfigured', 'stderr: ModelNotFoundError'],
  ['gemini/badflag', 'misconfigured', 'stderr: Unknown arguments: such-flag, suchFlag'],
  ['gemini/default-mode', 'misconfigured', 'stderr: Invalid approval mode'],
  ['gemini/untrusted', 'misconfigured', 'exit 55'],
  ['gemini/429', 'limited', 'exit 173', '2026-11-22T11:19:01.000Z'],
  ['gemini/500', 'limited', 'exit 244'],
  ['gemini/503', 'limited', 'exit 247'],
  [
    'gemini/max1-429',
    'limited',
    'result: request a quota increase through AI Studio',
    '2026-11-22T11:19:01.000Z',
  ],
  ['gemini/max2-500', 'limited', 'result: API error 500'],
  ['gemini/ul', 'limited', 'result: request a quota increase through AI Studio'],
  ['gemini/400', 'failed', 'exit 144'],
  ['gemini/context', 'failed', 'exit 144'],
  ['gemini/cutx1', 'failed', 'stderr'],
  ['gemini/maxturns', 'failed', 'result: FatalTurnLimitedError'],
  ['gemini/maxturns-json', 'failed', 'exit 53'],
  ['gemini/stdin-open-noprompt', 'failed', 'exit 42'],
  ['gemini/hang-int', 'no-result', undefined],
  ['gemini/hang-int-sj', 'no-result', undefined],
  ['gemini/tool-int', 'no-result', undefined],
  ['gemini/tool-term', 'no-result', undefined],
  ['gemini/nopty-tool-term', 'no-result', undefined],
  ['opencode/401', 'unauthenticated', 'error: APIError 401'],
  ['opencode/403', 'unauthenticated', 'error: APIError 403'],
  ['opencode/404', 'misconfigured', 'error: APIError 404'],
  ['opencode/badflag', 'misconfigured', 'stderr: opencode run [message'],
  // By its event's own clock, and `retry-after: 1`.
  ['opencode/429', 'limited', 'error: APIError 429', '2026-11-22T10:48:12.205Z'],
  ['opencode/503', 'limited', 'error: APIError 503', '2026-11-22T10:49:27.970Z'],
  ['opencode/500', 'limited', 'error: APIError 500'],
  // The same header, but waiting fills no balance.
  ['opencode/quota', 'limited', 'error: APIError 429'],
  ['opencode/resume-bad', 'never-started', 'stderr: Error: Session not found'],
  ['opencode/400', 'failed', 'error: APIError 400'],
  ['opencode/context', 'failed', 'error: ContextOverflowError'],
  ['opencode/down', 'failed', 'error: APIError'],
  ['cursor/no-login', 'unauthenticated', 'stderr: Authentication required'],
]

const listed = (from: typeof SUCCESS) =>
  CLIS.flatMap((cli) =>
    from[cli]
      .split(' ')
      .filter(Boolean)
      .map((name) => `${cli}/${name}`),
  )

test.each(ROWS)('%s: %s', (path, outcome, evidence, resets) => {
  const found = judged(path, NOW)
  expect(found.outcome).toBe(outcome)
  expect(found.verdict?.evidence).toBe(evidence)
  if (outcome !== 'no-result' && evidence) expect(found.verdict?.error).toMatch(/\S/)
  const at = found.verdict?.resetsAt
  if (resets === '13:18 here') expect(new Date(at ?? 0).toTimeString()).toMatch(/^13:18:00/)
  else expect(at && new Date(at).toISOString()).toBe(resets)
})

test.each(listed(SUCCESS))('%s: success', (path) => {
  expect(judged(path, NOW)).toEqual({ outcome: 'success', verdict: { ok: true } })
})

test.each(listed(KILLED))('%s: killed', (path) => {
  expect(judged(path, NOW).outcome).toBe('killed')
})

test('every recorded case has its row', () => {
  const rows = [...ROWS.map(([path]) => path), ...listed(SUCCESS), ...listed(KILLED)]
  expect(rows.toSorted()).toEqual(CLIS.flatMap(cases).toSorted())
})
