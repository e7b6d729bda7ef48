// What the core is handed of the agents: which kind a type is, whether its command is here, whether it answers.
// Promises: the core never sees a vendor; `--version` is all that is ever asked of a CLI outside of a run.
import { resolve } from 'node:path'
import { kindOf, kinds, needsSandboxNote, probe, version, which } from '../agents/index.ts'
import { GONE } from '../look/agents.ts'
import type { AgentKind, AgentSettings, Settings } from '../types.ts'
import { quoted } from './output.ts'

/** ms; gemini takes 3.4 s for it on a quiet machine. */
const PROBE_MS = 20_000

export interface AgentParts {
  kind(type: string): AgentKind
  missing(type: string, settings: AgentSettings): string | null
  probe(type: string, settings: AgentSettings): Promise<boolean>
  capable(type: string, settings: AgentSettings): Promise<string | null>
  /** What a person should read at start: each command that will be run, what is missing, what root needs. */
  notes(settings: Settings): string[]
}

export function agentParts(
  root: string,
  env: NodeJS.ProcessEnv,
  current: () => Settings,
  tell: (text: string) => void = () => {},
): AgentParts {
  const kind = (type: string) => kindOf(type, current().agents[type] ?? GONE)
  const environment = (type: string, own: AgentSettings) => kindOf(type, own).env(env, own)

  function missing(type: string, own: AgentSettings): string | null {
    const [program] = own.command
    if (type === 'shell' || program === undefined) return null
    // `./agent.sh` is meant from the workspace, where runs are started.
    const path = program.includes('/') ? resolve(root, program) : program
    return which(path, environment(type, own).PATH ?? '')
      ? null
      : `\`${program}\` is not on this machine`
  }

  return {
    kind,
    missing,
    async probe(type, own) {
      if (missing(type, own)) return false
      // Of any other command we do not know whether it takes `--version` for work.
      if (type === 'shell' || !Object.hasOwn(kinds, type)) return true
      return (await version(own.command, environment(type, own), PROBE_MS)) !== null
    },
    /** A version outside of the tested range is only told; a flag that is gone would fail every run. */
    async capable(type, own) {
      const about = { timeoutMs: PROBE_MS, cwd: root }
      const found = await probe(kindOf(type, own), own.command, environment(type, own), about)
      if (found && !found.missing.length && found.note) tell(found.note)
      return found?.missing.length ? found.note : null
    },
    notes(settings) {
      return Object.entries(settings.agents).flatMap(([type, own]) => {
        const argv = kindOf(type, own).argv(own.command, {
          promptFile: 'PROMPT',
          sessionId: 'SESSION',
        })
        const line = `${own.maxInstances} × ${type}: ${quoted(argv)}`
        const lacks = missing(type, own)
        const pays = lacks ? null : (kindOf(type, own).pays?.(env, own) ?? null)
        const note = needsSandboxNote(type, environment(type, own), process.getuid?.())
        return [
          line,
          ...(lacks ? [`  ${lacks}; the others work`] : []),
          ...(pays ? [`  ${pays}`] : []),
          ...(note ? [`  ${note}`] : []),
        ]
      })
    },
  }
}
