// A CLI with its own HOME and configuration, talking to the mock model.
// Promises: fake keys, no way out to the network, nothing outside of the folder given. Retries are as the CLI's adapter sets them; gemini's, which it can't, are few.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cli, type CliSet, cli, type Name } from './real-agents.ts'

/** `key`: pays by use. `subscription`: a login (claude; the others are told so by the mock's answers). `none`: neither. */
export type Login = 'key' | 'subscription' | 'none'

/** What goes under `agents.<name>` in a config.yaml: `command` is one line, `env` is all that the CLI needs. */
export interface Setup {
  command: string
  env: Record<string, string>
}

/**
 * Writes the CLI's configuration into `home` and tells how to start it against the mock model at `url`.
 * @param settings more of gemini's own settings
 */
export async function setUp(
  agent: Cli | Name,
  url: string,
  home: string,
  login: Login = 'key',
  settings: object = {},
): Promise<Setup> {
  const found = typeof agent === 'string' ? cli(agent, 'pinned') : agent
  if (!found) throw new Error(`${agent} is not installed`)
  const temporary = join(home, 'tmp')
  await mkdir(temporary, { recursive: true })
  const { words, env } = await OWN[found.name](url, home, login, found.set, settings)
  return {
    command: [...found.program, ...words].join(' '),
    env: {
      HOME: home,
      TMPDIR: temporary,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_DATA_HOME: join(home, '.local/share'),
      XDG_STATE_HOME: join(home, '.local/state'),
      XDG_CACHE_HOME: join(home, '.cache'),
      // A closed port: whatever is not the mock model fails at once.
      HTTP_PROXY: 'http://127.0.0.1:9',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      NO_PROXY: '127.0.0.1,localhost',
      ...env,
    },
  }
}

type Own = (
  url: string,
  home: string,
  login: Login,
  set: CliSet,
  settings: object,
) => Promise<{ words: string[]; env: Record<string, string> }>

const OWN: Record<Name, Own> = {
  async claude(url, home, login) {
    const keys = {
      key: { ANTHROPIC_API_KEY: 'test-key' },
      subscription: { CLAUDE_CODE_OAUTH_TOKEN: 'test-token' },
      none: {},
    }
    return {
      words: ['--model', 'claude-sonnet-4-5'],
      env: {
        ...keys[login],
        ANTHROPIC_BASE_URL: url,
        CLAUDE_CONFIG_DIR: join(home, '.claude'),
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
        IS_SANDBOX: '1',
      },
    }
  },
  async codex(url, home, login, set) {
    const folder = join(home, '.codex')
    await write(folder, 'config.toml', codexConfig(url, set))
    const key = login === 'none' ? {} : { MOCK_API_KEY: 'test-key' }
    // The form of the founding specification (8.3).
    return {
      words: ['--ask-for-approval', 'never', '--sandbox', 'danger-full-access', 'exec'],
      env: { ...key, CODEX_HOME: folder },
    }
  },
  async gemini(url, home, login, _set, settings) {
    await write(
      join(home, '.gemini'),
      'settings.json',
      JSON.stringify({ ...GEMINI_SETTINGS, ...settings }),
    )
    const key = login === 'none' ? {} : { GEMINI_API_KEY: 'test-key' }
    return { words: ['--model', 'gemini-2.5-flash'], env: { ...key, GOOGLE_GEMINI_BASE_URL: url } }
  },
  async opencode(url, _home, login) {
    const off = ['AUTOUPDATE', 'MODELS_FETCH', 'DEFAULT_PLUGINS', 'LSP_DOWNLOAD']
    return {
      words: ['run', '--model', 'mock/mock-model'],
      env: {
        ...Object.fromEntries(off.map((name) => [`OPENCODE_DISABLE_${name}`, '1'])),
        OPENCODE_CONFIG_CONTENT: JSON.stringify(opencodeConfig(url, login)),
      },
    }
  },
  async cursor(url, _home, login) {
    const key = login === 'none' ? {} : { CURSOR_API_KEY: 'test-key' }
    return { words: [], env: { ...key, SIMULATED_CURSOR_MODEL: url } }
  },
}

async function write(folder: string, name: string, text: string) {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, name), text)
}

/** A model that it does not know gets other tools; the newest is left its own choice. */
const codexConfig = (
  url: string,
  set: CliSet,
) => `${set === 'pinned' ? 'model = "gpt-5.1-codex"' : ''}
model_provider = "mock"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.mock]
name = "mock"
base_url = "${url}/v1"
env_key = "MOCK_API_KEY"
wire_api = "responses"
`

const GEMINI_SETTINGS = {
  // With a base URL of our own the CLI detects a login that it then refuses, unless it is told.
  security: { auth: { selectedType: 'gemini-api-key' } },
  privacy: { usageStatisticsEnabled: false },
  // Of ten attempts, its own choice, the last is after four minutes; nothing but this file sets it.
  general: { enableAutoUpdate: false, maxAttempts: 2 },
}

const opencodeConfig = (url: string, login: Login) => ({
  autoupdate: false,
  share: 'disabled',
  small_model: 'mock/mock-model',
  provider: {
    mock: {
      npm: '@ai-sdk/openai-compatible',
      options: { baseURL: `${url}/v1`, ...(login !== 'none' && { apiKey: 'test-key' }) },
      models: { 'mock-model': {}, 'no-such-model': {} },
    },
  },
})
