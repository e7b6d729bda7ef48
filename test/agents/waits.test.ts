// While it runs: what it says it waits for, how many events there were, how many tool calls are in flight.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kindOf, kinds } from '../../src/agents/index.ts'
import type { AgentKind, Findings } from '../../src/types.ts'
import { CLIS, cases, settings, transcript } from './transcripts.ts'

const NOW = () => Date.parse('2026-11-22T11:19:00Z')
/** The findings after each line. */
function steps(path: string): Findings[] {
  const reader = (kinds[path.split('/')[0] as string] as AgentKind).reader(NOW)
  return transcript(path).lines.map((line) => {
    reader.line(line)
    return { ...reader.findings() }
  })
}
const waits = (path: string) =>
  steps(path).map(({ waits: one }) => one && (one.outcome ?? 'failed'))

test.each([
  ['claude/429', 'limited'],
  ['claude/529', 'limited'],
  ['claude/500', 'limited'],
  ['claude/401', 'unauthenticated'],
  ['claude/cut', 'failed'],
  ['claude/ul-oauth', 'limited'],
  ['codex/429', 'limited'],
  ['codex/500', 'limited'],
  ['codex/401', 'unauthenticated'],
  ['codex/down', 'failed'],
])('%s says that it waits: %s', (path, what) => {
  expect(waits(path)).toContain(what)
})

test('the wait is over as soon as there is work, and at the end', () => {
  for (const path of ['claude/429x2', 'codex/429x2', 'codex/cutx1', 'claude/cut', 'claude/429'])
    expect(waits(path).at(-1)).toBeNull()
  const told = steps('claude/429x2')
  expect(told.findLast((one) => one.waits !== null)?.waits).toMatchObject({
    ok: false,
    outcome: 'limited',
    error: 'claude waits for the API: rate_limit 429, attempt 2 of 10',
    evidence: 'system/api_retry: rate_limit 429',
  })
  for (const path of ['claude/429x2', 'codex/429x2'])
    expect(steps(path).find((one) => one.text !== '')).toMatchObject({ waits: null, ended: null })
})

test('a limit that claude tells by an event has its end, while it waits and in the verdict', () => {
  const told = steps('claude/ul-oauth')
  const resetsAt = 1795353521000
  expect(told.find((one) => one.waits)?.waits).toMatchObject({
    outcome: 'limited',
    evidence: 'rate_limit_event: rejected',
    resetsAt,
  })
  expect(told.at(-1)?.ended?.resetsAt).toBe(resetsAt)
})

test('an allowed rate_limit_event, or one that is paid for, is no wait', () => {
  for (const info of [
    { status: 'allowed_warning' },
    { status: 'rejected', isUsingOverage: true },
  ]) {
    const reader = (kinds.claude as AgentKind).reader(NOW)
    reader.line(JSON.stringify({ type: 'rate_limit_event', rate_limit_info: info }))
    expect(reader.findings().waits).toBeNull()
  }
})

test('a run that is killed while it waits keeps it', () => {
  expect(waits('codex/ra3600').at(-1)).toBe('limited')
})

test.each([
  ['claude/tool-kill', 1],
  ['codex/tool-kill', 1],
  ['gemini/tool-kill', 1],
  // It tells of a call after its end only: an open step counts as one.
  ['opencode/tool-kill', 1],
  ['claude/bash', 0],
  ['claude/tool-int', 0],
  ['codex/bash', 0],
  ['gemini/bash', 0],
  ['opencode/bash', 0],
  ['cursor/write', 0],
])('%s: %i tool calls in flight at its end', (path, count) => {
  expect(steps(path).at(-1)?.tools).toBe(count)
})

test('in flight while it runs, and never less than none', () => {
  for (const path of ['claude/bash', 'codex/bash', 'gemini/bash', 'opencode/bash', 'cursor/write'])
    expect(
      steps(path)
        .flatMap(({ tools, ended }) => (ended ? [] : [tools]))
        .join(''),
    ).toMatch(/10/)
  fc.assert(
    fc.property(
      fc.constantFrom(...CLIS.flatMap(cases)),
      fc.infiniteStream(fc.boolean()),
      (path, keep) => {
        const reader = (kinds[path.split('/')[0] as string] as AgentKind).reader(NOW)
        for (const line of transcript(path).lines) {
          if (keep.next().value) reader.line(line)
          const { tools } = reader.findings()
          expect(tools).toBeGreaterThanOrEqual(0)
          expect(tools).toBeLessThanOrEqual(1000)
        }
      },
    ),
  )
})

test('events are counted', () => {
  expect(steps('claude/ok').at(-1)?.events).toBe(3)
  expect(steps('codex/stdin-open').at(-1)?.events).toBe(0)
  const plain = kindOf('mine', settings({ command: ['mine'] })).reader()
  plain.line('one')
  plain.line('two\nthree')
  expect(plain.findings()).toMatchObject({ events: 2, tools: 0, waits: null })
})

test('opencode that was ended while its API refused it was limited; what it logged is no reason where its events have one', () => {
  const log = 'level=ERROR message="stream error" error.error="AI_APICallError: mock 429"\n'
  const explain = (exit: number | null) => kinds.opencode?.explain(exit, log)
  expect(explain(130)).toMatchObject({
    outcome: 'limited',
    evidence: expect.stringMatching(/mock 429/),
  })
  expect(explain(null)).toMatchObject({ outcome: 'limited' })
  expect(explain(1)?.outcome).toBeUndefined()
})

test('opencode whose tool call a rule forbade was denied, though it says that all is well', () => {
  const reader = (kinds.opencode as AgentKind).reader()
  const error =
    'The user has specified a rule which prevents you from using this specific tool call.'
  const say = (type: string, part: object) => reader.line(JSON.stringify({ type, part }))
  say('tool_use', { tool: 'bash', state: { status: 'error', error } })
  say('step_finish', { reason: 'stop' })
  expect(reader.findings().ended).toMatchObject({
    ...{ ok: false, outcome: 'denied', evidence: 'tool_use: bash' },
  })
})
