// Writes schema/*.schema.json: a script of the build (`node dist/config/write-schemas.js`); nothing imports it.
// Promises: a file is touched only when its text changes.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jsonSchemas } from './json-schemas.ts'

const folder = join(import.meta.dirname, '../../schema')
await mkdir(folder, { recursive: true })
for (const [name, text] of jsonSchemas()) {
  const path = join(folder, name)
  const before = await readFile(path, 'utf8').catch(() => null) // absent: to be written
  if (before !== text) await writeFile(path, text)
}
