// The real agent CLIs of test/real-agents, set up to talk to the mock model. For tests here and the end-to-end test.
// Promises: own HOME and configuration in the folder given, fake keys, no way out to the network; null where they are not installed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MODULES = join(ROOT, 'test/real-agents/node_modules')
const PROGRAMS = {
  claude: join(MODULES, '@anthropic-ai/claude-code/cli.js'),
  codex: join(MODULES, 'codex-linux-x64/vendor/x86_64-unknown-linux-musl/codex/codex'),
  gemini: join(MODULES, '@google/gemini-cli/bundle/gemini.js'),
}

export type RealAgent = keyof typeof PROGRAMS
export const REAL_AGENTS = Object.keys(PROGRAMS) as RealAgent[]
export const HOW_TO_INSTALL = 'npm ci --prefix test/real-agents --ignore-scripts'
export const installed = (name: RealAgent): boolean => existsSync(PROGRAMS[name])

/** What goes under `agents.<name>` in a config.yaml: `command` is one line, `env` is all that the CLI needs. */
export interface Setup {
  command: string
  env: Record<string, string>
}

/** Writes the CLI's configuration into `home` and tells how to start it against the mock model at `url`. */
export async function setUp(name: RealAgent, url: string, home: string): Promise<Setup> {
  const temporary = join(home, 'tmp')
  await mkdir(temporary, { recursive: true })
  const env = {
    HOME: home,
    TMPDIR: temporary,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local'),
    XDG_CACHE_HOME: join(home, '.cache'),
    // A closed port: whatever is not the mock model fails at once.
    HTTP_PROXY: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
    NO_PROXY: '127.0.0.1,localhost',
  }
  switch (name) {
    case 'claude':
      return {
        command: `${process.execPath} ${PROGRAMS.claude} --model claude-sonnet-4-5`,
        env: {
          ...env,
          ANTHROPIC_BASE_URL: url,
          ANTHROPIC_API_KEY: 'test-key',
          CLAUDE_CONFIG_DIR: join(home, '.claude'),
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          CLAUDE_CODE_MAX_RETRIES: '0',
          DISABLE_AUTOUPDATER: '1',
          IS_SANDBOX: '1',
        },
      }
    case 'codex':
      await mkdir(join(home, '.codex'), { recursive: true })
      await writeFile(join(home, '.codex/config.toml'), codexConfig(url))
      // The form of the founding specification (8.3).
      return {
        command: `${PROGRAMS.codex} --ask-for-approval never --sandbox danger-full-access exec`,
        env: { ...env, CODEX_HOME: join(home, '.codex'), MOCK_API_KEY: 'test-key' },
      }
    case 'gemini':
      await mkdir(join(home, '.gemini'), { recursive: true })
      await writeFile(join(home, '.gemini/settings.json'), GEMINI_SETTINGS)
      return {
        command: `${process.execPath} ${PROGRAMS.gemini} --model gemini-2.5-flash`,
        env: { ...env, GEMINI_API_KEY: 'test-key', GOOGLE_GEMINI_BASE_URL: url },
      }
  }
}

const codexConfig = (url: string) => `model = "gpt-5.1-codex"
model_provider = "mock"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.mock]
name = "mock"
base_url = "${url}/v1"
env_key = "MOCK_API_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`

const GEMINI_SETTINGS = JSON.stringify({
  // With a base URL of our own the CLI detects a login that it then refuses, unless it is told.
  security: { auth: { selectedType: 'gemini-api-key' } },
  privacy: { usageStatisticsEnabled: false },
  general: { enableAutoUpdate: false, maxAttempts: 1 },
})

/** Starts fixtures/mock-model; `stop` resolves when it is gone. */
export async function mockModel(): Promise<{ url: string; stop(): Promise<void> }> {
  const model: ChildProcess = spawn(
    process.execPath,
    [join(ROOT, 'fixtures/mock-model/main.mjs')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const ended = once(model, 'exit')
  const [line] = (await once(model.stdout ?? model, 'data')) as [Buffer]
  const { url } = JSON.parse(line.toString('utf8')) as { url: string }
  return {
    url,
    async stop() {
      model.kill('SIGTERM')
      await ended
    },
  }
}
