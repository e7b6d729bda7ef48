// Agents' words made fit for files that people read in a terminal.
// Promises: no escape sequences or control characters, bounded length, never half a character.
import { stripVTControlCharacters } from 'node:util'

/** Line ends become `\n`; escape sequences, control characters and reversed-writing marks go. */
export function plain(text: string): string {
  return stripVTControlCharacters(text.replace(/\r\n?/g, '\n'))
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
}

/** All of it on one line of at most `max` UTF-16 units. */
export function oneLine(text: string, max: number): string {
  // What is cut off for length is cut before the costly part; 4 leaves room for what is stripped.
  const line = plain(text.slice(0, max * 4))
    .replace(/\s+/g, ' ')
    .trim()
  if (line.length <= max) return line
  return `${line.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** The first line that says something: the title of a description. */
export const title = (description: string): string =>
  oneLine(/\S.*/.exec(description)?.[0] ?? '', 200)

/** The last paragraph: agents are asked to end with one short summary. */
export function lastParagraph(text: string): string {
  const paragraphs = plain(text.slice(-8192))
    .trim()
    .split(/\n\s*\n/)
  return oneLine(paragraphs.at(-1) ?? '', 500)
}
