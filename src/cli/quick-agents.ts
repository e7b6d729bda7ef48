// Whether any agent but the shell could be there, judged cheaply. Promises: loads no parser, writes nothing, never
// fails; says something only when it is sure.
import { readFileSync } from 'node:fs'
import type { Workspace } from '../files/workspace.ts'
import type { AgentRow } from './picture.ts'
import { asked } from './running.ts'

export const ONLY_SHELL =
  'only the shell agent is here: `--agent shell` runs a description as a script; for other tasks install claude, codex, gemini or cursor-agent (`orchestrate doctor` looks for them)'

/** Asks the orchestrator that runs; without one, looks for itself. */
export async function onlyShell(at: Workspace, env: NodeJS.ProcessEnv): Promise<boolean> {
  const rows = await asked<AgentRow[]>(at, 'GET', '/agents').catch(() => null) // it is only a remark
  if (rows) return rows.every(({ type, state }) => type === 'shell' || state === 'missing')
  return onlyShellStopped(at, env)
}

/** A command of the person's own can't be judged without reading the file properly. */
export async function onlyShellStopped(at: Workspace, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (namesCommand(at)) return false
  const { found } = await import('./agents-here.ts')
  return found(env).length === 0
}

function namesCommand(at: Workspace): boolean {
  try {
    return /^[^#\n]*\bcommand\b/m.test(readFileSync(at.config, 'utf8'))
  } catch {
    return false // none
  }
}
