// Gemini CLI: `gemini --output-format stream-json`, the prompt on stdin (AGENTS 2.3: measured with 0.61.0).
// Promises: success is `status: "success"` in its result event; exit 0 alone is what it also says after an interrupt.
import type { AgentKind, Findings, OutputReader, Verdict } from '../types.ts'
import { calls } from './calls.ts'
import { has, insert, kept, split } from './command.ts'
import { environment, payer, type Vendor } from './environment.ts'
import * as event from './events.ts'
import { explainCli } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { ADVICE, CODES, judge, reason, reported } from './gemini-verdict.ts'
import { homeOf, jsonOf } from './login.ts'
import { call, came, over } from './readable.ts'
import { fromText } from './resets.ts'
import { ofStatus } from './verdict.ts'

/** `--output-format json` of a person: the one object, as the event that says the same. */
function answer(all: event.Json | null): event.Json | null {
  if (!all || (all.response === undefined && all.error === undefined)) return null
  const status = all.error === undefined ? 'success' : 'error'
  return {
    type: 'result',
    status,
    response: all.response,
    error: all.error,
    session_id: all.session_id,
    stats: {},
  }
}

const NAMES = ['gemini', 'gemini-cli']
/** Any of these carries the person's own rules. `--sandbox` does not: inside it, too, nobody can approve. */
const PERMISSION = [
  '--approval-mode',
  '--yolo',
  '-y',
  '--policy',
  '--admin-policy',
  '--allowed-tools',
]
const SESSION = ['--session-id', '--session-file', '--resume', '-r']
/** What a person would give by hand, too. */
const KEEP = ['-m', '--model', '--approval-mode', '--policy', '--include-directories']
const KEEP_ALONE = ['-y', '--yolo', '-s', '--sandbox']
const WRITES = new Set(['write_file', 'replace', 'edit'])
/** Tools that can't change a file of the project. */
const HARMLESS = new Set(
  'read_file read_many_files list_directory glob grep_search search_file_content google_web_search web_fetch write_todos'.split(
    ' ',
  ),
)

const VENDOR: Vendor = {
  own: /^(GEMINI|GOOGLE)_\w+$/,
  keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  // Its own parent process ignores SIGTERM and SIGINT.
  set: { GEMINI_CLI_NO_RELAUNCH: 'true' },
  // By a Google account.
  subscribed: (env) =>
    event.string(jsonOf(homeOf(env, '.gemini'), 'oauth_creds.json').refresh_token) !== '',
}

export const gemini: AgentKind = {
  name: 'gemini',
  cli: {
    names: NAMES,
    help: ['--help'],
    flags: ['--output-format', '--approval-mode', '--skip-trust', '--session-id', '--resume'],
    tested: { from: '0.61.0', to: '0.61.0' },
  },
  hasEndEvent: true,
  stdin: 'prompt',
  argv(command, run) {
    const words = split(command.length > 0 ? command : ['gemini'], NAMES)
    const flags: string[] = []
    if (!has(words.own, '--output-format', '-o')) flags.push('--output-format', 'stream-json')
    if (!has(words.own, ...PERMISSION)) flags.push('--approval-mode', 'yolo')
    if (!has(words.own, '--skip-trust')) flags.push('--skip-trust')
    if (!has(words.own, ...SESSION))
      flags.push(run.resume ? '--resume' : '--session-id', run.sessionId)
    return insert(words, flags)
  },
  takeOver(command, sessionId) {
    const words = split(command.length > 0 ? command : ['gemini'], NAMES)
    return [...words.program, ...kept(words, KEEP, KEEP_ALONE), '--resume', sessionId]
  },
  env: (inherited, settings) => environment(inherited, settings, VENDOR),
  pays: (inherited, settings) => payer(inherited, settings, VENDOR),
  reader,
  readable,
  explain,
}

function explain(exit: number | null, stderrTail: string, now = Date.now): Verdict | undefined {
  const report = reported(stderrTail)
  const said = report ? `Error: ${report.said}` : stderrTail
  const codes = { ...CODES }
  // Its text format ends with 1, whatever the API said.
  if (report?.status)
    codes[1] = [`the Gemini API answered ${report.status}:`, ofStatus(report.status)]
  return explainCli('gemini', exit, said, {
    noise:
      /^(Warning: |YOLO mode is enabled|Ripgrep is not available|Approval mode overridden|\[STARTUP\]|\[ERROR\] \{|Usage: |at |[{}\]]|"|[\w]+: [\d{['])/,
    codes,
    known: [
      [/\bModelNotFoundError\b/, 'misconfigured'],
      [/\bInvalid approval mode\b/, 'misconfigured'],
      // With the status of a missing prompt.
      [/^Error resuming session/m, 'never-started'],
    ],
    advice: ADVICE,
    resetsAt: (text) => fromText(text, now()),
  })
}

function reader(now = Date.now): OutputReader {
  const found: Findings = { ...event.NOTHING }
  const files = filesWritten()
  const open = calls()
  const whole = event.document()
  let speaking = false
  return {
    line(text) {
      const line = event.parse(text) ?? answer(whole(text))
      if (!line) return
      found.events++
      const session = event.word(line.session_id)
      if (session) found.sessionId = session
      if (line.type === 'init') {
        const model = event.word(line.model)
        if (model) found.model = model
      } else if (line.type === 'message' && line.role === 'assistant') {
        const said = event.string(line.content)
        found.text = event.head(speaking && line.delta === true ? found.text + said : said)
        speaking = true
      } else if (line.type === 'tool_use') {
        speaking = false
        const tool = event.string(line.tool_name)
        const id = event.string(line.tool_id)
        open.began(id)
        const path = event.string(event.object(line.parameters).file_path)
        if (WRITES.has(tool)) files.began(id, path)
        else if (!HARMLESS.has(tool)) files.unseen()
      } else if (line.type === 'tool_result') {
        speaking = false
        open.ended(event.string(line.tool_id))
        files.ended(event.string(line.tool_id), line.status === 'success')
      } else if (line.type === 'result') {
        open.over()
        if (event.string(line.response)) found.text = event.head(event.string(line.response))
        found.ended = line.status === 'success' ? { ok: true } : judge(line, now())
        found.tokens = event.number(event.object(line.stats).total_tokens)
      }
    },
    findings: () => ({ ...found, tools: open.open(), files: files.list() }),
  }
}

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  if (line.type === 'message' && line.role === 'assistant') return event.string(line.content)
  if (line.type === 'tool_use') return call(event.word(line.tool_name), line.parameters)
  if (line.type === 'tool_result') return came(line.status === 'success', line.output)
  if (line.type === 'error') return event.sentence(`. ${event.string(line.message)}`)
  if (line.type === 'result') {
    const used = event.number(event.object(line.stats).total_tokens)
    return over(line.status === 'success', event.sentence(reason(line)), used)
  }
  return null
}
