// Where in a configured command the agent's own arguments begin, and which flags it has already.
// Promises: what the person gave stays as it is, in its order; we only insert words, and only our own constants.
import { basename, dirname } from 'node:path'

/** `npx -y claude --model x` is split into `npx -y claude` and `--model x`. */
export interface Split {
  /** The launcher and the program itself. */
  program: string[]
  /** The program's own arguments. */
  own: string[]
  /** False when no word names the program: a person's wrapper, whose own options we can't tell from the agent's. */
  known: boolean
  /** A word is a name of the CLI; a script of another name may be a person's wrapper. */
  named: boolean
}

const LOADS_A_FILE = new Set(['-r', '--require', '--import', '--loader', '--experimental-loader'])
const ASSIGNMENT = /^[A-Za-z_]\w*=/

/** `/opt/bin/claude`, `claude.js`, `@anthropic-ai/claude-code@2.1.112` without folder, version and ending. */
const nameOf = (word: string): string =>
  ASSIGNMENT.test(word)
    ? ''
    : basename(word)
        .replace(/(?<=.)@.*$/, '')
        .replace(/\.(exe|[cm]?js)$/, '')

export function split(command: string[], names: string[]): Split {
  const named = command.flatMap((word, at) => (names.includes(nameOf(word)) ? [at] : []))
  // `docker run -w /home/claude image claude`: a word right after an option is likely its value.
  const free = named.find((at) => at === 0 || !command[at - 1]?.startsWith('-'))
  const script = command.findIndex(
    (word, at) =>
      at > 0 && /\.([cm]?js|[cm]?ts)$/.test(word) && !LOADS_A_FILE.has(command[at - 1] ?? ''),
  )
  const at = free ?? named[0] ?? script
  const known = at >= 0
  const end = known ? at + 1 : 1
  // `node …/claude-code/cli.js`: the folder of a package is a name, too.
  const packaged = script >= 0 && names.includes(basename(dirname(command[script] ?? '')))
  return {
    ...{ program: command.slice(0, end), own: command.slice(end), known },
    named: named.length > 0 || packaged,
  }
}

/** Our flags go right after the program: before a `--`, and never behind a variadic flag of the person's. */
export const insert = ({ program, own, known }: Split, flags: string[]): string[] =>
  known ? [...program, ...flags, ...own] : [...program, ...own, ...flags]

/** Any of these flags, as `--flag value`, `--flag=value`, `-f`, `-fvalue` or inside a cluster `-xf`; not after `--`. */
export function has(own: string[], ...flags: string[]): boolean {
  const end = own.indexOf('--')
  const words = end < 0 ? own : own.slice(0, end)
  return words.some((word) =>
    flags.some((flag) =>
      flag.startsWith('--')
        ? word === flag || word.startsWith(`${flag}=`)
        : /^-[^-]/.test(word) &&
          (word.startsWith(flag) || (/^-[a-z]{2,3}$/.test(word) && word.includes(flag.slice(1)))),
    ),
  )
}

/** The value of `--flag value`, `--flag=value`, `-f value` or `-fvalue`; null when none of the flags is there. */
export function flagValue(own: string[], ...flags: string[]): string | null {
  for (const [at, word] of own.entries())
    for (const flag of flags) {
      if (word === flag) return own[at + 1] ?? ''
      if (word.startsWith(`${flag}=`)) return word.slice(flag.length + 1)
      if (!flag.startsWith('--') && word.startsWith(flag)) return word.slice(flag.length)
    }
  return null
}

/**
 * Of the person's arguments those worth keeping when a session is taken over by hand: these flags with their values, and these
 * without one. All of them where no word names the program (a wrapper may need them).
 */
export function kept({ own, known }: Split, withValue: string[], alone: string[] = []): string[] {
  if (!known) return own
  return own.flatMap((word, at) => {
    if (alone.includes(word)) return [word]
    const value = own[at + 1]
    if (withValue.includes(word)) return value === undefined ? [] : [word, value]
    return withValue.some((flag) => flag.startsWith('--') && word.startsWith(`${flag}=`))
      ? [word]
      : []
  })
}
