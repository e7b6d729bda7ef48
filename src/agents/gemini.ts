// Gemini CLI: `gemini --output-format stream-json`, the prompt on stdin (AGENTS 2.3: measured with 0.61.0).
// Promises: success is `status: "success"` in its result event; exit 0 alone is what it also says after an interrupt.
import type { AgentKind, Findings, OutputReader } from '../types.ts'
import { has, insert, split } from './command.ts'
import { environment } from './environment.ts'
import * as event from './events.ts'
import { explainExit } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { call, came, over } from './readable.ts'

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
const WRITES = new Set(['write_file', 'replace', 'edit'])
/** Tools that can't change a file of the project. */
const HARMLESS = new Set(
  'read_file read_many_files list_directory glob grep_search search_file_content google_web_search web_fetch write_todos'.split(
    ' ',
  ),
)

export const gemini: AgentKind = {
  name: 'gemini',
  hasEndEvent: true,
  stdin: 'prompt',
  argv(command) {
    const words = split(command.length > 0 ? command : ['gemini'], NAMES)
    const flags: string[] = []
    if (!has(words.own, '--output-format', '-o')) flags.push('--output-format', 'stream-json')
    if (!has(words.own, ...PERMISSION)) flags.push('--approval-mode', 'yolo')
    if (!has(words.own, '--skip-trust')) flags.push('--skip-trust')
    return insert(words, flags)
  },
  env: (inherited, settings) =>
    environment(inherited, settings, {
      own: /^(GEMINI|GOOGLE)_\w+$/,
      keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
      // Its own parent process ignores SIGTERM and SIGINT.
      set: { GEMINI_CLI_NO_RELAUNCH: 'true' },
    }),
  reader,
  readable,
  explain: (exit, stderrTail) =>
    explainExit('gemini', exit, stderrTail, {
      noise:
        /^(Warning: |YOLO mode is enabled|Ripgrep is not available|Approval mode overridden|\[STARTUP\]|at |[{}\]]|"|[\w]+: [\d{[])/,
      known: [
        [/must specify the GEMINI_API_KEY|Please set an Auth method/i, NO_LOGIN],
        [/not running in a trusted directory/, UNTRUSTED],
      ],
      codes: {
        41: NO_LOGIN,
        42: 'gemini got no prompt',
        52: 'gemini refused its own settings.json',
        53: 'gemini reached its limit of turns (model.maxSessionTurns)',
        55: UNTRUSTED,
        // The HTTP status modulo 256.
        144: 'the Gemini API answered 400',
        145: 'the Gemini API answered 401: the login or key is not accepted',
        147: 'the Gemini API answered 403: the login or key may not do this',
        173: 'the Gemini API answered 429: too many requests, or the quota is used up',
        244: 'the Gemini API answered 500',
        247: 'the Gemini API answered 503',
      },
    }),
}

const NO_LOGIN =
  'gemini has no usable login: run `gemini` once and log in, or set GEMINI_API_KEY in its environment'
const UNTRUSTED =
  'gemini does not trust this folder: update it (`--skip-trust` was given), or trust the folder in an interactive session'

function reader(): OutputReader {
  const found: Findings = { ended: null, text: '', files: null }
  const files = filesWritten()
  let speaking = false
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
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
        const path = event.string(event.object(line.parameters).file_path)
        if (WRITES.has(tool)) files.began(event.string(line.tool_id), path)
        else if (!HARMLESS.has(tool)) files.unseen()
      } else if (line.type === 'tool_result') {
        speaking = false
        files.ended(event.string(line.tool_id), line.status === 'success')
      } else if (line.type === 'result') {
        const ok = line.status === 'success'
        found.ended = ok ? { ok } : { ok, error: reason(line) }
        found.tokens = event.number(event.object(line.stats).total_tokens)
      }
    },
    findings: () => ({ ...found, files: files.list() }),
  }
}

const reason = (line: event.Json): string =>
  event.sentence(event.string(event.object(line.error).message)) || 'gemini said no more'

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  if (line.type === 'message' && line.role === 'assistant') return event.string(line.content)
  if (line.type === 'tool_use') return call(event.word(line.tool_name), line.parameters)
  if (line.type === 'tool_result') return came(line.status === 'success', line.output)
  if (line.type === 'error') return event.sentence(`. ${event.string(line.message)}`)
  if (line.type === 'result') return over(line.status === 'success', reason(line))
  return null
}
