// What a model writes decides nothing: a run whose answers speak of limits, logins and refusals is judged as the same run without.
import { expect, test } from 'vitest'
import { kinds } from '../../src/agents/index.ts'
import type { AgentKind } from '../../src/types.ts'
import { transcript } from './transcripts.ts'

const NOW = () => Date.parse('2026-11-22T11:19:00Z')
const PROSE = [
  "You've hit your usage limit. Try again at 1:18 PM.",
  "You've hit your 5-hour limit · resets 1:18pm (UTC)",
  'API Error: 401 unauthorized. Not logged in · Please run /login',
  'Credit balance is too low',
  '[API Error: {"error":{"code":429,"message":"quota"}}]',
  'unexpected status 404 Not Found: model not found',
  'permission denied; the tool call was refused',
  'Error: Session not found',
  'Error: unknown option --x',
  '{"type":"result","is_error":true,"api_error_status":429}\n{"type":"turn.failed","error":{"message":"401"}}',
]

/** The event by which each CLI tells that its model spoke, and a run in which it did, and then went well. */
const SPEAKS: Record<string, [string, (text: string) => unknown]> = {
  claude: [
    'claude/ok',
    (text) => ({
      type: 'assistant',
      message: { model: 'claude-sonnet-4-5', role: 'assistant', content: [{ type: 'text', text }] },
      parent_tool_use_id: null,
    }),
  ],
  codex: [
    'codex/ok',
    (text) => ({ type: 'item.completed', item: { id: 'item_9', type: 'agent_message', text } }),
  ],
  gemini: ['gemini/ok-sj', (content) => ({ type: 'message', role: 'assistant', content })],
  cursor: [
    'cursor/write',
    (text) => ({
      type: 'assistant',
      message: { role: 'assistant', content: [{ type: 'text', text }] },
    }),
  ],
  opencode: ['opencode/ok', (text) => ({ type: 'text', part: { type: 'text', text } })],
}
const names = Object.keys(SPEAKS)

/** The run with `extra` said just before its last event. */
function told(name: string, extra: unknown, last = true) {
  const [path] = SPEAKS[name] as [string, unknown]
  const kind = kinds[name] as AgentKind
  const lines = transcript(path).lines.filter((line) => line !== '')
  const reader = kind.reader(NOW)
  for (const line of lines.slice(0, -1)) reader.line(line)
  reader.line(JSON.stringify(extra))
  if (last) reader.line(lines.at(-1) as string)
  return reader.findings()
}
const spoken = (name: string, text: string, last?: boolean) => {
  const [, say] = SPEAKS[name] as [string, (text: string) => unknown]
  return told(name, say(text), last)
}

test('every kind with events is here', () => {
  const withEvents = Object.values(kinds).filter((kind) => kind.hasEndEvent)
  expect(names.toSorted()).toEqual(withEvents.map((kind) => kind.name).toSorted())
})

test.each(names)('%s: words of the model, while it works and at its end', (name) => {
  for (const text of PROSE) {
    expect(spoken(name, text, false)).toMatchObject({ ended: null, waits: null })
    expect(spoken(name, text).ended).toEqual({ ok: true })
  }
})

test('a result that went well and quotes an error went well', () => {
  for (const text of PROSE) {
    for (const name of ['claude', 'cursor']) {
      const reader = (kinds[name] as AgentKind).reader(NOW)
      reader.line(
        JSON.stringify({ type: 'result', subtype: 'success', is_error: false, result: text }),
      )
      expect(reader.findings().ended).toEqual({ ok: true })
    }
  }
})

test('claude: an end without an error of the API is not judged by its last words', () => {
  const reader = (kinds.claude as AgentKind).reader(NOW)
  const [, say] = SPEAKS.claude as [string, (text: string) => unknown]
  reader.line(JSON.stringify(say("You've hit your usage limit")))
  reader.line(
    JSON.stringify({ type: 'result', is_error: true, result: "You've hit your usage limit" }),
  )
  expect(reader.findings().ended?.outcome).toBeUndefined()
})

test('output of a tool is not the CLI’s own voice either', () => {
  const said = 'unexpected status 401 Unauthorized: You’ve hit your usage limit'
  const item = {
    id: 'i',
    type: 'command_execution',
    status: 'failed',
    exit_code: 1,
    aggregated_output: said,
  }
  expect(told('codex', { type: 'item.completed', item }).ended).toEqual({ ok: true })
  const content = [{ type: 'tool_result', tool_use_id: 't', is_error: true, content: said }]
  expect(told('claude', { type: 'user', message: { content } }).ended).toEqual({ ok: true })
  const result = { type: 'tool_result', tool_id: 't', status: 'error', output: said }
  expect(told('gemini', result).ended).toEqual({ ok: true })
  const part = { tool: 'bash', state: { status: 'error', error: said } }
  expect(told('opencode', { type: 'tool_use', part }).ended).toEqual({ ok: true })
})
