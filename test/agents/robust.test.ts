// No line, whatever it holds, throws or makes a reader grow.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kindOf, kinds } from '../../src/agents/index.ts'
import type { AgentKind, Findings } from '../../src/types.ts'
import { CLIS, cases, settings, transcript } from './transcripts.ts'

const ALL: AgentKind[] = [...Object.values(kinds), kindOf('mine', settings({ command: ['mine'] }))]
const CAP = 256 * 1024

function shapeOf(found: Findings) {
  expect(found.text.length).toBeLessThanOrEqual(CAP)
  expect(found.sessionId?.length ?? 0).toBeLessThanOrEqual(200)
  expect(found.model?.length ?? 0).toBeLessThanOrEqual(200)
  for (const verdict of [found.ended, found.waits]) {
    expect(verdict?.error?.length ?? 0).toBeLessThanOrEqual(500)
    expect(verdict?.evidence?.length ?? 0).toBeLessThanOrEqual(120)
    expect(verdict?.resetsAt ?? 1).toBeGreaterThan(0)
  }
  expect(found.tools).toBeGreaterThanOrEqual(0)
  expect(found.files?.length ?? 0).toBeLessThanOrEqual(1000)
  expect(found.tokens ?? 0).toBeGreaterThanOrEqual(0)
  for (const path of found.files ?? []) expect(typeof path).toBe('string')
}

function feed(kind: AgentKind, lines: string[]) {
  const reader = kind.reader()
  for (const line of lines) {
    reader.line(line)
    kind.readable(line)
  }
  shapeOf(reader.findings())
}

const recorded = CLIS.flatMap((cli) =>
  cases(cli).flatMap((path) => transcript(path).lines.filter((line) => line !== '')),
)
/** The events that may end a run well: the last line of one JSON object, too. */
const END = /"type": ?"(result|turn\.completed)"|"type":"step_finish".*"reason":"stop"|^\}?$/
const TYPES =
  'system assistant user result rate_limit_event step_start step_finish text item.started item.completed turn.completed turn.failed message tool_use tool_result tool_call error init'
/** Objects with the keys that readers look at, and any value under them. */
const almost = fc
  .record(
    Object.fromEntries([
      ['type', fc.constantFrom(...TYPES.split(' '))],
      ...'message item tool_call error usage modelUsage result stats parameters permission_denials errors session_id subtype is_error rate_limit_info terminal_reason api_error_status part timestamp sessionID status tool_name tool_id role content delta'
        .split(' ')
        .map((key) => [key, fc.jsonValue()] as const),
    ]),
    { requiredKeys: ['type'] },
  )
  .map((value) => JSON.stringify(value))

/** A recorded line, cut, or with one of its values replaced. */
const mutated = fc
  .tuple(fc.constantFrom(...recorded), fc.nat(), fc.jsonValue())
  .chain(([line, at, value]) =>
    fc.constantFrom(
      line.slice(0, at % line.length),
      line.slice(at % line.length),
      line.replace(/:("[^"]*"|true|false|null|\d+)/g, (found, _all, offset: number) =>
        (offset + at) % 5 === 0 ? `:${JSON.stringify(value)}` : found,
      ),
    ),
  )

test('any lines at all', () => {
  const line = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), almost, mutated)
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      for (const kind of ALL) feed(kind, lines)
    }),
    { numRuns: 300 },
  )
})

test('half of any recorded run throws nothing, and is no success before its end event came', () => {
  for (const path of CLIS.flatMap(cases)) {
    const kind = kinds[path.split('/')[0] as string] as AgentKind
    const lines = transcript(path).lines
    const reader = kind.reader()
    for (const [at, line] of lines.entries()) {
      const before = reader.findings()
      // A line that is cut anywhere says nothing: its reader stays as it was.
      for (const cut of [1, Math.floor(line.length / 2), line.length - 1]) {
        reader.line(line.slice(0, Math.max(0, cut)))
        if (!before.ended) expect(reader.findings().ended, `${path}:${at}`).toBeNull()
      }
      reader.line(line)
      const { ended } = reader.findings()
      if (ended?.ok) expect(line, `${path}:${at}`).toMatch(END)
    }
  }
})

test('the longest line and deep nesting', () => {
  const long = 'x'.repeat(1024 * 1024)
  const deep = `{"type":"assistant","message":${'['.repeat(100_000)}`
  const texts = [
    { type: 'assistant', message: { content: [{ type: 'text', text: long }] } },
    { type: 'item.completed', item: { type: 'agent_message', text: long } },
    { type: 'message', role: 'assistant', delta: true, content: long },
    { type: 'result', is_error: true, result: long, session_id: long, errors: [long] },
    { type: 'turn.failed', thread_id: long, error: { message: long } },
  ].map((one) => JSON.stringify(one))
  for (const kind of ALL) feed(kind, [long, deep, ...texts, ...texts])
})

test('a thousand files are listed, more are left to git', () => {
  const write = (n: number) =>
    JSON.stringify({
      type: 'item.completed',
      item: { type: 'file_change', status: 'completed', changes: [{ path: `f${n}` }] },
    })
  const reader = (kinds.codex as AgentKind).reader()
  for (let n = 0; n < 1000; n++) reader.line(write(n))
  expect(reader.findings().files).toHaveLength(1000)
  reader.line(write(1000))
  expect(reader.findings().files).toBeNull()
})

test('what was found is a copy', () => {
  const reader = (kinds.claude as AgentKind).reader()
  reader.findings().text = 'changed by its reader'
  expect(reader.findings().text).toBe('')
})
