// Codex: `codex exec --json`, the prompt on stdin (AGENTS 2.2: measured with 0.100.0 and 0.169.0).
// Promises: `turn.completed` is success, `turn.failed` is failure; its many other errors are not fatal and decide nothing.
import type { AgentKind, Findings, OutputReader, Verdict } from '../types.ts'
import { calls } from './calls.ts'
import { ADVICE, judge, reason } from './codex-verdict.ts'
import { flagValue, has, kept, split } from './command.ts'
import { environment, payer, type Vendor } from './environment.ts'
import * as event from './events.ts'
import { explainCli } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { homeOf, jsonOf } from './login.ts'
import { call, came, over } from './readable.ts'
import { fromText } from './resets.ts'
import { failure } from './verdict.ts'

const NAMES = ['codex']
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
/** What a person would give by hand, too. */
const KEEP = '-m --model -c --config -p --profile -s --sandbox -a --ask-for-approval -C --cd'.split(
  ' ',
)
const KEEP_ALONE = ['--dangerously-bypass-approvals-and-sandbox', '--full-auto', '--search']
/** Items that can't change a file; `file_change` tells, every other one (a command, an MCP tool) can without telling. */
const HARMLESS = new Set(['agent_message', 'reasoning', 'error', 'web_search', 'todo_list'])

const CALLS = new Set([
  'command_execution',
  'file_change',
  'mcp_tool_call',
  'web_search',
  'collab_tool_call',
])

const VENDOR: Vendor = {
  own: /^(OPENAI|CODEX)_\w+$/,
  keys: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
  // Of ChatGPT; the same file may hold a key instead.
  subscribed: (env) =>
    event.string(
      event.object(jsonOf(env.CODEX_HOME || homeOf(env, '.codex'), 'auth.json').tokens)
        .access_token,
    ) !== '',
}

export const codex: AgentKind = {
  name: 'codex',
  cli: {
    names: NAMES,
    help: ['exec', '--help'],
    flags: [
      '--json',
      '--skip-git-repo-check',
      '--sandbox',
      '--profile',
      '--dangerously-bypass-approvals-and-sandbox',
    ],
    tested: { from: '0.100.0', to: '0.169.0' },
  },
  hasEndEvent: true,
  cumulative: true,
  stdin: 'prompt',
  argv(command, run) {
    const words = split(command.length > 0 ? command : ['codex', 'exec'], NAMES)
    const resume = run.resume ? ['resume', run.sessionId, '-'] : []
    if (!words.known) return [...words.program, ...words.own, ...missing([], words.own), ...resume]
    const { before, exec, after } = parts(words.own)
    const theirs = after[positional(after)] === 'resume'
    return [
      ...words.program,
      ...before,
      exec,
      ...missing(before, after),
      ...after,
      ...(theirs ? [] : resume),
    ]
  },
  takeOver(command, sessionId) {
    const words = split(command.length > 0 ? command : ['codex'], NAMES)
    return [...words.program, 'resume', ...kept(words, KEEP, KEEP_ALONE), sessionId]
  },
  env: (inherited, settings) => environment(inherited, settings, VENDOR),
  pays: (inherited, settings) => payer(inherited, settings, VENDOR),
  reader,
  readable,
  explain: (exit, stderrTail, now = Date.now) =>
    explainCli('codex', exit, stderrTail, {
      noise:
        /^(WARNING: proceeding|Reading (additional input|prompt) from stdin|tip: |Usage: |For more information)|codex_core::session: failed to record rollout/,
      known: [
        [/no rollout found for thread id|No saved session found with ID/, 'never-started'],
        [/^Error: Not logged in.*/m, 'unauthenticated'],
        [/^Error loading config.*/m, 'misconfigured'],
      ],
      advice: ADVICE,
      resetsAt: (text) => fromText(text, now()),
    }),
}

/** `--ask-for-approval never exec`: what stands before `exec` must stay there (`exec` refuses it). */
function parts(own: string[]) {
  const at = positional(own)
  const named = own[at] === 'exec' || own[at] === 'e'
  const cut = named || has(own, ...ONLY_BEFORE_EXEC) ? at : 0
  return {
    before: own.slice(0, cut),
    exec: named ? (own[at] ?? 'exec') : 'exec',
    after: own.slice(named ? cut + 1 : cut),
  }
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

function reader(now = Date.now): OutputReader {
  const found: Findings = { ...event.NOTHING }
  const files = filesWritten()
  const open = calls()
  let declined = ''
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
      found.events++
      const session = event.word(line.thread_id)
      if (session) found.sessionId = session
      const item = event.object(line.item)
      const type = event.string(item.type)
      if (type) follow(line, item, type)

      if (line.type === 'turn.started') found.ended = null
      else if (line.type === 'turn.completed') {
        const evidence = `item.completed: ${declined} declined`
        finish(
          declined
            ? failure(`codex was refused a ${declined}`, evidence, 'denied', { advice: ADVICE })
            : { ok: true },
        )
        // Cached input is part of the input.
        found.tokens = event.sum(event.object(line.usage), 'input_tokens', 'output_tokens')
      } else if (line.type === 'turn.failed') finish(judge('turn.failed', reason(line), now()))
      // Not fatal by itself: it asks again, or `turn.failed` follows.
      else if (line.type === 'error')
        found.waits = judge('error', event.string(line.message), now())
    },
    findings: () => ({ ...found, tools: open.open(), files: files.list() }),
  }

  function finish(verdict: Verdict) {
    found.ended = verdict
    found.waits = null
    declined = ''
    open.over()
  }

  function follow(line: event.Json, item: event.Json, type: string) {
    const id = event.string(item.id)
    if (type !== 'error') found.waits = null
    if (line.type === 'item.started' && CALLS.has(type)) open.began(id)
    if (line.type === 'item.completed') {
      open.ended(id)
      if (item.status === 'declined') declined = event.word(type)
    }
    if (type === 'agent_message' && event.string(item.text))
      found.text = event.head(event.string(item.text))
    else if (type === 'file_change') {
      if (line.type === 'item.completed' && item.status === 'completed')
        for (const change of event.objects(item.changes)) files.wrote(event.string(change.path))
    } else if (!HARMLESS.has(type)) files.unseen()
  }
}

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  if (line.type === 'turn.completed')
    return over(
      true,
      undefined,
      event.sum(event.object(line.usage), 'input_tokens', 'output_tokens'),
    )
  if (line.type === 'turn.failed') return over(false, event.sentence(reason(line)))
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
