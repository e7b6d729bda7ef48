// The lines that `logs` shows: what was said, which tool was called with what, what came back.
// Promises: one event, one short text; texts of the agent stay whole; control characters are left to the terminal's keeper.
import { type Json, object, sentence, string } from './events.ts'

/** The argument of a tool call that tells most, in this order. */
const TELLING = [
  'file_path',
  'filePath',
  'path',
  'command',
  'cmd',
  'pattern',
  'query',
  'url',
  'description',
]

export function call(tool: string, input: unknown): string {
  const given = object(input)
  const key = TELLING.find((name) => string(given[name]) !== '')
  return sentence(`> ${tool} ${key ? string(given[key]) : ''}`, 160)
}

export const came = (ok: boolean, output: unknown): string =>
  sentence(`< ${ok ? '' : 'failed: '}${flat(output)}`, 160)

/** @param tokens of all kinds; 0: it does not tell. @param usd as it tells it. */
export function over(ok: boolean, error?: string, tokens = 0, usd = 0): string {
  const used = [
    tokens > 0 && `${tokens.toLocaleString('en')} tokens`,
    usd > 0 && `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`,
  ].filter(Boolean)
  const how = ok ? '= done' : `= failed: ${sentence(error ?? 'no reason given')}`
  return used.length ? `${how} (${used.join(', ')})` : how
}

/** Tool output is a text, or blocks of text. */
export function flat(output: unknown): string {
  if (typeof output === 'string') return output
  if (!Array.isArray(output)) return ''
  return output.map((block: unknown) => string((object(block) as Json).text)).join('\n')
}
