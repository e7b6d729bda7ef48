// What each recorded run means: did it end, how, with what text, and which files does it claim.
import { expect, test } from 'vitest'
import { kinds } from '../../src/agents/index.ts'
import type { AgentKind, Findings } from '../../src/types.ts'
import { transcript } from './transcripts.ts'

function read(path: string): Findings & { exit: number; explained: string | undefined } {
  const kind = kinds[path.split('/')[0] as string] as AgentKind
  const { lines, stderr, exit } = transcript(path)
  const reader = kind.reader()
  for (const line of lines) reader.line(line)
  return { ...reader.findings(), exit, explained: kind.explain(exit, stderr)?.error }
}

const good = { ok: true }
const bad = (error: RegExp) =>
  expect.objectContaining({ ok: false, error: expect.stringMatching(error) })

/** Ended, text, files. */
const EXPECTED: [string, Findings['ended'], string | RegExp, string[] | null][] = [
  ['claude/ok', good, 'hello from mock', []],
  ['claude/ok-json', good, 'hello from mock', []],
  ['claude/write', good, 'DONE: wrote hello.txt', ['/workspace/hello.txt']],
  ['claude/bash', good, 'DONE: ran the command', null],
  // Claims a file that it was not allowed to write.
  [
    'claude/perm-default',
    bad(/^claude was refused 1 tool call: Write/),
    'DONE: wrote p.txt\n\n(claude was refused 1 tool call: Write)',
    [],
  ],
  ['claude/429x2', good, 'MOCK-ANSWER after 429', []],
  ['claude/429', bad(/429.*rate limit/), /429/, []],
  ['claude/401', bad(/Failed to authenticate.*401/), /401/, []],
  ['claude/nokey', bad(/Not logged in/), /Not logged in/, []],
  ['claude/ul-oauth', bad(/5-hour limit/), /5-hour limit/, []],
  ['claude/budget', bad(/^Reached maximum budget \(\$0\.01\)$/), 'Turn 2.', null],
  ['claude/maxturns', bad(/^Reached maximum number of turns \(3\)$/), /^Turn/, null],
  ['claude/tool-int', bad(/^interrupted while a tool ran$/), /command/, null],
  ['claude/resume-bad', bad(/^No conversation found/), '', []],
  // Exit 0, and yet not done.
  ['claude/hang-int', null, '', []],
  ['claude/tool-term', null, /command/, null],
  ['claude/root-skip', null, '', []],
  ['codex/ok', good, 'hello from mock', []],
  ['codex/file-change', good, 'Done: write-file made.txt', ['/workspace/made.txt']],
  ['codex/write', good, 'DONE: wrote hello.txt', null],
  ['codex/bash', good, 'DONE: ran the command', null],
  ['codex/patch', good, 'DONE: ran the command', null],
  ['codex/429x2', good, 'MOCK-ANSWER after 429', []],
  ['codex/401', bad(/401 Unauthorized/), '', []],
  ['codex/400', bad(/mock bad request/), '', []],
  ['codex/ul', bad(/usage limit/), '', []],
  [
    'codex/nokey',
    bad(/^Missing environment variable: `MOCK_API_KEY`\. \(run `codex login`/),
    '',
    [],
  ],
  ['codex/hang-int', null, '', []],
  ['codex/tool-int', null, 'I will run a command.', null],
  ['codex/badflag', null, '', []],
  ['gemini/ok-sj', good, 'hello from mock', []],
  ['gemini/write', good, 'DONE: wrote hello.txt', ['/workspace/hello.txt']],
  ['gemini/bash', good, 'DONE: ran the command', null],
  ['gemini/401-sj', bad(/mock invalid api key/), '', []],
  ['gemini/ul', bad(/exhausted your daily quota/), '', []],
  ['gemini/maxturns', bad(/^Reached max session turns/), 'Turn 1.', null],
  ['gemini/hang-int-sj', null, '', []],
  ['gemini/tool-int', null, 'I will run a command.', null],
  ['gemini/untrusted', null, '', []],
  ['opencode/ok', good, 'hello from mock', []],
  ['opencode/write', good, 'DONE: wrote hello.txt', ['/workspace/hello.txt']],
  ['opencode/bash', good, 'DONE: ran the command', null],
  ['opencode/tool-term', null, 'I will run a command.', []],
  ['gemini/write-json', good, 'DONE: wrote hello.txt', []],
  ['cursor/write', good, 'Done! I wrote summary.txt.', ['/workspace/summary.txt']],
  ['cursor/no-login', null, 'I will read the README, then write.', []],
]

test.each(EXPECTED)('%s', (path, ended, text, files) => {
  const found = read(path)
  expect(found.ended).toEqual(ended)
  expect(found.files).toEqual(files)
  if (typeof text === 'string') expect(found.text).toBe(text)
  else expect(found.text).toMatch(text)
})

test('exit 0 and a good end event come apart in both directions', () => {
  expect(read('claude/hang-int')).toMatchObject({ exit: 0, ended: null })
  expect(read('claude/tool-int')).toMatchObject({ exit: 0, ended: { ok: false } })
  expect(read('gemini/hang-int-sj')).toMatchObject({ exit: 0, ended: null })
})

test('session, model, tokens and cost', () => {
  expect(read('claude/write')).toMatchObject({
    sessionId: '36dd5a57-8ec3-4bfe-a038-3d5af2fe9718',
    model: 'claude-sonnet-4-5',
    tokens: 2468 + 112 + 400,
    costUsd: expect.closeTo(0.009204),
  })
  // The plain usage forgets the turn that went over the budget.
  expect(read('claude/budget').tokens).toBe(3702 + 168 + 600)
  expect(read('codex/ok')).toMatchObject({
    sessionId: '01a202c8-7f8b-7b32-85e3-9f2c5fbc31b6',
    tokens: 1234 + 56,
  })
  expect(read('gemini/write')).toMatchObject({
    sessionId: 'f6911d94-7675-4673-bce8-e2cb0fccf483',
    model: 'gemini-2.5-flash',
    tokens: 2580,
  })
  expect(read('cursor/write')).toMatchObject({ model: 'Some Model', tokens: 1250 })
})

test('opencode: tokens and cost are summed over its steps, the session is known from the first event', () => {
  expect(read('opencode/write')).toMatchObject({
    sessionId: 'ses_dfd21e07bffeKjCaCCovVHmX8d',
    tokens: 2 * 1290,
    costUsd: 0,
  })
  const reader = (kinds.opencode as AgentKind).reader()
  const part = {
    reason: 'tool-calls',
    tokens: { input: 10, output: 5, cache: { read: 3 } },
    cost: 0.25,
  }
  const step = (reason: string) =>
    reader.line(
      JSON.stringify({ type: 'step_finish', sessionID: 'ses_1', part: { ...part, reason } }),
    )
  step('tool-calls')
  expect(reader.findings()).toMatchObject({ ended: null, tokens: 18, costUsd: 0.25 })
  step('stop')
  expect(reader.findings()).toMatchObject({ ended: { ok: true }, tokens: 36, costUsd: 0.5 })
})

test('opencode: a step that follows an end opens the run again, an answer that was cut is none', () => {
  const reader = (kinds.opencode as AgentKind).reader()
  const say = (type: string, reason?: string) => {
    reader.line(JSON.stringify({ type, part: { reason } }))
    return reader.findings().ended
  }
  expect(say('step_finish', 'stop')).toEqual({ ok: true })
  expect(say('step_start')).toBeNull()
  expect(say('step_finish', 'length')).toMatchObject({ ok: false, evidence: 'step_finish: length' })
  expect(say('step_start')).toBeNull()
  expect(say('step_finish', 'stop')).toEqual({ ok: true })
})

test('a turn that follows an end opens the run again', () => {
  for (const [path, again] of [
    ['claude/ok', { type: 'system', subtype: 'init' }],
    ['codex/ok', { type: 'turn.started' }],
  ] as const) {
    const reader = (kinds[path.split('/')[0] as string] as AgentKind).reader()
    for (const line of transcript(path).lines) reader.line(line)
    expect(reader.findings().ended).toEqual({ ok: true })
    reader.line(JSON.stringify(again))
    expect(reader.findings().ended).toBeNull()
  }
})

test('codex: a call that it declined is a refusal, by its status', () => {
  const reader = (kinds.codex as AgentKind).reader()
  const item = { id: 'i', type: 'command_execution', status: 'declined' }
  reader.line(JSON.stringify({ type: 'item.completed', item }))
  reader.line(JSON.stringify({ type: 'turn.completed', usage: {} }))
  expect(reader.findings().ended).toMatchObject({
    ok: false,
    outcome: 'denied',
    evidence: 'item.completed: command_execution declined',
  })
})

test('a write whose end was not seen makes the files unknown', () => {
  const { lines } = transcript('claude/write')
  const reader = (kinds.claude as AgentKind).reader()
  for (const line of lines.filter((one) => !one.includes('tool_result'))) reader.line(line)
  expect(reader.findings().files).toBeNull()
})

test('a write that failed is not claimed', () => {
  const { lines } = transcript('gemini/write')
  const reader = (kinds.gemini as AgentKind).reader()
  for (const line of lines)
    reader.line(line.includes('tool_result') ? line.replace('"success"', '"error"') : line)
  expect(reader.findings()).toMatchObject({ ended: { ok: true }, files: [] })
})

test.each([
  ['claude/root-skip', /IS_SANDBOX: "1".*agents\.claude\.env/],
  ['claude/badflag', /unknown option '--no-such-flag'/],
  ['claude/resume-bad', /^No conversation found/],
  [
    'codex/badflag',
    /^error: unexpected argument '--no-such-flag' found \(see agents\.codex\.command/,
  ],
  ['codex/resume-bad', /no rollout found/],
  ['gemini/nokey', /GEMINI_API_KEY/],
  ['gemini/untrusted', /does not trust this folder/],
  ['gemini/401', /answered 401/],
  ['gemini/stdin-open-noprompt', /got no prompt/],
  ['cursor/no-login', /cursor-agent login/],
])('%s is explained from exit status and stderr', (path, text) => {
  expect(read(path).explained).toMatch(text)
})

test('a run that said nothing is not explained', () => {
  expect(read('codex/hang-int').explained).toBeUndefined()
  expect(read('gemini/hang-int-sj').explained).toBeUndefined()
  expect(read('claude/hang-int').explained).toBeUndefined()
})

test('a command that is not there, or may not be run', () => {
  expect(kinds.claude?.explain(127, 'sh: 1: claude: not found')).toEqual({
    ok: false,
    outcome: 'misconfigured',
    error: expect.stringMatching(/claude: the command was not found.*agents\.claude\.command/),
    evidence: 'exit 127',
  })
  expect(kinds.codex?.explain(126, '')).toMatchObject({
    outcome: 'misconfigured',
    error: expect.stringMatching(/not executable/),
  })
})

test('lines for people', () => {
  const text = (path: string) => {
    const kind = kinds[path.split('/')[0] as string] as AgentKind
    return transcript(path).lines.flatMap((line) => kind.readable(line) ?? [])
  }
  expect(text('claude/write')).toEqual([
    'I will write hello.txt.',
    '> Write /workspace/hello.txt',
    expect.stringMatching(/^< File created successfully/),
    'DONE: wrote hello.txt',
    expect.stringMatching(/^= done/),
  ])
  expect(text('codex/bash').slice(1)).toEqual([
    'I will run a command.',
    "> shell /bin/bash -lc 'echo hi > b.txt'",
    '<',
    'DONE: ran the command',
    expect.stringMatching(/^= done/),
  ])
  expect(text('gemini/write').slice(-3)).toEqual([
    'DONE: wrote',
    ' hello.txt',
    '= done (2,580 tokens)',
  ])
  expect(text('opencode/write')).toEqual([
    'I will write hello.txt.',
    '> write /workspace/hello.txt\n< Wrote file successfully.',
    'DONE: wrote hello.txt',
    expect.stringMatching(/^= done/),
  ])
  expect(text('opencode/401')).toEqual([expect.stringMatching(/^= failed: mock invalid api key/)])
  expect(text('cursor/write')).toContain('> write summary.txt')
  expect(text('claude/401').at(-1)).toMatch(/^= failed: Failed to authenticate/)
  expect(kinds.claude?.readable('a warning of node')).toBe('a warning of node')
})

test('the last line tells what it cost, where the CLI does', () => {
  const last = (path: string) => {
    const kind = kinds[path.split('/')[0] as string] as AgentKind
    return transcript(path)
      .lines.flatMap((line) => kind.readable(line) ?? [])
      .at(-1)
  }
  expect(last('claude/write')).toBe('= done (2,980 tokens, $0.0092)')
  expect(last('codex/ok')).toBe('= done (1,290 tokens)')
  expect(last('opencode/ok')).toMatch(/^= done \([\d,]+ tokens\)$/)
  expect(last('claude/perm-default')).toMatch(/^= failed: claude was refused 1 tool call: Write/)
})

test('claude without a result event: its answers tell what they used, each once', () => {
  const reader = (kinds.claude as AgentKind).reader()
  const { lines } = transcript('claude/write')
  for (const line of lines.filter((one) => !one.includes('"type":"result"'))) reader.line(line)
  const { tokens } = reader.findings()
  expect(tokens).toBeGreaterThan(1000)
  for (const line of lines.filter((one) => one.includes('"type":"assistant"'))) reader.line(line)
  expect(reader.findings().tokens).toBe(tokens)
})
