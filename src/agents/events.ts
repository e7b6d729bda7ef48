// Reading what strangers print: one line of JSON to an object, one value to the type we want, one text to its size.
// Promises: nothing here throws on any input, and nothing it returns is larger than the caps below.
import { stripVTControlCharacters } from 'node:util'
import type { Findings } from '../types.ts'

/** The last answer and the tail of stdout that are kept, in characters. A long report is some 20 KiB. */
export const TEXT_CAP = 256 * 1024
/** One sentence for a record or a line of `logs`, in characters. */
const SENTENCE_CAP = 500

export type Json = Record<string, unknown>

/** What a reader knows before the first line. */
export const NOTHING: Findings = {
  ended: null,
  waits: null,
  events: 0,
  tools: 0,
  text: '',
  files: null,
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The JSON object on this line; null for everything else, half a line at a kill included. */
export function parse(line: string): Json | null {
  if (!line.trimStart().startsWith('{')) return null
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : null
  } catch {
    return null // not an event: a warning among the events, or a line that was cut
  }
}

/** Of lines that are one pretty-printed object, from `{` to `}`: the object, at its last line. */
export function document(): (line: string) => Json | null {
  let text = ''
  return (line) => {
    const begins = line === '{'
    if (begins) text = ''
    if (!begins && text === '') return null
    if (text.length + line.length > TEXT_CAP) text = ''
    else text += `${line}\n`
    if (line !== '}') return null
    const all = parse(text)
    text = ''
    return all
  }
}

export const object = (value: unknown): Json => (isObject(value) ? value : {})
export const objects = (value: unknown): Json[] =>
  Array.isArray(value) ? value.filter(isObject) : []
export const string = (value: unknown): string => (typeof value === 'string' ? value : '')
export const number = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
export const sum = (from: Json, ...keys: string[]): number =>
  keys.reduce((total, key) => total + number(from[key]), 0)

/** A session id, a model: a word, never a text. */
export const word = (value: unknown): string => string(value).slice(0, 200)

/** The first `cap` characters, without half a character at the cut. */
export const head = (text: string, cap = TEXT_CAP): string =>
  text.length <= cap ? text : text.slice(0, cap).replace(/[\uD800-\uDBFF]$/, '')

/** The last `cap` characters, from the start of a line unless that would lose more than half of them. */
export function tail(text: string, cap = TEXT_CAP): string {
  if (text.length <= cap) return text
  const cut = text.slice(-cap).replace(/^[\uDC00-\uDFFF]/, '')
  const start = cut.indexOf('\n') + 1
  return start < cap / 2 ? cut.slice(start) : cut
}

/** One line without colours, at most `cap` characters. */
export function sentence(text: string, cap = SENTENCE_CAP): string {
  const line = stripVTControlCharacters(head(text, cap * 8))
    .replace(/\s+/g, ' ')
    .trim()
  return line.length <= cap ? line : `${head(line, cap - 1)}…`
}
