// config.yaml to Settings. Loads yaml and valibot: import it dynamically from what must start fast.
// Promises: a broken file is ONE error that lists every problem as `config.yaml:LINE:COL: sentence`, without secrets.
import { realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { isErrno, readRegular } from '../files/files.ts'
import type { Workspace } from '../files/workspace.ts'
import { type AgentSettings, OrchestrateError, type Problem, type Settings } from '../types.ts'
import { check } from './check.ts'
import { resolve } from './resolve.ts'
import { slots } from './slots.ts'
import { readSource } from './source.ts'

/** Bytes. A configuration is a page, not a data set. */
const CAP = 256 * 1024

export interface ParsedConfig {
  /** Its agents are those of the file, and `shell`; what is installed is not asked here. */
  settings: Settings
  /** As the file lists them, types with 0 instances too; null: it says nothing of agents. */
  listed: Record<string, AgentSettings> | null
  notes: string[]
}
export interface LoadOptions {
  /** From `--agents` (parseAgents): replaces the slots. */
  agents?: Record<string, number>
  /** Whether a program can be found; asked for the built-in CLIs when the file says nothing of agents. */
  onPath: (command: string) => boolean
}
export interface LoadedConfig {
  settings: Settings
  source: 'file' | 'defaults'
  notes: string[]
}

/** Pure. @param file the name to show; @param root what paths are relative to. Throws CONFIG. */
export function parseConfig(text: string, file: string, root: string): ParsedConfig {
  const source = readSource(text)
  const checked = check(source)
  const { settings, agents: listed, notes } = resolve(checked, root, source)
  if (source.problems.length > 0) throw broken(file, source.problems)
  const { agents } = slots(listed ?? {}, undefined, () => false)
  return { settings: { ...settings, agents }, listed, notes }
}

/** Without a config.yaml: the defaults, with the agent CLIs that `onPath` finds. Throws CONFIG, or USAGE for `--agents`. */
export async function loadConfig(
  workspace: Workspace,
  options: LoadOptions = { onPath: () => false },
): Promise<LoadedConfig> {
  const text = await read(workspace.config)
  const parsed = parseConfig(text ?? '', basename(workspace.config), workspace.root)
  const { agents, notes } = slots(parsed.listed, options.agents, options.onPath)
  return {
    settings: { ...parsed.settings, agents },
    source: text === null ? 'defaults' : 'file',
    notes: [...parsed.notes, ...notes],
  }
}

/** null when there is none. A link is followed: it is the person's own file (DESIGN 7), often kept elsewhere. */
async function read(path: string): Promise<string | null> {
  const refuse = (why: string, cause: unknown) =>
    new OrchestrateError('CONFIG', `${basename(path)} ${why}`, undefined, { cause })
  try {
    const bytes = await readRegular(await realpath(path), CAP)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null
    if (isErrno(error, 'ERR_ENCODING_INVALID_ENCODED_DATA')) {
      throw refuse('is not valid UTF-8: save it as UTF-8', error)
    }
    if (error instanceof OrchestrateError) throw refuse(error.message, error)
    if (isErrno(error, 'EACCES', 'EPERM', 'EISDIR', 'ELOOP')) throw refuse('cannot be read', error)
    throw error
  }
}

function broken(file: string, problems: Problem[]): OrchestrateError {
  const place = ({ line = 1, column = 1 }: Problem) => line * 1e6 + column
  const lines = problems
    .toSorted((a, b) => place(a) - place(b))
    .map(({ line = 1, column = 1, message }) => `${file}:${line}:${column}: ${message}`)
  return new OrchestrateError('CONFIG', [...new Set(lines)].join('\n'))
}
