// Which agent CLIs this machine has. Promises: looks along PATH, starts nothing; loads nothing (`which` of src/agents
// would bring every agent with it, and cost `add` a quarter of its time).
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { BUILT_IN } from '../config/defaults.ts'

/** Built-in types whose command is on PATH; `shell` needs none and is left out. */
export const found = (env: NodeJS.ProcessEnv): string[] =>
  Object.entries(BUILT_IN).flatMap(([type, [program]]) =>
    program && (env.PATH ?? '').split(delimiter).some((folder) => runs(join(folder, program)))
      ? [type]
      : [],
  )

function runs(path: string): boolean {
  if (!existsSync(path)) return false // an error costs more, and most folders of PATH have none of them
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // not there, or not ours to run
  }
}
