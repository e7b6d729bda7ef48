// Whether any agent but the shell could be there, judged cheaply. Promises: loads no parser, writes nothing, never
// fails; says something only when it is sure.
import { readFileSync } from 'node:fs'
import type { Workspace } from '../files/workspace.ts'
import { found } from './agents-here.ts'
import type { AgentRow } from './picture.ts'

export const ONLY_SHELL =
  'only the shell agent is here: `--agent shell` runs a description as a script; for other tasks install claude, codex, gemini, cursor-agent or opencode (`orchestrate doctor` looks for them)'

/** Of a running orchestrator. */
export const onlyShell = (rows: AgentRow[]): boolean =>
  rows.every(({ type, state }) => type === 'shell' || state === 'missing')

/** A command of the person's own can't be judged without reading the file properly. */
export function onlyShellStopped(at: Workspace, env: NodeJS.ProcessEnv): boolean {
  if (namesCommand(at)) return false
  return found(env).length === 0
}

function namesCommand(at: Workspace): boolean {
  try {
    return /^[^#\n]*\bcommand\b/m.test(readFileSync(at.config, 'utf8'))
  } catch {
    return false // none
  }
}
