// A folder as a picture in text. Promises: sorted; bounded; does not follow links.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Names in one folder before the rest is only counted. */
const MOST = 30

/** @param skip names that are left out, at any depth. */
export function tree(folder: string, skip: ReadonlySet<string>, indent = ''): string[] {
  const all = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !skip.has(name))
  const sorted = all.sort((a, b) => (a.name < b.name ? -1 : 1))
  const lines = sorted.slice(0, MOST).flatMap((entry, n) => {
    const last = n === all.length - 1
    const mark = last ? '└── ' : '├── '
    if (!entry.isDirectory()) return [indent + mark + entry.name]
    const inner = tree(join(folder, entry.name), skip, indent + (last ? '    ' : '│   '))
    return [`${indent}${mark}${entry.name}/`, ...inner]
  })
  return all.length > MOST ? [...lines, `${indent}└── and ${all.length - MOST} more`] : lines
}
