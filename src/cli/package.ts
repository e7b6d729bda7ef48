// Where this package lies. Promises: the same from the source and from the build, whose files all lie in one folder
// (`dist/cli`); any name of a folder will do.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const ROOT = dirname(dirname(import.meta.dirname))

/** A file or folder of the package, by its path from the top. */
export const packaged = (path: string): string => join(ROOT, path)

export const version = (): string =>
  (JSON.parse(readFileSync(packaged('package.json'), 'utf8')) as { version: string }).version
