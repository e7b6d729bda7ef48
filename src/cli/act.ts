// What a command is handed, and the few things most of them begin with: where the workspace is, and how to print.
// Promises: importing it loads nothing heavy; only `findWorkspace` looks at the disk.
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { findWorkspace, type Workspace, workspace } from '../files/workspace.ts'
import { OrchestrateError } from '../types.ts'
import type { Call } from './arguments.ts'
import type { Paper } from './output.ts'

/** Everything of the outside world that a command may use. */
export interface World {
  cwd: string
  env: NodeJS.ProcessEnv
  /** Made when it is asked for: that costs. */
  stdin: () => NodeJS.ReadStream
  /** stdout: data. */
  out: Paper
  /** stderr: talk. */
  talk: Paper
}

/** Does the command and returns the exit code. */
export type Act = (call: Call, world: World) => Promise<number>

/** The folder that `-C` names, or the current one. */
export function directory(call: Call, world: World): string {
  return resolve(world.cwd, call.text('directory') ?? '.')
}

/** The workspace around that folder. Throws `NO_DIRECTORY` or `NO_WORKSPACE`. */
export function located(call: Call, world: World): Workspace {
  const from = directory(call, world)
  if (!statSync(from, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OrchestrateError('NO_DIRECTORY', `there is no folder ${from}`)
  }
  const root = findWorkspace(from)
  if (root) return workspace(root)
  const message = `there is no workspace in ${from} or above it`
  throw new OrchestrateError('NO_WORKSPACE', message, '`orchestrate init` makes one here')
}
