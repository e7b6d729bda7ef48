// What a call of node:fs does, in words: `rename pending → assigned`, `fsync assigned`. Path arithmetic. Promises: the same
// step of two runs gets the same words, whatever the pids, the nonces and the numbers of attempts and agents in its path.
import { readlinkSync } from 'node:fs'
import { relative } from 'node:path'

const DRAFT = /^\.?(.+?)(?:\.\d+){0,2}\.draft(\.\d+)?$/

/** A folder that is held open is written to by its descriptor. */
function solid(path) {
  const [held] = /^\/proc\/self\/fd\/\d+/.exec(path) ?? []
  try {
    return held ? readlinkSync(held) + path.slice(held.length) : path
  } catch {
    return path // it is closed by now
  }
}

/** @returns `what` it is and `of` which task; null: not in this workspace. */
function place(root, path) {
  const rel = relative(root, solid(String(path)))
  if (rel.startsWith('..') || rel.startsWith('/')) return null
  const parts = rel.split('/')
  const name = parts.pop() ?? ''
  const [, whole, temporary] = DRAFT.exec(name) ?? []
  const about = named(parts, whole ?? name)
  if (!whole) return about
  // The draft is ours, its temporary file is write-file-atomic's.
  return {
    what: `${temporary ? 'temporary' : 'draft'} ${about.record ?? about.what}`,
    of: about.of,
  }
}

function named(parts, name) {
  const [top, second, id] = parts
  if (top === 'tasks' && second) {
    const [, task, kind] = /^(.+)_(result|agent)(?:_\d+)?\.yaml$/.exec(name) ?? []
    if (task) return { what: `${kind} record`, of: task }
    return { what: second, of: name.replace(/\.ya?ml$/, ''), record: 'task' }
  }
  if (top === '.orchestrate' && second === 'runs') {
    if (!id) return { what: 'runs of a task', of: name }
    return parts.length === 3 ? { what: 'run', of: id } : { what: name, of: id }
  }
  if (top === '.orchestrate' && (second ?? name).startsWith('lock')) {
    const what = (second ?? name).replace(/\.[0-9a-f-]{36}/, '').replaceAll('.', ' ')
    return { what: what.replace('lock tmp', 'lock draft') + (second ? ` ${name}` : ''), of: '' }
  }
  const [, output] = /^(.+)_output\.md$/.exec(name) ?? []
  if (output) return { what: 'output', of: output }
  return {
    what: parts.length < 2 ? name || 'workspace' : [...parts.slice(1), name].join('/'),
    of: '',
  }
}

/** The words for a call, and the task it is about. @param to of a rename or link. */
export function pointOf(root, act, path, to) {
  const from = place(root, path)
  const there = to === undefined ? null : place(root, to)
  const known = from ?? there
  if (!known) return null
  const words = there && from ? `${from.what} → ${there.what}` : known.what
  return { label: `${act} ${words}`, of: (there?.of || from?.of) ?? '' }
}
