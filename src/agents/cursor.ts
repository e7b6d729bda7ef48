// Cursor's CLI: `cursor-agent -p --output-format stream-json`, the prompt on stdin (AGENTS 2.8: from its papers, not measured).
// Promises: success is a result event without an error; it may linger after it, which is no matter to its result.
import type { AgentKind, Findings, OutputReader } from '../types.ts'
import { has, insert, split } from './command.ts'
import { environment } from './environment.ts'
import * as event from './events.ts'
import { explainExit } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { call, came, flat, over } from './readable.ts'

const NAMES = ['cursor-agent', 'agent']
/** Any of these carries the person's own rules. */
const PERMISSION = ['--force', '-f', '--yolo', '--mode', '--plan']
const WRITES = new Set(['editToolCall', 'writeToolCall', 'deleteToolCall'])
const HARMLESS = new Set(
  'readToolCall lsToolCall globToolCall grepToolCall semSearchToolCall updateTodosToolCall readTodosToolCall'.split(
    ' ',
  ),
)

export const cursor: AgentKind = {
  name: 'cursor',
  hasEndEvent: true,
  stdin: 'prompt',
  argv(command) {
    const words = split(command.length > 0 ? command : ['cursor-agent'], NAMES)
    const flags: string[] = []
    if (!has(words.own, '-p', '--print')) flags.push('-p')
    if (!has(words.own, '--output-format')) flags.push('--output-format', 'stream-json')
    if (!has(words.own, ...PERMISSION)) flags.push('--force')
    if (!has(words.own, '--trust')) flags.push('--trust')
    return insert(words, flags)
  },
  env: (inherited, settings) =>
    environment(inherited, settings, { own: /^CURSOR_\w+$/, keys: ['CURSOR_API_KEY'] }),
  reader,
  readable,
  explain: (exit, stderrTail) =>
    explainExit('cursor', exit, stderrTail, {
      known: [
        [
          /authentication required|not logged in/i,
          'cursor-agent is not logged in: run `cursor-agent login`, or set CURSOR_API_KEY in its environment',
        ],
      ],
    }),
}

function reader(): OutputReader {
  const found: Findings = { ended: null, text: '', files: null }
  const files = filesWritten()
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
      const session = event.word(line.session_id)
      if (session) found.sessionId = session
      if (line.type === 'system' && line.subtype === 'init') {
        const model = event.word(line.model)
        if (model) found.model = model
      } else if (line.type === 'assistant') {
        const said = flat(event.object(line.message).content)
        if (said) found.text = event.head(said)
      } else if (line.type === 'tool_call') {
        const { tool, path, ok } = toolCall(line)
        if (!WRITES.has(tool)) {
          if (!HARMLESS.has(tool)) files.unseen()
        } else if (line.subtype === 'completed' && ok) files.wrote(path)
      } else if (line.type === 'result') {
        const ok = line.is_error === false
        found.ended = ok ? { ok } : { ok, error: reason(line) }
        if (event.string(line.result)) found.text = event.head(event.string(line.result))
        const usage = event.object(line.usage)
        const tokens = event.sum(
          usage,
          'inputTokens',
          'outputTokens',
          'cacheReadTokens',
          'cacheWriteTokens',
        )
        if (tokens > 0) found.tokens = tokens
      }
    },
    findings: () => ({ ...found, files: files.list() }),
  }
}

const reason = (line: event.Json): string =>
  event.sentence(event.string(line.result) || event.string(line.error)) || 'cursor said no more'

/** `{"tool_call":{"editToolCall":{"args":{"path"},"result":{"success":{…}}}}}`: the tool is the key. */
function toolCall(line: event.Json) {
  const [tool, body] = Object.entries(event.object(line.tool_call))[0] ?? ['', {}]
  const { args, result } = event.object(body)
  const success = event.object(result).success
  const path = event.string(event.object(success).path) || event.string(event.object(args).path)
  return { tool, path, args, ok: success !== undefined }
}

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  if (line.type === 'assistant') return flat(event.object(line.message).content) || null
  if (line.type === 'result') return over(line.is_error === false, reason(line))
  if (line.type !== 'tool_call') return null
  const { tool, args, ok } = toolCall(line)
  const name = event.word(tool).replace(/ToolCall$/, '')
  return line.subtype === 'started' ? call(name, args) : came(ok, name)
}
