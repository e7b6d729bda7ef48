// What a run inherits: marks of an outer agent never, what a person configured always.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { kinds } from '../../src/agents/index.ts'
import type { AgentSettings } from '../../src/types.ts'
import { settings } from './transcripts.ts'

/** What is added where nothing is inherited. */
const OURS = { CLAUDE_CODE_MAX_RETRIES: '2' }
const env = (kind: string, inherited: NodeJS.ProcessEnv, more: Partial<AgentSettings> = {}) =>
  kinds[kind]?.env(inherited, settings(more)) ?? {}
const from = (names: string) => Object.fromEntries(names.split(' ').map((name) => [name, 'x']))

test('marks of an outer agent and an outer run are stripped', () => {
  const marks = from(
    'CLAUDECODE CLAUDE_CODE_ENTRYPOINT CLAUDE_CODE_SSE_PORT CLAUDE_CODE_SESSION_ID CLAUDE_CODE_SESSION_ACCESS_TOKEN CLAUDE_CODE_REMOTE CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR CLAUDE_PROJECT_DIR CODEX_SANDBOX CODEX_THREAD_ID CODEX_MANAGED_BY_NPM GEMINI_CLI GEMINI_CLI_IDE_SERVER_PORT CURSOR_AGENT OPENCODE COPILOT_CLI QWEN_CODE AI_AGENT AGENT ORCHESTRATE_RUN ORCHESTRATE_ATTEMPT',
  )
  expect(env('claude', marks)).toEqual(OURS)
  for (const kind of ['codex', 'cursor', 'opencode', 'shell']) expect(env(kind, marks)).toEqual({})
})

test('what people set on purpose is inherited', () => {
  const chosen = from(
    'PATH EDITOR AGENT_NAME CODEX_HOME CLAUDE_CONFIG_DIR CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CODE_MAX_RETRIES CLAUDE_CODE_USE_BEDROCK CLAUDE_CODE_SESSIONEND_HOOKS_TIMEOUT_MS ANTHROPIC_API_KEY ANTHROPIC_BASE_URL OPENAI_API_KEY GEMINI_API_KEY GEMINI_CLI_TRUST_WORKSPACE OPENCODE_CONFIG COPILOT_HOME IS_SANDBOX',
  )
  expect(env('claude', chosen, { billing: 'api' })).toEqual(chosen)
  expect(env('claude', { UNSET: undefined })).toEqual(OURS)
})

test('minimal: the common ones and the kind’s own', () => {
  const inherited = from(
    'PATH HOME LC_ALL XDG_CONFIG_HOME https_proxy NO_PROXY SSH_AUTH_SOCK DATABASE_URL AWS_SECRET_ACCESS_KEY ANTHROPIC_API_KEY CLAUDE_CONFIG_DIR OPENAI_API_KEY CLAUDECODE',
  )
  const common = from('PATH HOME LC_ALL XDG_CONFIG_HOME https_proxy NO_PROXY SSH_AUTH_SOCK')
  const minimal = { inheritEnv: 'minimal' as const }
  expect(env('claude', inherited, minimal)).toEqual({
    ...common,
    ...from('ANTHROPIC_API_KEY CLAUDE_CONFIG_DIR'),
    ...OURS,
  })
  expect(env('codex', inherited, minimal)).toEqual({ ...common, OPENAI_API_KEY: 'x' })
  expect(env('shell', inherited, minimal)).toEqual(common)
})

test('env of the configuration has the last word', () => {
  const given = { PATH: '/mine', AGENT: 'on purpose', GEMINI_CLI_NO_RELAUNCH: 'false' }
  expect(env('gemini', { PATH: '/bin' }, { env: given })).toEqual(given)
  expect(env('gemini', {})).toEqual({ GEMINI_CLI_NO_RELAUNCH: 'true' })
})

test.each([
  ['claude', 'ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN'],
  ['codex', 'OPENAI_API_KEY CODEX_API_KEY'],
  ['gemini', 'GEMINI_API_KEY GOOGLE_API_KEY'],
  ['cursor', 'CURSOR_API_KEY'],
  ['opencode', 'ANTHROPIC_API_KEY OPENAI_API_KEY'],
])('%s by subscription is not handed its API keys', (kind, names) => {
  const keys = from(names)
  expect(env(kind, keys, { billing: 'api' })).toMatchObject(keys)
  for (const name of Object.keys(keys))
    expect(env(kind, keys, { billing: 'subscription' })).not.toHaveProperty(name)
})

test.each([
  [
    'claude',
    '.claude/.credentials.json',
    '{"claudeAiOauth":{"accessToken":"x"}}',
    'ANTHROPIC_API_KEY',
  ],
  ['codex', '.codex/auth.json', '{"tokens":{"access_token":"x"}}', 'OPENAI_API_KEY'],
  ['gemini', '.gemini/oauth_creds.json', '{"refresh_token":"x"}', 'GEMINI_API_KEY'],
])(
  '%s that is logged in by subscription is not handed an inherited key, unless it is to pay',
  (kind, path, text, key) => {
    const home = mkdtempSync(join(tmpdir(), 'home-'))
    onTestFinished(() => rmSync(home, { recursive: true }))
    const inherited = { HOME: home, [key]: 'x' }
    const pays = (more: Partial<AgentSettings> = {}) =>
      kinds[kind]?.pays?.(inherited, settings(more))
    expect(env(kind, inherited)).toHaveProperty(key) // a machine that has only keys just works
    expect(pays()).toBe(`metered: ${key} pays for what it uses`)
    mkdirSync(join(home, dirname(path)))
    writeFileSync(join(home, path), text)
    expect(env(kind, inherited)).not.toHaveProperty(key)
    expect(pays()).toBe(`paid by subscription; ${key} kept from it`)
    expect(env(kind, inherited, { billing: 'api' })).toHaveProperty(key)
    expect(env(kind, inherited, { env: { [key]: 'on purpose' } })).toHaveProperty(key, 'on purpose')
    writeFileSync(join(home, path), '{"tokens": nu')
    expect(env(kind, inherited)).toHaveProperty(key)
  },
)

test('claude’s own retries are low, unless a person said otherwise', () => {
  const name = 'CLAUDE_CODE_MAX_RETRIES'
  expect(env('claude', {})[name]).toBe('2')
  expect(env('claude', { [name]: '7' })[name]).toBe('7')
  expect(env('claude', { [name]: '7' }, { inheritEnv: 'minimal' })[name]).toBe('7')
  expect(env('claude', { [name]: '7' }, { env: { [name]: '0' } })[name]).toBe('0')
})
