// One honest sentence for a run that ended without saying why in its events: from its exit status and the end of its stderr.
// Promises: never guesses; undefined when there is nothing to say beyond the exit status.
import { stripVTControlCharacters } from 'node:util'
import { sentence } from './events.ts'

/** What a kind knows about its own CLI. */
export interface Lore {
  /** Lines that this CLI always prints. */
  noise?: RegExp
  /** Text on stderr, and what to do about it. */
  known?: [RegExp, string][]
  /** Exit statuses, and what to do about them. */
  codes?: Record<number, string>
}

export function explainExit(
  name: string,
  exit: number | null,
  stderrTail: string,
  lore: Lore = {},
): string | undefined {
  const text = stripVTControlCharacters(stderrTail)
  const known = lore.known?.find(([sign]) => sign.test(text))
  if (known) return known[1]
  const line = tellingLine(text, lore.noise)
  const code = exit === null ? undefined : lore.codes?.[exit]
  if (code) return line && !code.includes(line) ? `${code} (${line})` : code
  const key = `agents.${name}.command in config.yaml`
  if (exit === 127) return `${name}: the command was not found; install it or correct ${key}`
  if (exit === 126) return `${name}: the command is not executable; correct ${key}`
  return line || undefined
}

/** The first line that calls itself an error; else the last line. A usage error is followed by its help. */
function tellingLine(text: string, noise?: RegExp): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !noise?.test(line))
  return sentence(lines.find((line) => /^(error|fatal)\b/i.test(line)) ?? lines.at(-1) ?? '', 300)
}
