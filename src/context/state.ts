// Our part of current_state.md, between two markers. Pure.
// Promises: every character outside the markers stays; a file whose markers are not one plain pair is not touched.
import type { Entry } from './summary.ts'
import { oneLine } from './text.ts'

const SHOWN = 50
const BEGIN = '<!-- orchestrate:begin -->'
const END = '<!-- orchestrate:end -->'
/** Alone on its line; one that is named in a sentence is a person's text. */
const marker = (which: 'begin' | 'end') =>
  new RegExp(`^[ \\t\\uFEFF]*<!--[ \\t]*orchestrate:${which}[ \\t]*-->[ \\t]*$`, 'gm')

/** The lines between the markers, from the entries of completed_tasks.json (latest first). */
export function stateLines(entries: Entry[]): string[] {
  const seen = new Set<string>()
  const done: string[] = []
  const review: string[] = []
  for (const entry of entries) {
    const id = entry.task_id.toLowerCase()
    if (seen.has(id)) continue // an older attempt
    seen.add(id)
    const name = `${shown(entry.description)} (${entry.task_id})`
    if (entry.needs_review) review.push(`- [ ] ${name}: ${reason(entry)}`)
    if (entry.status === 'success') done.push(`- [x] ${name}`)
  }
  return [
    '## Completed Tasks',
    ...(done.length > 0 ? done.slice(0, SHOWN) : ['None yet.']),
    ...(review.length > 0 ? ['', '## Needs Review', ...review.slice(0, SHOWN)] : []),
  ]
}

const reason = (entry: Entry): string =>
  entry.status === 'success'
    ? 'done, but another run changed the same files'
    : `${entry.status}${entry.summary ? `, ${shown(oneLine(entry.summary, 200))}` : ''}`
/** A description must not bring a marker of its own. */
const shown = (text: string): string => text.replaceAll('<!--', '&lt;!--')

/** The whole file with `lines` in its place: between the markers, or at the end. null: the markers are mangled. */
export function placeState(file: string, lines: string[]): string | null {
  const newline = file.includes('\r\n') ? '\r\n' : '\n'
  const [begin, ...moreBegins] = file.matchAll(marker('begin'))
  const [end, ...moreEnds] = file.matchAll(marker('end'))
  const body = lines.map((line) => line + newline).join('')
  if (!begin && !end) {
    const gap = file === '' ? '' : /[\r\n]$/.test(file) ? newline : newline + newline
    return `${file}${gap}${BEGIN}${newline}${body}${END}${newline}`
  }
  if (!begin || !end || moreBegins.length > 0 || moreEnds.length > 0) return null
  const from = begin.index + begin[0].length
  if (end.index < from) return null
  return file.slice(0, from) + newline + body + file.slice(end.index)
}
