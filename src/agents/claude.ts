// Claude Code: `claude -p --output-format stream-json`, the prompt on stdin (AGENTS 2.1: measured with 2.1.112 to 2.1.330).
// Promises: success is `is_error: false` in its result event, never the word "success"; a refused tool call is said aloud.
import type { AgentKind, Findings, OutputReader } from '../types.ts'
import { reason, refusal, tokens } from './claude-result.ts'
import { flagValue, has, insert, split } from './command.ts'
import { environment } from './environment.ts'
import * as event from './events.ts'
import { explainExit } from './explain.ts'
import { filesWritten } from './files-written.ts'
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
const WRITES = new Set(['Write', 'Edit', 'MultiEdit', 'NotebookEdit'])
/** Tools that can't change a file. Every other one (Bash, subagents, MCP) can, without telling. */
const HARMLESS = new Set(
  'Read Glob Grep LS NotebookRead TodoWrite TaskCreate TaskUpdate TaskList TaskGet WebFetch WebSearch ToolSearch Skill BashOutput KillShell ExitPlanMode AskUserQuestion'.split(
    ' ',
  ),
)

export const claude: AgentKind = {
  name: 'claude',
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
    if (!has(words.own, ...SESSION)) flags.push('--session-id', run.sessionId)
    if (!has(words.own, ...PERMISSION)) flags.push('--dangerously-skip-permissions')
    return insert(words, flags)
  },
  env: (inherited, settings) =>
    environment(inherited, settings, {
      own: /^(ANTHROPIC_\w+|CLAUDE_\w+|IS_SANDBOX)$/,
      keys: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'],
    }),
  reader,
  readable,
  explain: (exit, stderrTail) =>
    explainExit('claude', exit, stderrTail, {
      known: [
        [/cannot be used with root\/sudo privileges/, ROOT_REFUSED],
        [/not logged in|run \/login/i, NO_LOGIN],
      ],
    }),
}

/** Also told by `doctor`, before the first run fails. */
export const ROOT_REFUSED =
  'claude refuses to skip permissions as root: run as another user, or, where this machine is itself a sandbox, set `IS_SANDBOX: "1"` under `agents.claude.env` in config.yaml'
const NO_LOGIN =
  'claude is not logged in: run `claude` once and log in, or set ANTHROPIC_API_KEY in its environment'

function reader(): OutputReader {
  const found: Findings = { ended: null, text: '', files: null }
  const files = filesWritten()
  return {
    line(text) {
      const line = event.parse(text)
      if (!line) return
      const session = event.word(line.session_id)
      if (session) found.sessionId = session
      const blocks = event.objects(event.object(line.message).content)
      if (line.type === 'system' && line.subtype === 'init') {
        const model = event.word(line.model)
        if (model) found.model = model
      } else if (line.type === 'assistant') {
        for (const block of blocks) {
          const said = event.string(block.text)
          // A subagent talks to its agent, not to us.
          if (block.type === 'text' && said && !line.parent_tool_use_id)
            found.text = event.head(said)
          if (block.type === 'tool_use') follow(block)
        }
      } else if (line.type === 'user') {
        for (const block of blocks)
          if (block.type === 'tool_result')
            files.ended(event.string(block.tool_use_id), block.is_error !== true)
      } else if (line.type === 'result') end(line)
    },
    findings: () => ({ ...found, files: files.list() }),
  }

  function follow(block: event.Json) {
    const tool = event.string(block.name)
    const input = event.object(block.input)
    const path = event.string(input.file_path) || event.string(input.notebook_path)
    if (WRITES.has(tool)) files.began(event.string(block.id), path)
    else if (!HARMLESS.has(tool)) files.unseen()
  }

  function end(result: event.Json) {
    const ok = result.is_error === false
    found.ended = ok ? { ok } : { ok, error: reason(result) }
    const said = event.string(result.result)
    if (said) found.text = event.head(said)
    const refused = event.objects(result.permission_denials)
    if (refused.length > 0) found.text = event.head(`${found.text}\n\n${refusal(refused)}`)
    found.costUsd = event.number(result.total_cost_usd)
    found.tokens = tokens(result)
  }
}

function readable(text: string): string | null {
  const line = event.parse(text)
  if (!line) return text.trim() === '' ? null : text
  const blocks = event.objects(event.object(line.message).content)
  if (line.type === 'result') return over(line.is_error === false, reason(line))
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
