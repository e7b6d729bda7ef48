// Whether any agent could do what is added, judged cheaply. Promises: loads no parser where config.yaml has not
// changed; says something only when it is sure.
import { readFileSync } from 'node:fs'
import { quickSettings } from '../config/cache.ts'
import type { Workspace } from '../files/workspace.ts'
import type { NewTask } from '../types.ts'
import { found } from './agents-here.ts'
import type { AgentRow } from './picture.ts'
import { asked } from './running.ts'

export const ONLY_SHELL =
  'only the shell agent is here: `--agent shell` runs a description as a script; for other tasks install claude, codex, gemini or cursor-agent (`orchestrate doctor` looks for them)'

/** The sentence to say when a task is not for `shell`, and nothing else is there. */
export async function withoutAgent(
  at: Workspace,
  tasks: NewTask[],
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  if (tasks.every((task) => task.preferred_agent === 'shell')) return null
  const rows = await asked<AgentRow[]>(at, 'GET', '/agents')
  const able = rows
    ? rows.some(({ type, state }) => type !== 'shell' && state !== 'missing')
    : await ableStopped(at, env)
  return able ? null : ONLY_SHELL
}

/** Where nothing runs. */
export async function ableStopped(at: Workspace, env: NodeJS.ProcessEnv): Promise<boolean> {
  const { types } = await quickSettings(at)
  // A command of the person's own can't be judged without reading the file properly.
  if (ownCommand(at)) return true
  const here = found(env)
  return types.some((type) => here.includes(type))
}

function ownCommand(at: Workspace): boolean {
  try {
    return /^[^#\n]*\bcommand\b/m.test(readFileSync(at.config, 'utf8'))
  } catch {
    return false // none
  }
}
