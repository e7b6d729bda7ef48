// opencode: `opencode run --format json --auto`, the prompt on stdin (AGENTS 2.4: measured with 1.18.33).
// Promises: it has no end event of its own, so the end is a step that finished with `stop`; whatever follows opens it again.
import type { AgentKind, Findings, OutputReader, Verdict } from '../types.ts'
import { has, kept, split } from './command.ts'
import { environment, payer, type Vendor } from './environment.ts'
import * as event from './events.ts'
import { explainCli } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { call, came, over } from './readable.ts'
import { fromHeader, fromText } from './resets.ts'
import { type Advice, type Cause, failure, ofStatus } from './verdict.ts'

const NAMES = ['opencode', 'opencode-ai']
/** Any of these carries the person's own rules. */
const PERMISSION = ['--auto', '--dangerously-skip-permissions']
const SESSION = ['--session', '-s', '--continue', '-c']
/** What a person would give by hand, too. */
const KEEP = ['-m', '--model', '--agent']
const ADVICE: Advice = {
  unauthenticated: 'run `opencode auth login`, or set the key of its provider in its environment',
  misconfigured: 'see agents.opencode.command in config.yaml',
  denied: 'allow it under `permission` in its configuration',
}
/** The `name` of its errors, where it says more than the status. */
const NAMED: Record<string, Cause> = {
  ProviderAuthError: 'unauthenticated',
  ProviderModelNotFoundError: 'misconfigured',
}
/**
 * What it logs of an answer that it will ask for again; of one that was ended while it waited, that is the reason. It gives no status
 * there, and asks again after 429, 5xx and an API that cannot be reached; the last of these is no limit. What ends by itself says why in its events.
 */
const WAITS = [
  /AI_(APICall|Retry)Error: (?!Cannot connect)[^"\n]*/,
  'limited',
  'opencode waited for its API, which took no request',
] as const
/** Its own words in the error of a tool call that a rule forbade, or that nobody was there to allow. */
const REFUSED = /^The user (has specified a rule which prevents|rejected permission)/
/** Steps that go on; every other reason is an end. */
const GOES_ON = new Set(['tool-calls', 'unknown'])
const WRITES = new Set(['write', 'edit'])
/** Tools that can't change a file. */
const HARMLESS = new Set(
  'read list glob grep webfetch websearch codesearch todowrite todoread skill question'.split(' '),
)

const VENDOR: Vendor = {
  // It speaks to any provider, by the key of that one.
  own: /^(OPENCODE_\w+|\w+_API_KEY)$/,
  keys: ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY', 'OPENROUTER_API_KEY'],
}

export const opencode: AgentKind = {
  name: 'opencode',
  cli: {
    names: NAMES,
    help: ['run', '--help'],
    flags: ['--format', '--auto', '--print-logs', '--log-level', '--session'],
    tested: { from: '1.18.33', to: '1.18.33' },
    // Of several at once on a fresh data folder one loses the migration of its SQLite file: exit 1, SQL on stderr.
    warmUp: true,
  },
  hasEndEvent: true,
  stdin: 'prompt',
  argv(command, run) {
    const words = split(command.length > 0 ? command : ['opencode', 'run'], NAMES)
    const flags: string[] = []
    if (!has(words.own, '--format')) flags.push('--format', 'json')
    if (!has(words.own, ...PERMISSION)) flags.push('--auto')
    // What its API refuses it tells nowhere else while it tries again.
    if (!has(words.own, '--print-logs')) flags.push('--print-logs', '--log-level', 'WARN')
    if (run.resume && !has(words.own, ...SESSION)) flags.push('--session', run.sessionId)
    if (!words.known) return [...words.program, ...words.own, ...flags]
    const own = words.own[0] === 'run' ? words.own.slice(1) : words.own
    return [...words.program, 'run', ...flags, ...own]
  },
  takeOver(command, sessionId) {
    const words = split(command.length > 0 ? command : ['opencode'], NAMES)
    return [...words.program, ...kept(words, KEEP), '--session', sessionId]
  },
  env: (inherited, settings) => environment(inherited, settings, VENDOR),
  pays: (inherited, settings) => payer(inherited, settings, VENDOR),
  reader,
  readable,
  explain: (exit, stderrTail) =>
    explainCli('opencode', exit, stderrTail, {
      noise: /^(> |opencode run \[message)/,
      known: [
        [/^Error: Session not found/m, 'never-started'],
        ...(exit === null || exit > 128 ? [WAITS] : []),
        // To a flag that it does not know it answers with its whole help, and no word of what is wrong.
        [/^opencode run \[message/m, 'misconfigured', 'opencode refused its arguments'],
      ],
      advice: ADVICE,
    }),
}

function reader(now = Date.now): OutputReader {
  const found: Findings = { ...event.NOTHING }
  const files = filesWritten()
  const refused = new Set<string>()
  /** It tells of a call after its end only; while a step is open, one may be in flight. */
  let open = false
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
      found.events++
      const session = event.word(line.sessionID)
      if (session) found.sessionId = session
      const part = event.object(line.part)
      if (line.type === 'error') {
        open = false
        const at = event.number(line.timestamp)
        found.ended = judge(event.object(line.error), at || now())
        return
      }
      if (line.type === 'step_start') open = true
      else if (line.type === 'text') found.text = event.head(event.string(part.text))
      else if (line.type === 'tool_use') follow(part)
      else if (line.type === 'step_finish') open = false
      else return
      found.ended = line.type === 'step_finish' ? finish(part) : null
    },
    findings: () => ({ ...found, tools: open ? 1 : 0, files: files.list() }),
  }

  function follow(part: event.Json) {
    const tool = event.string(part.tool)
    const state = event.object(part.state)
    const path = event.string(event.object(state.input).filePath)
    if (REFUSED.test(event.string(state.error)) && refused.size < 20) refused.add(event.word(tool))
    if (WRITES.has(tool) && path) {
      if (state.status === 'completed') files.wrote(path)
    } else if (!HARMLESS.has(tool)) files.unseen()
  }

  function finish(part: event.Json): Verdict | null {
    found.tokens = (found.tokens ?? 0) + stepOf(part)
    found.costUsd = (found.costUsd ?? 0) + event.number(part.cost)
    const reason = event.word(part.reason)
    if (reason === 'stop' && refused.size > 0) {
      const tools = [...refused].join(', ')
      return failure(`opencode was refused a tool call: ${tools}`, `tool_use: ${tools}`, 'denied', {
        advice: ADVICE,
      })
    }
    if (reason === 'stop') return { ok: true }
    if (GOES_ON.has(reason)) return null
    return failure(`the answer ended early: ${reason || 'no reason'}`, `step_finish: ${reason}`)
  }
}

/** Tokens of one step. */
function stepOf(part: event.Json): number {
  const used = event.object(part.tokens)
  const cache = event.sum(event.object(used.cache), 'read', 'write')
  return event.number(used.total) || event.sum(used, 'input', 'output', 'reasoning') + cache
}

/** @param now When it was said, by its own clock. */
function judge(error: event.Json, now: number): Verdict {
  const name = event.word(error.name) || 'error'
  const data = event.object(error.data)
  const why = event.string(data.message) || event.string(error.message) || 'opencode said no more'
  const status = event.number(data.statusCode)
  const code = event.object(event.parse(event.string(data.responseBody))?.error).code
  const cause = Object.hasOwn(NAMED, name) ? NAMED[name] : ofStatus(status)
  const after = event.object(data.responseHeaders)['retry-after']
  return failure(why, `error: ${name}${status ? ` ${status}` : ''}`, cause, {
    advice: ADVICE,
    // A balance that is used up does not come back by waiting for as long as an overloaded server asks for.
    resetsAt:
      code === 'insufficient_quota' ? undefined : (fromHeader(after, now) ?? fromText(why, now)),
  })
}

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  const part = event.object(line.part)
  const state = event.object(part.state)
  if (line.type === 'text') return event.string(part.text) || null
  if (line.type === 'tool_use') {
    const ok = state.status === 'completed'
    const answer = came(ok, state.output ?? state.error)
    return `${call(event.word(part.tool), state.input)}\n${answer}`
  }
  if (line.type === 'step_finish' && part.reason === 'stop')
    return over(true, undefined, stepOf(part), event.number(part.cost))
  if (line.type === 'error') return over(false, judge(event.object(line.error), 0).error)
  return null
}
