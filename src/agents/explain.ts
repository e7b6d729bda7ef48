// Of a run that ended without its end event: why, from its exit status and the end of its stderr.
// Promises: never guesses; undefined when there is nothing to say beyond the exit status.
import { stripVTControlCharacters } from 'node:util'
import type { Verdict } from '../types.ts'
import { sentence } from './events.ts'
import { type Advice, type Cause, failure, type Sign } from './verdict.ts'

/** What a kind knows about its own CLI. */
export interface Lore {
  /** Lines that this CLI always prints. */
  noise?: RegExp
  /** Text on stderr, what it means, and the sentence for it where the line itself says too little. */
  known?: readonly (Sign | readonly [RegExp, Cause | undefined, string])[]
  /** Exit statuses: what is to be said of them (after a colon: and of stderr), and what they mean. */
  codes?: Record<number, readonly [string, (Cause | undefined)?]>
  advice?: Advice
  resetsAt?: (text: string) => number | undefined
}

/** A flag that a version does not know: commander, clap, yargs. */
const UNKNOWN_FLAG: Sign = [
  /^(error: )?(unknown (option|argument)s?|unexpected argument)\b.*/im,
  'misconfigured',
]

export function explainExit(
  name: string,
  exit: number | null,
  stderrTail: string,
  lore: Lore = {},
): Verdict | undefined {
  const text = stripVTControlCharacters(stderrTail)
  const line = tellingLine(text, lore.noise)
  const { advice } = lore
  const more = { ...(advice && { advice }), resetsAt: lore.resetsAt?.(text) }
  for (const [sign, cause, why] of lore.known ?? []) {
    const said = sign.exec(text)?.[0]
    if (said) return failure(why ?? (line || said), `stderr: ${said}`, cause, more)
  }
  const code = exit === null ? undefined : lore.codes?.[exit]
  if (code) {
    const [said, cause] = code
    const why = said.endsWith(':') ? `${said} ${line}` : said
    return failure(why.replace(/: $/, ''), `exit ${exit}`, cause, more)
  }
  const key = `agents.${name}.command in config.yaml`
  if (exit === 127)
    return failure(
      `${name}: the command was not found; install it or correct ${key}`,
      'exit 127',
      'misconfigured',
    )
  if (exit === 126)
    return failure(
      `${name}: the command is not executable; correct ${key}`,
      'exit 126',
      'misconfigured',
    )
  return line ? failure(line, 'stderr') : undefined
}

/** The same for an agent CLI: it refuses a flag that it does not know, and that is a matter of its command. */
export const explainCli = (
  name: string,
  exit: number | null,
  stderrTail: string,
  lore: Lore,
): Verdict | undefined =>
  explainExit(name, exit, stderrTail, {
    ...lore,
    known: [...(lore.known ?? []), UNKNOWN_FLAG],
    advice: {
      misconfigured: `see agents.${name}.command in config.yaml`,
      ...lore.advice,
    },
  })

/** The first line that calls itself an error; else the last line. A usage error is followed by its help. */
function tellingLine(text: string, noise?: RegExp): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !noise?.test(line))
  return sentence(
    lines.find((line) => /^(error|fatal|unknown argument)/i.test(line)) ?? lines.at(-1) ?? '',
    300,
  )
}
