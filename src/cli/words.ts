// The raw words of a command line as options and words. Pure. Promises: every value stays the text that was typed, and
// every word of it is accounted for. node:util's parseArgs does the same and costs a short command a twentieth of its time.
import type { Option } from './table.ts'

export type Token =
  | { kind: 'word'; text: string }
  /** `option` null: there is none of that name. `value`: what follows; `apart`: as a word of its own. */
  | { kind: 'option'; raw: string; option: Option | null; value: string | null; apart: boolean }

/** `--name value`, `--name=value`, `-n value`, `-nvalue`, `-ab`; all after `--`, and `-` alone, are words. */
export function tokens(argv: readonly string[], options: readonly Option[]): Token[] {
  const found: Token[] = []
  const rest = [...argv]
  const take = (raw: string, option: Option | null, inline: string | null): void => {
    const apart = inline === null && option?.value !== undefined
    const value = apart ? (rest.shift() ?? null) : inline
    found.push({ kind: 'option', raw, option, value, apart })
  }
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      for (const text of rest.splice(0)) found.push({ kind: 'word', text })
    } else if (word.startsWith('--')) {
      const [, name = '', value = null] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? []
      take(`--${name}`, options.find((one) => one.name === name) ?? null, value)
    } else if (word.startsWith('-') && word !== '-') {
      for (let at = 1; at < word.length; at++) {
        const letter = word.charAt(at)
        const option = options.find((one) => one.short === letter) ?? null
        const behind = option?.value ? word.slice(at + 1) : ''
        take(`-${letter}`, option, behind || null)
        if (behind) break
      }
    } else found.push({ kind: 'word', text: word })
  }
  return found
}
