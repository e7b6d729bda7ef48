// Cursor's CLI: `cursor-agent -p --output-format stream-json`, the prompt on stdin (AGENTS 2.8: from its papers, not measured).
// Promises: success is a result event without an error; it may linger after it, which is no matter to its result.
import type { AgentKind, Findings, OutputReader } from '../types.ts'
import { calls } from './calls.ts'
import { has, insert, kept, split } from './command.ts'
import { environment, payer, type Vendor } from './environment.ts'
import * as event from './events.ts'
import { explainCli } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { call, came, flat, over } from './readable.ts'
import { fromText } from './resets.ts'
import { type Advice, failure, read, type Sign } from './verdict.ts'

const NAMES = ['cursor-agent', 'agent']
/** Any of these carries the person's own rules. */
const PERMISSION = ['--force', '-f', '--yolo', '--mode', '--plan']
const SESSION = ['--resume', '--continue']
/** What a person would give by hand, too. */
const KEEP = ['-m', '--model', '--mode', '--sandbox', '--workspace']
const KEEP_ALONE = ['--force', '-f', '--yolo', '--plan']
const ADVICE: Advice = {
  unauthenticated: 'run `cursor-agent login`, or set CURSOR_API_KEY in its environment',
  misconfigured: 'see agents.cursor.command in config.yaml',
}
/** On stderr, or in a result that is an error. */
const SIGNS: readonly Sign[] = [
  [/\bhit your usage limit\b|\bresource_exhausted\b/i, 'limited'],
  [/\bauthentication required\b|\bnot logged in\b|\binvalid api key\b/i, 'unauthenticated'],
]
const WRITES = new Set(['editToolCall', 'writeToolCall', 'deleteToolCall'])
const HARMLESS = new Set(
  'readToolCall lsToolCall globToolCall grepToolCall semSearchToolCall updateTodosToolCall readTodosToolCall'.split(
    ' ',
  ),
)

const VENDOR: Vendor = { own: /^CURSOR_\w+$/, keys: ['CURSOR_API_KEY'] }

export const cursor: AgentKind = {
  name: 'cursor',
  cli: {
    names: NAMES,
    help: ['--help'],
    flags: ['--print', '--output-format', '--force', '--trust', '--resume'],
    // From its papers: never run here.
    tested: { from: '2026.08.11', to: '2026.08.11' },
  },
  hasEndEvent: true,
  stdin: 'prompt',
  argv(command, run) {
    const words = split(command.length > 0 ? command : ['cursor-agent'], NAMES)
    const flags: string[] = []
    if (!has(words.own, '-p', '--print')) flags.push('-p')
    if (!has(words.own, '--output-format')) flags.push('--output-format', 'stream-json')
    if (!has(words.own, ...PERMISSION)) flags.push('--force')
    if (!has(words.own, '--trust')) flags.push('--trust')
    if (run.resume && !has(words.own, ...SESSION)) flags.push('--resume', run.sessionId)
    return insert(words, flags)
  },
  takeOver(command, sessionId) {
    const words = split(command.length > 0 ? command : ['cursor-agent'], NAMES)
    return [...words.program, ...kept(words, KEEP, KEEP_ALONE), '--resume', sessionId]
  },
  env: (inherited, settings) => environment(inherited, settings, VENDOR),
  pays: (inherited, settings) => payer(inherited, settings, VENDOR),
  reader,
  readable,
  explain: (exit, stderrTail, now = Date.now) =>
    explainCli('cursor', exit, stderrTail, {
      known: SIGNS,
      advice: ADVICE,
      resetsAt: (text) => fromText(text, now()),
    }),
}

function reader(now = Date.now): OutputReader {
  const found: Findings = { ...event.NOTHING }
  const files = filesWritten()
  const open = calls()
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
      found.events++
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
        const id = event.string(line.call_id)
        if (line.subtype === 'completed') open.ended(id)
        else open.began(id)
        if (!WRITES.has(tool)) {
          if (!HARMLESS.has(tool)) files.unseen()
        } else if (line.subtype === 'completed' && ok) files.wrote(path)
      } else if (line.type === 'result') {
        open.over()
        found.ended = line.is_error === false ? { ok: true } : judge(reason(line), now())
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
    findings: () => ({ ...found, tools: open.open(), files: files.list() }),
  }
}

function judge(message: string, now: number) {
  const sign = read(message, SIGNS)
  const more = { advice: ADVICE, resetsAt: fromText(message, now) }
  return failure(message, sign ? `result: ${sign.said}` : 'result: is_error', sign?.cause, more)
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
