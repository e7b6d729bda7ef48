// What a run of the table tells the compatibility page and the drift script: one line of JSON per case, in a file.
// Promises: appended whole; nothing is written where no file was named.
import { appendFileSync } from 'node:fs'
import { object, parse, string } from '../../src/agents/events.ts'
import type { Case } from './cases.ts'
import type { Cli } from './real-agents.ts'
import type { Seen } from './seen.ts'

/** @param file undefined: nobody asked. */
export function rows(file: string | undefined) {
  const write = (row: object) => {
    if (file) appendFileSync(file, `${JSON.stringify(row)}\n`)
  }
  const about = ({ name, set, version, program }: Cli) => ({ cli: name, set, version, program })
  return {
    absent: (cli: string, set: string, at: number) =>
      write({ cli, set, version: '', case: 'all', at, skipped: 'not installed' }),
    skipped: (cli: Cli, one: Case, at: number, skipped: string) =>
      write({ ...about(cli), case: one.name, at, skipped }),
    /** All runs of the case; they differ in nothing that the page tells but in how often they asked. */
    seen(cli: Cli, one: Case, at: number, all: Seen[], wrong: string[]) {
      const [first] = all
      if (!first) return
      const { outcome, evidence, error, exit, seconds } = first
      const requests = all.map((seen) => seen.asked.length)
      const end = { outcome, evidence, error, exit, seconds, requests, wrong }
      write({ ...about(cli), case: one.name, at, ...end, events: shapes(first.stdout) })
    },
  }
}

/** `result.usage.input_tokens`: each event by its type, with its keys, two deep. */
function shapes(stdout: string): string[] {
  const names = stdout.split('\n').flatMap((text) => {
    const line = parse(text)
    if (!line) return []
    const parts = [line.type, line.subtype, object(line.item).type, object(line.part).type]
    const name = parts
      .map(string)
      .filter((part) => part !== '')
      .join('/')
    const keys = Object.entries(line).flatMap(([key, value]) => [
      key,
      ...Object.keys(object(value)).map((inner) => `${key}.${inner}`),
    ])
    return keys.map((key) => `${name}: ${key}`)
  })
  return [...new Set(names)]
}
