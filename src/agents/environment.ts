// The environment of a run, made from ours: what is inherited, what is withheld, what the configuration sets.
// Promises: no mark of an outer agent or an outer run gets through; what a person configured on purpose does; `env` has the last word.
import type { AgentSettings } from '../types.ts'

/** What a kind tells about its own variables. */
export interface Vendor {
  /** Inherited under `inherit_env: minimal` besides the common ones. */
  own?: RegExp
  /** Pay-per-use keys, withheld from an agent that is logged in by subscription (it would prefer the key). */
  keys?: string[]
  /** Whether it is logged in by subscription. */
  subscribed?: (env: Record<string, string>) => boolean
  set?: Record<string, string>
  /** Where nothing is inherited: the CLI's own retries, set low. */
  unlessSet?: Record<string, string>
}

/** `inherit_env: minimal`. Certificates belong to proxies: without them a proxied machine has no network. */
const COMMON =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TERM|TMPDIR|TZ|XDG_\w+|SSH_AUTH_SOCK|(https?|all|no)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/i

/**
 * Marks of an agent or a run that we were started from: with them a CLI believes it is its own child, resumes a foreign session,
 * or uses file descriptors that are not there. Not in the list, because people set them: CLAUDE_CONFIG_DIR, CLAUDE_CODE_OAUTH_TOKEN,
 * CLAUDE_CODE_MAX_RETRIES, CLAUDE_CODE_USE_BEDROCK, CODEX_HOME, OPENCODE_CONFIG, COPILOT_HOME, COPILOT_PROVIDER_*, …
 */
const MARKS = [
  /^(CLAUDECODE|AI_AGENT|AGENT|ORCHESTRATE_\w+)$/,
  /^CLAUDE_(PROJECT_DIR|ENV_FILE|PLUGIN_ROOT|AGENT_SDK_VERSION)$/,
  /^CLAUDE_CODE_(ENTRYPOINT|EXECPATH|SSE_PORT|SESSION_\w+|CHILD_SESSION|AGENT_NAME|TEAM_NAME|TEAMMATE_COMMAND|TASK_LIST_ID|TMUX_\w+)$/,
  /^CLAUDE_CODE_(REMOTE|REMOTE_SESSION_ID|REMOTE_ENVIRONMENT_TYPE|CONTAINER_ID|WORKER_EPOCH|RESUME_FROM_SESSION|RESUME_INTERRUPTED_TURN|\w+_FILE_DESCRIPTOR)$/,
  /^CODEX_(CI|SANDBOX|SANDBOX_NETWORK_DISABLED|THREAD_ID|SESSION_ID|MANAGED_BY_\w+|INTERNAL_ORIGINATOR_OVERRIDE|NETWORK_\w+|JS_\w+)$/,
  /^GEMINI_CLI(_IDE_\w+|_SESSION_ID|_ACTIVITY_LOG_TARGET)?$/,
  /^CURSOR_(AGENT|TRACE_ID|INVOKED_AS|EXTENSION_HOST_ROLE)$/,
  /^OPENCODE(_PID|_SESSION_ID|_RUN_ID|_CALLER|_PROCESS_ROLE)?$/,
  /^COPILOT_(CLI|AGENT_\w+|RUN_APP|LOADER_PID|SESSION_ID)$/,
  /^QWEN_CODE(_SESSION_ID)?$/,
]

export function environment(
  inherited: NodeJS.ProcessEnv,
  settings: AgentSettings,
  vendor: Vendor = {},
): Record<string, string> {
  const all = merged(inherited, settings, vendor)
  const withheld = keysIn(all, vendor).filter(
    (name) => !(name in settings.env) && bySubscription(all, settings, vendor),
  )
  return Object.fromEntries(Object.entries(all).filter(([name]) => !withheld.includes(name)))
}

/** Who pays for its runs, in words; null: not known. */
export function payer(
  inherited: NodeJS.ProcessEnv,
  settings: AgentSettings,
  vendor: Vendor,
): string | null {
  const all = merged(inherited, settings, vendor)
  const kept = environment(inherited, settings, vendor)
  const keys = keysIn(all, vendor)
  const [key] = keys.filter((name) => name in kept)
  if (key) return `metered: ${key} pays for what it uses`
  const withheld = keys.length ? `; ${keys.join(' and ')} kept from it` : ''
  return bySubscription(all, settings, vendor) ? `paid by subscription${withheld}` : null
}

const keysIn = (all: Record<string, string>, { keys = [] }: Vendor) =>
  keys.filter((name) => all[name])

/** As the configuration says; else as the CLI's own login says. */
const bySubscription = (
  all: Record<string, string>,
  { billing }: AgentSettings,
  { subscribed }: Vendor,
): boolean => (billing === undefined ? subscribed?.(all) === true : billing === 'subscription')

function merged(inherited: NodeJS.ProcessEnv, settings: AgentSettings, vendor: Vendor) {
  const passes = (name: string) =>
    !MARKS.some((mark) => mark.test(name)) &&
    (settings.inheritEnv === 'all' || COMMON.test(name) || vendor.own?.test(name) === true)
  const kept = Object.entries(inherited).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && passes(entry[0]),
  )
  return {
    ...vendor.unlessSet,
    ...Object.fromEntries(kept),
    ...vendor.set,
    ...settings.env,
  }
}
