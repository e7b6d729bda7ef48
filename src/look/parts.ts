// What the core is handed, as shapes: it imports no layer, so the composition root gives it all it needs of them.
import type { Workspace } from '../files/workspace.ts'
import type * as T from '../types.ts'
import type { FolderRules } from './folders.ts'
import type { UpkeepParts } from './upkeep.ts'

/** What the core is handed by the composition root. */
export interface Parts extends Pick<UpkeepParts, 'probe' | 'capable' | 'guard' | 'processes'> {
  workspace: Workspace
  settings: T.Settings
  /** What was read of the tasks before; it counts while their files are the same. */
  known?: () => Pick<FolderRules, 'known' | 'settled'>
  kind: (type: string) => T.AgentKind
  /** One sentence when the command of a type is not on this machine. */
  missing: (type: string, settings: T.AgentSettings) => string | null
  context: T.ContextPort
  /** How each agent type did so far. */
  profiles: () => T.Profile[]
  show: T.Show
  log: T.Log
  /** At the end, while the workspace is still ours: the socket and the index are put away. */
  closing: () => Promise<void>
  /** Another orchestrator took over: leave, and touch nothing. */
  lost: () => void
}

/** What one run is handed. */
export interface RunParts {
  root: string
  runs: string
  kind: T.AgentKind
  settings: T.AgentSettings
  processes: T.Processes
  /** Called when the shim ends. */
  ended: () => void
}
