// The cases that every CLI is run through: what it is told, what is done to it, and how the run must be judged.
// Promises: one table, for the tests and for the compatibility page. A CLI for which another outcome is right has its reason beside it.
import type { Outcome } from '../../src/types.ts'
import type { Name } from './real-agents.ts'
import type { Seen } from './seen.ts'
import type { Login } from './set-up.ts'
import type { Stop } from './stops.ts'

export interface Case {
  name: string
  /** Words of fixtures/mock-model/script.mjs. */
  prompt: string
  /** Appended to the command. */
  flags?: Partial<Record<Name | 'all', string[]>>
  env?: Partial<Record<Name, Record<string, string>>>
  /** More of gemini's own settings. */
  settings?: object
  login?: Login
  stop?: Stop
  /** `own`: the prompt goes on with the session of a run before it, which had this prompt. `lost`: with one that never was. */
  resume?: { after: string } | 'lost'
  /** So many at once, in one HOME that has never been used. */
  times?: number
  outcome: Outcome
  /** Another outcome is right, because; of all versions of a CLI, or of one. */
  but?: Partial<Record<Name | `${Name} ${number}.${number}.${number}`, [Outcome, string]>>
  /** Not for these, because. */
  not?: Partial<Record<Name, string>>
  /** What the verdict's evidence and error must say. */
  says?: RegExp
  /** More that must be so; throws or answers with what is not. */
  check?: (seen: Seen, name: Name) => string | undefined
  /** Part of `npm test`, for these. */
  quick?: Name[]
}

const made =
  (...files: string[]) =>
  (seen: Seen) => {
    const missing = files.filter((file) => !seen.files.includes(file))
    return missing.length > 0 ? `no ${missing.join(', ')} in ${seen.files}` : undefined
  }
/** It must not have begun. */
const silent = (seen: Seen) =>
  seen.asked.length > 0 ? `it asked its model ${seen.asked.length} times` : undefined
/** The verdict must hold the end of the limit, within a minute; not of a CLI that does not tell it. */
const until = (seconds: number, silent: Name[]) => (seen: Seen, name: Name) => {
  if (silent.includes(name)) return undefined
  const off = Math.abs((seen.resetsAt ?? 0) - Date.now() - seconds * 1000)
  return off > 90_000 ? `resetsAt is ${seen.resetsAt}, not in ${seconds} s` : undefined
}

const LONG = 'it asks again for longer than the minute that it is given'
const UNKNOWN: Case['not'] = { cursor: 'its papers do not say what it prints then' }

export const CASES: Case[] = [
  {
    name: 'answers',
    prompt: 'MOCK:say all is well',
    outcome: 'success',
    check: (seen) =>
      seen.findings.text === 'all is well' && seen.findings.sessionId
        ? undefined
        : `it said ${seen.findings.text} in session ${seen.findings.sessionId}`,
    quick: ['cursor'],
  },
  {
    name: 'writes a file',
    prompt: 'MOCK:write-file made.txt by the mock\nMOCK:say all is written',
    outcome: 'success',
    check: (seen) =>
      made('made.txt')(seen) ??
      (/made\.txt/.test(seen.readable) && /all\s+is\s+written/.test(seen.readable)
        ? undefined
        : `its log is ${seen.readable}`) ??
      (String(seen.findings.files) === 'made.txt' && (seen.findings.tokens ?? 0) > 1000
        ? undefined
        : `it told of ${seen.findings.files} and ${seen.findings.tokens} tokens`),
    quick: ['claude', 'codex', 'gemini'],
  },
  {
    name: 'runs a command: its files are unknown',
    prompt: 'MOCK:bash echo hi > by-shell.txt',
    outcome: 'success',
    check: (seen) =>
      made('by-shell.txt')(seen) ??
      (seen.findings.files === null ? undefined : `it told of ${seen.findings.files}`),
  },
  {
    name: 'several tools',
    prompt:
      'MOCK:write-file a.txt one\nMOCK:together 2\nMOCK:bash echo two > b.txt\nMOCK:bash echo three > c.txt\nMOCK:read-file a.txt\nMOCK:say read',
    outcome: 'success',
    check: made('a.txt', 'b.txt', 'c.txt'),
  },
  {
    name: 'login not accepted (401)',
    prompt: 'MOCK:401',
    outcome: 'unauthenticated',
    quick: ['claude', 'codex', 'gemini'],
  },
  { name: 'not allowed (403)', prompt: 'MOCK:403', outcome: 'unauthenticated', not: UNKNOWN },
  { name: 'no login', prompt: 'MOCK:say hi', login: 'none', outcome: 'unauthenticated' },
  { name: 'rate limit (429)', prompt: 'MOCK:429', outcome: 'limited' },
  {
    name: 'rate limit with a reset (429, an hour)',
    prompt: 'MOCK:429 3600',
    outcome: 'limited',
  },
  {
    name: 'rate limit, then fine',
    prompt: 'MOCK:429x1 1\nMOCK:say at last',
    outcome: 'success',
    but: {
      'codex 0.100.0': ['limited', 'it does not ask again after a 429'],
      cursor: ['limited', 'the simulated one does not ask again'],
    },
  },
  {
    name: 'usage limit',
    prompt: 'MOCK:usage-limit 7200',
    login: 'subscription',
    outcome: 'limited',
    check: until(7200, ['gemini', 'cursor', 'opencode']),
    quick: ['claude', 'codex'],
  },
  { name: 'nothing left to pay with', prompt: 'MOCK:quota', outcome: 'limited' },
  { name: 'server error (500)', prompt: 'MOCK:500', outcome: 'limited', not: UNKNOWN },
  { name: 'overload', prompt: 'MOCK:overload', outcome: 'limited', not: UNKNOWN },
  { name: 'context too long', prompt: 'MOCK:context', outcome: 'failed' },
  { name: 'bad request (400)', prompt: 'MOCK:400', outcome: 'failed' },
  {
    name: 'cut stream',
    prompt: 'MOCK:cut',
    outcome: 'failed',
    but: {
      claude: ['limited', 'it calls a lost connection an error of the server'],
      'claude 2.1.112': ['failed', 'it calls it nothing'],
      opencode: ['timeout', LONG],
    },
  },
  {
    name: 'cut once, then fine',
    prompt: 'MOCK:cut x1\nMOCK:say at last',
    outcome: 'success',
    but: {
      gemini: ['failed', 'it does not ask again after a cut'],
      cursor: ['failed', 'the simulated one does not ask again'],
    },
  },
  {
    name: 'half a line',
    prompt: 'MOCK:half',
    outcome: 'failed',
    but: { opencode: ['timeout', LONG] },
  },
  {
    name: 'hang, then time-out',
    prompt: 'MOCK:hang',
    stop: { once: 'asked', do: 'timeout' },
    outcome: 'timeout',
    quick: ['codex'],
  },
  {
    name: 'hang, then cancel',
    prompt: 'MOCK:hang',
    stop: { once: 'asked', do: 'cancel' },
    outcome: 'cancelled',
    quick: ['claude', 'gemini'],
  },
  {
    name: 'stall in mid-answer, then time-out',
    prompt: 'MOCK:stall',
    stop: { once: 'asked', do: 'timeout' },
    outcome: 'timeout',
  },
  {
    name: 'killed while a tool runs',
    prompt: 'MOCK:bash touch begun; sleep 60',
    stop: { once: 'tool', do: 'kill' },
    outcome: 'crashed',
    quick: ['claude'],
  },
  {
    name: 'its whole group killed while a tool runs',
    // Its tools are in groups of their own: the run is over when they are.
    prompt: 'MOCK:bash touch begun; sleep 3',
    stop: { once: 'tool', do: 'group' },
    outcome: 'interrupted',
  },
  {
    name: 'cancelled while a tool runs',
    prompt: 'MOCK:bash touch begun; sleep 60',
    stop: { once: 'tool', do: 'cancel' },
    outcome: 'cancelled',
  },
  {
    name: 'too many turns',
    prompt: 'MOCK:loop',
    flags: { claude: ['--max-turns', '2'] },
    settings: { model: { maxSessionTurns: 2 } },
    outcome: 'failed',
    says: /turn/i,
    not: {
      codex: 'it has no limit of turns',
      opencode: 'it has no limit of turns',
      cursor: 'it has no limit of turns',
    },
  },
  {
    name: 'unknown model',
    not: UNKNOWN,
    prompt: 'MOCK:say hi',
    flags: {
      all: ['--model', 'no-such-model'],
      opencode: ['--model', 'mock/no-such-model'],
    },
    outcome: 'misconfigured',
  },
  {
    name: 'unknown flag',
    prompt: 'MOCK:say hi',
    flags: { all: ['--bogus-flag'] },
    outcome: 'misconfigured',
    // opencode prints its whole help, and no word of what is wrong.
    says: /bogus-flag|refused its arguments/,
    check: silent,
    quick: ['codex'],
  },
  {
    name: 'permission denied',
    prompt: 'MOCK:write-file refused.txt no\nMOCK:say I wrote it',
    flags: {
      claude: ['--permission-mode', 'default'],
      codex: ['--sandbox', 'read-only'],
      gemini: ['--approval-mode', 'default'],
    },
    env: { opencode: { OPENCODE_PERMISSION: '{"edit":{"*refused.txt":"deny"}}' } },
    outcome: 'denied',
    not: UNKNOWN,
    but: {
      codex: ['success', 'it tells its model alone, no event says so'],
      gemini: ['success', 'it does not offer that tool to its model'],
    },
    check: (seen) => (seen.files.includes('refused.txt') ? 'the file was written' : undefined),
    quick: ['claude'],
  },
  {
    name: 'resume',
    prompt: 'MOCK:say the second',
    resume: { after: 'MOCK:say the first' },
    outcome: 'success',
    check: (seen) => {
      const said = seen.asked.at(-1)?.said ?? []
      return said.includes('the first') && seen.findings.text === 'the second'
        ? undefined
        : `what was said before was not sent again: ${said}`
    },
    quick: ['codex'],
  },
  {
    name: 'resume of a lost session',
    prompt: 'MOCK:say hi',
    resume: 'lost',
    outcome: 'never-started',
    not: UNKNOWN,
    but: { 'codex 0.100.0': ['success', 'it begins a new session, and does not say so'] },
    check: (seen) => (seen.outcome === 'success' ? undefined : silent(seen)),
    quick: ['claude'],
  },
  {
    name: 'six at once',
    prompt: 'MOCK:write-file made.txt by one of six\nMOCK:say done',
    times: 6,
    outcome: 'success',
    check: made('made.txt'),
  },
]
