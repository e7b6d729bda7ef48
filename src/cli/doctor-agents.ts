// The half of `doctor` that needs the configuration: is it sound, which agents are here, who holds the lock.
// Promises: starts no agent but for `--version`; changes nothing.
import { existsSync } from 'node:fs'
import { kindOf, kinds, needsSandboxNote, probe, version, which } from '../agents/index.ts'
import { loadConfig } from '../config/index.ts'
import { readOwner } from '../files/lock.ts'
import type { Workspace } from '../files/workspace.ts'
import { createProcesses } from '../process/index.ts'
import { OrchestrateError, type Settings } from '../types.ts'
import { agentParts } from './agent-parts.ts'
import type { Check } from './doctor-checks.ts'
import { asked } from './running.ts'

/** ms; gemini takes 3.4 s on a quiet machine. */
const PATIENCE = 20_000

export async function configuration(
  at: Workspace,
  env: NodeJS.ProcessEnv,
): Promise<{ check: Check; settings: Settings | null }> {
  try {
    const onPath = (program: string) => which(program, env.PATH ?? '') !== null
    const { settings, source, notes } = await loadConfig(at, { onPath })
    const found = source === 'file' ? 'valid' : 'none; the defaults hold'
    const check: Check = { what: 'config.yaml', state: 'ok', found: [found, ...notes].join('; ') }
    return { check, settings }
  } catch (error) {
    if (!(error instanceof OrchestrateError)) throw error
    const check: Check = {
      what: 'config.yaml',
      state: 'broken',
      found: error.message,
      remedy: error.hint ?? 'mend the line that is named',
    }
    return { check, settings: null }
  }
}

/** One finding for each configured type; all at once, for some take seconds. */
export async function agents(
  at: Workspace,
  settings: Settings,
  env: NodeJS.ProcessEnv,
): Promise<Check[]> {
  const { missing } = agentParts(at.root, env, () => settings)
  const checks = Object.entries(settings.agents).map(async ([type, own]): Promise<Check> => {
    if (type === 'shell') return { what: type, state: 'ok', found: 'sh' }
    const environment = kindOf(type, own).env(env, own)
    const lacks = missing(type, own)
    if (lacks)
      return {
        what: type,
        state: 'note',
        found: lacks,
        remedy: `install it, or set \`agents.${type}.command\``,
      }
    const program = own.command.join(' ')
    // What another program does with `--version` is not ours to try.
    if (!Object.hasOwn(kinds, type)) return { what: type, state: 'ok', found: program }
    const about = { timeoutMs: PATIENCE, cwd: at.root }
    const probed = await probe(kindOf(type, own), own.command, environment, about)
    const said = probed ? probed.version : await version(own.command, environment, PATIENCE)
    if (!said)
      return {
        what: type,
        state: 'note',
        found: `\`${program}\` does not answer \`--version\``,
        remedy: 'run it by hand and see what it says',
      }
    const note = probed?.note ?? needsSandboxNote(type, environment, process.getuid?.())
    const pays = kindOf(type, own).pays?.(env, own)
    const found = pays ? `${said}; ${pays}` : said
    return { what: type, state: note ? 'note' : 'ok', found, ...(note && { remedy: note }) }
  })
  const found = await Promise.all(checks)
  const able = found.filter(({ what, state }) => what !== 'shell' && state === 'ok')
  if (able.length > 0 || found.some(({ what }) => what !== 'shell')) return found
  const remedy =
    'install claude, codex, gemini, cursor-agent or opencode, or name another program under `agents` in config.yaml'
  return [
    ...found,
    { what: 'agents', state: 'note', found: 'only the shell agent is here', remedy },
  ]
}

/** The lock, and whether its owner answers. */
export async function lock(at: Workspace): Promise<Check> {
  const owner = await readOwner(at.lock, createProcesses())
  if (!owner) {
    const left = existsSync(at.lock)
    return {
      what: 'orchestrator',
      state: 'ok',
      found: left ? 'not running (an empty lock is left; the next start takes it)' : 'not running',
    }
  }
  const who = `pid ${owner.pid} on ${owner.host}`
  if (!owner.alive) {
    return {
      what: 'orchestrator',
      state: 'note',
      found: `${who} is gone and left its lock`,
      remedy: '`orchestrate start` takes over, with the agents that still run',
    }
  }
  const answer = await asked<{ halted: string | null }>(at, 'GET', '/healthz').catch(() => null)
  if (!answer) {
    return {
      what: 'orchestrator',
      state: 'broken',
      found: `${who} does not answer on its socket`,
      remedy: `see ${at.log}; \`orchestrate stop\` sends it a signal`,
    }
  }
  if (answer.halted)
    return {
      what: 'orchestrator',
      state: 'broken',
      found: `${who} claims nothing`,
      remedy: answer.halted,
    }
  return { what: 'orchestrator', state: 'ok', found: `running, ${who}` }
}
