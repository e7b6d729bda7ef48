// Claude Code: `claude -p --output-format stream-json`, the prompt on stdin (AGENTS 2.1: measured with 2.1.112 to 2.1.332).
// Promises: success is `is_error: false` in its result event, never the word "success"; a refused tool call is said aloud.
import type { AgentKind, Findings, OutputReader, Verdict } from '../types.ts'
import { calls } from './calls.ts'
import {
  ADVICE,
  ending,
  LOGIN,
  NO_SESSION,
  refusal,
  type Told,
  tokens,
  waiting,
} from './claude-result.ts'
import { flagValue, has, insert, kept, split } from './command.ts'
import { environment, payer, type Vendor } from './environment.ts'
import * as event from './events.ts'
import { explainCli } from './explain.ts'
import { filesWritten } from './files-written.ts'
import { homeOf, jsonOf } from './login.ts'
import { call, came, flat, over } from './readable.ts'

const NAMES = ['claude', 'claude-code']
const SESSION = ['--session-id', '--resume', '-r', '--continue', '-c', '--from-pr']
/** Any of these carries the person's own rules. */
const PERMISSION = [
  '--dangerously-skip-permissions',
  '--allow-dangerously-skip-permissions',
  '--permission-mode',
  '--permission-prompt-tool',
  '--allowedTools',
  '--allowed-tools',
  '--settings',
]
/** What a person would give by hand, too. */
const KEEP = ['--model', '--settings', '--permission-mode', '--agent']
const PERMISSION_ALONE = ['--dangerously-skip-permissions']
const WRITES = new Set(['Write', 'Edit', 'MultiEdit', 'NotebookEdit'])
/** Tools that can't change a file. Every other one (Bash, subagents, MCP) can, without telling. */
const HARMLESS = new Set(
  'Read Glob Grep LS NotebookRead TodoWrite TaskCreate TaskUpdate TaskList TaskGet WebFetch WebSearch ToolSearch Skill BashOutput KillShell ExitPlanMode AskUserQuestion'.split(
    ' ',
  ),
)

const VENDOR: Vendor = {
  own: /^(ANTHROPIC_\w+|CLAUDE_\w+|IS_SANDBOX)$/,
  keys: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'],
  // By itself it asks eleven times in three minutes, on 401, too; we know better when to ask again.
  unlessSet: { CLAUDE_CODE_MAX_RETRIES: '2' },
  // Of claude.ai; on macOS it is in the keychain, and not seen here.
  subscribed: (env) =>
    Boolean(env.CLAUDE_CODE_OAUTH_TOKEN) ||
    'claudeAiOauth' in jsonOf(env.CLAUDE_CONFIG_DIR || homeOf(env, '.claude'), '.credentials.json'),
}

export const claude: AgentKind = {
  name: 'claude',
  cli: {
    names: NAMES,
    help: ['--help'],
    flags: [
      '--print',
      '--output-format',
      '--verbose',
      '--session-id',
      '--resume',
      '--dangerously-skip-permissions',
    ],
    tested: { from: '2.1.112', to: '2.1.332' },
  },
  hasEndEvent: true,
  stdin: 'prompt',
  argv(command, run) {
    const words = split(command.length > 0 ? command : ['claude'], NAMES)
    const format = flagValue(words.own, '--output-format')
    const flags: string[] = []
    if (!has(words.own, '-p', '--print')) flags.push('-p')
    if (format === null) flags.push('--output-format', 'stream-json')
    // stream-json demands it; with json it would turn the one result into a list.
    if ((format ?? 'stream-json') === 'stream-json' && !has(words.own, '--verbose'))
      flags.push('--verbose')
    if (!has(words.own, ...SESSION))
      flags.push(run.resume ? '--resume' : '--session-id', run.sessionId)
    if (!has(words.own, ...PERMISSION)) flags.push('--dangerously-skip-permissions')
    return insert(words, flags)
  },
  takeOver(command, sessionId) {
    const words = split(command.length > 0 ? command : ['claude'], NAMES)
    return [...words.program, ...kept(words, KEEP, PERMISSION_ALONE), '--resume', sessionId]
  },
  env: (inherited, settings) => environment(inherited, settings, VENDOR),
  pays: (inherited, settings) => payer(inherited, settings, VENDOR),
  reader,
  readable,
  explain: (exit, stderrTail) =>
    explainCli('claude', exit, stderrTail, {
      noise: /^Warning: no stdin data received/,
      known: [
        [/cannot be used with root\/sudo privileges/, 'misconfigured', ROOT_REFUSED],
        [/^Not logged in|Please run \/login|^Invalid API key/im, 'unauthenticated', NO_LOGIN],
        [NO_SESSION, 'never-started'],
      ],
      advice: ADVICE,
    }),
}

/** Also told by `doctor`, before the first run fails. */
export const ROOT_REFUSED =
  'claude refuses to skip permissions as root: run as another user, or, where this machine is itself a sandbox, set `IS_SANDBOX: "1"` under `agents.claude.env` in config.yaml'
const NO_LOGIN = `claude is not logged in: ${LOGIN}`

/** Whose use is kept; a run that is longer ends with a result, or is not worth the memory. */
const MOST_ANSWERS = 10_000
const total = (used: ReadonlyMap<string, number>) => [...used.values()].reduce((a, b) => a + b, 0)

function reader(now = Date.now): OutputReader {
  const found: Findings = { ...event.NOTHING }
  const files = filesWritten()
  const open = calls()
  let told: Told = {}
  const used = new Map<string, number>()
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
      found.events++
      const session = event.word(line.session_id)
      if (session) found.sessionId = session
      const waits = waiting(line, now())
      if (waits !== undefined) wait(waits)
      const blocks = event.objects(event.object(line.message).content)
      if (line.type === 'system' && line.subtype === 'init') {
        const model = event.word(line.model)
        if (model) found.model = model
        found.ended = null // one more turn of the same process
      } else if (line.type === 'assistant') {
        heard(line)
        for (const block of blocks) {
          const said = event.string(block.text)
          // A subagent talks to its agent, not to us.
          if (block.type === 'text' && said && !line.parent_tool_use_id)
            found.text = event.head(said)
          if (block.type === 'tool_use') follow(block)
        }
      } else if (line.type === 'user') {
        found.waits = null
        for (const block of blocks)
          if (block.type === 'tool_result') {
            open.ended(event.string(block.tool_use_id))
            files.ended(event.string(block.tool_use_id), block.is_error !== true)
          }
      } else if (line.type === 'result') end(line)
    },
    findings: () => ({
      ...found,
      // Without a result event its answers tell; each is printed once for every block of it.
      ...(found.tokens === undefined && used.size > 0 && { tokens: total(used) }),
      tools: open.open(),
      files: files.list(),
    }),
  }

  function wait(waits: Verdict | null) {
    found.waits = waits
    if (waits?.resetsAt) told.resetsAt = waits.resetsAt
  }

  /** An answer of the model is work; a line that claude wrote itself tells of an error, and no wait is over. */
  function heard(line: event.Json) {
    const error = event.word(line.error)
    const itself = line.is_api_error_message === true || modelOf(line) === '<synthetic>'
    if (error || itself) told = { ...told, error, itself: true }
    else {
      told = {}
      const { id, usage } = event.object(line.message)
      if (used.size < MOST_ANSWERS) used.set(event.word(id), tokens({ usage }))
      found.waits = null
      if (!line.parent_tool_use_id) found.ended = null
    }
  }

  function follow(block: event.Json) {
    const tool = event.string(block.name)
    open.began(event.string(block.id))
    const input = event.object(block.input)
    const path = event.string(input.file_path) || event.string(input.notebook_path)
    if (WRITES.has(tool)) files.began(event.string(block.id), path)
    else if (!HARMLESS.has(tool)) files.unseen()
  }

  function end(result: event.Json) {
    found.ended = ending(result, told, now())
    found.waits = null
    told = {}
    open.over()
    const said = event.string(result.result)
    if (said) found.text = event.head(said)
    const refused = event.objects(result.permission_denials)
    if (refused.length > 0) found.text = event.head(`${found.text}\n\n(${refusal(refused)})`)
    found.costUsd = event.number(result.total_cost_usd)
    found.tokens = tokens(result)
  }
}

const modelOf = (line: event.Json): string => event.word(event.object(line.message).model)

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  const blocks = event.objects(event.object(line.message).content)
  if (line.type === 'result') {
    const { ok, error } = ending(line, {}, 0)
    return over(ok, error, tokens(line), event.number(line.total_cost_usd))
  }
  if (line.type === 'system' && line.subtype === 'api_retry')
    return event.sentence(
      `. waiting for the API: ${event.string(line.error)}, attempt ${event.number(line.attempt)}`,
    )
  const lines = blocks.flatMap((block) => {
    if (line.type === 'assistant' && block.type === 'text') return [event.string(block.text)]
    if (block.type === 'tool_use') return [call(event.word(block.name), block.input)]
    if (block.type === 'tool_result') return [came(block.is_error !== true, flat(block.content))]
    return []
  })
  return lines.length > 0 ? lines.join('\n') : null
}
