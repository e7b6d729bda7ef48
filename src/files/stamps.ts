// What tells whether a file is the same as before. Pure.
import type { Stats } from 'node:fs'

/** `body`: the same file with the same bytes; `stamp`: nor was it moved or touched. */
export function stamps(seen: Stats): { body: string; stamp: string } {
  const body = `${seen.ino}:${seen.size}:${seen.mtimeMs}`
  return { body, stamp: `${body}:${seen.ctimeMs}` }
}
