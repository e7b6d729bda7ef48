// Codex: `codex exec --json`, the prompt on stdin (AGENTS 2.2: measured with 0.100.0 and 0.169.0).
// Promises: `turn.completed` is success, `turn.failed` is failure; its many other errors are not fatal and decide nothing.
import type { AgentKind, Findings, OutputReader } from '../types.ts'
import { flagValue, has, split } from './command.ts'
import { environment } from './environment.ts'
import * as event from './events.ts'
import { explainExit } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { call, came, over } from './readable.ts'

/** Any of these carries the person's own rules (a profile may hold a sandbox). */
const PERMISSION = [
  '--sandbox',
  '-s',
  '--ask-for-approval',
  '-a',
  '--full-auto',
  '--dangerously-bypass-approvals-and-sandbox',
  '--yolo',
  '--profile',
  '-p',
]
const PERMISSION_SETTING = /^(-c=?|--config=)?"?(sandbox|approval|default_permissions|permissions)/
/** Flags before `exec` that take the next word. */
const TAKES_VALUE = new Set(
  '-c --config --enable --disable -i --image -m --model --local-provider -p --profile -s --sandbox -a --ask-for-approval -C --cd --add-dir'.split(
    ' ',
  ),
)
/** Known to `codex`, not to `codex exec`. */
const ONLY_BEFORE_EXEC = ['--ask-for-approval', '-a', '--search']
/**
 * Accepted before `exec` and then silently forgotten (measured with 0.100.0; github.com/openai/codex/issues/18113): the form of the
 * specification, `--sandbox danger-full-access exec`, runs read-only. We say it once more behind `exec`.
 */
const LOST_BEFORE_EXEC = [
  ['--sandbox', '-s'],
  ['--profile', '-p'],
] as const
/** Items that can't change a file; `file_change` tells, every other one (a command, an MCP tool) can without telling. */
const HARMLESS = new Set(['agent_message', 'reasoning', 'error', 'web_search', 'todo_list'])

export const codex: AgentKind = {
  name: 'codex',
  hasEndEvent: true,
  stdin: 'prompt',
  argv(command) {
    const words = split(command.length > 0 ? command : ['codex', 'exec'], ['codex'])
    if (!words.known) return [...words.program, ...words.own, ...missing([], words.own)]
    // `--ask-for-approval never exec`: what stands before `exec` must stay there (`exec` refuses it).
    const at = positional(words.own)
    const named = words.own[at] === 'exec' || words.own[at] === 'e'
    const cut = named || has(words.own, ...ONLY_BEFORE_EXEC) ? at : 0
    const before = words.own.slice(0, cut)
    const after = words.own.slice(named ? cut + 1 : cut)
    const exec = named ? (words.own[at] ?? 'exec') : 'exec'
    return [...words.program, ...before, exec, ...missing(before, after), ...after]
  },
  env: (inherited, settings) =>
    environment(inherited, settings, {
      own: /^(OPENAI|CODEX)_\w+$/,
      keys: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
    }),
  reader,
  readable,
  explain: (exit, stderrTail) =>
    explainExit('codex', exit, stderrTail, {
      noise: /^(WARNING: proceeding|Reading (additional input|prompt) from stdin)/,
    }),
}

function missing(before: string[], after: string[]): string[] {
  const flags: string[] = []
  if (!has(after, '--json', '--experimental-json')) flags.push('--json')
  if (!has(after, '--skip-git-repo-check')) flags.push('--skip-git-repo-check')
  for (const [long, short] of LOST_BEFORE_EXEC) {
    const given = flagValue(before, long, short)
    if (given !== null && !has(after, long, short)) flags.push(long, given)
  }
  const own = [...before, ...after]
  if (!has(own, ...PERMISSION) && !own.some((word) => PERMISSION_SETTING.test(word)))
    flags.push('--dangerously-bypass-approvals-and-sandbox')
  return flags
}

/** Index of the first word that is neither a flag nor a flag's value; the length when there is none. */
function positional(own: string[]): number {
  for (let at = 0; at < own.length; at++) {
    const word = own[at] ?? ''
    if (TAKES_VALUE.has(word)) at++
    else if (!word.startsWith('-') || word === '--') return at
  }
  return own.length
}

function reader(): OutputReader {
  const found: Findings = { ended: null, text: '', files: null }
  const files = filesWritten()
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
      const session = event.word(line.thread_id)
      if (session) found.sessionId = session
      const item = event.object(line.item)
      const type = event.string(item.type)
      if (type === 'agent_message' && event.string(item.text))
        found.text = event.head(event.string(item.text))
      else if (type === 'file_change') {
        if (line.type === 'item.completed' && item.status !== 'failed')
          for (const change of event.objects(item.changes)) files.wrote(event.string(change.path))
      } else if (type && !HARMLESS.has(type)) files.unseen()

      if (line.type === 'turn.completed') {
        found.ended = { ok: true }
        // Cached input is part of the input.
        found.tokens = event.sum(event.object(line.usage), 'input_tokens', 'output_tokens')
      } else if (line.type === 'turn.failed') found.ended = { ok: false, error: reason(line) }
    },
    findings: () => ({ ...found, files: files.list() }),
  }
}

const reason = (line: event.Json): string =>
  event.sentence(event.string(event.object(line.error).message)) || 'codex said no more'

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  if (line.type === 'turn.completed') return over(true)
  if (line.type === 'turn.failed') return over(false, reason(line))
  if (line.type === 'error') return event.sentence(`. ${event.string(line.message)}`)
  const item = event.object(line.item)
  if (item.type === 'command_execution')
    return line.type === 'item.started'
      ? call('shell', item)
      : came(item.exit_code === 0, item.aggregated_output)
  if (line.type !== 'item.completed') return null
  if (item.type === 'agent_message') return event.string(item.text)
  if (item.type === 'error') return event.sentence(`. ${event.string(item.message)}`)
  if (item.type === 'file_change')
    return event
      .objects(item.changes)
      .map((change) => call(event.word(change.kind) || 'change', change))
      .join('\n')
  return null
}
