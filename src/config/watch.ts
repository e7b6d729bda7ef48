// An edited config.yaml while the orchestrator runs.
// Promises: a broken edit changes nothing, and its error is told; the last good settings stay.
import { isDeepStrictEqual } from 'node:util'
import type { Workspace } from '../files/workspace.ts'
import { OrchestrateError, type Settings } from '../types.ts'
import { type LoadOptions, loadConfig } from './load.ts'

export interface Reloaded {
  settings: Settings
  changed: boolean
  notes: string[]
  error?: string
}

/** Call it once config.yaml has stood still: editors empty a file, or rename it away, while they save. */
export async function reload(
  workspace: Workspace,
  last: Settings,
  options: LoadOptions,
): Promise<Reloaded> {
  try {
    const { settings, notes } = await loadConfig(workspace, options)
    return { settings, changed: !isDeepStrictEqual(settings, last), notes }
  } catch (error) {
    if (!(error instanceof OrchestrateError)) throw error
    return { settings: last, changed: false, notes: [], error: error.message }
  }
}
