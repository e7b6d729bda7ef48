// Which agent CLIs this machine has. Promises: looks along PATH, starts nothing.
import { which } from '../agents/index.ts'
import { BUILT_IN } from '../config/defaults.ts'

/** Built-in types whose command is on PATH; `shell` needs none and is left out. */
export const found = (env: NodeJS.ProcessEnv): string[] =>
  Object.entries(BUILT_IN).flatMap(([type, [program]]) =>
    program && which(program, env.PATH ?? '') ? [type] : [],
  )
