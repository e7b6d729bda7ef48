// A CLI's own files that say whether it is logged in by subscription. Promises: reads, never asks anyone; what cannot be read is not
// known, and then a key that is there just works.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Json, parse } from './events.ts'

type Env = Readonly<Record<string, string>>

/** The JSON object of a file; an empty one when it is not there, or not ours to read. */
export function jsonOf(folder: string | undefined, ...path: string[]): Json {
  if (!folder) return {}
  try {
    return parse(readFileSync(join(folder, ...path), 'utf8').trim()) ?? {}
  } catch {
    return {} // as if it were not there
  }
}

export const homeOf = ({ HOME }: Env, folder: string): string | undefined =>
  HOME ? join(HOME, folder) : undefined
