// Reading a task file: bytes in, a task or one clear problem out. Pure; never throws, never blocks for long:
// size, keys and depth are capped, and duplicate keys are found in one pass (the yaml package's own check is quadratic).
import * as v from 'valibot'
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import type { Priority, Problem, Task } from '../types.ts'
import { NONE, OURS, stem } from './names.ts'
import { nearest } from './nearest.ts'
import { RESERVED, TaskFile } from './task-schema.ts'
import { tooCostly } from './yaml-guard.ts'

/** Bytes. A task is a description, not a data set. */
export const TASK_CAP = 256 * 1024
const MAX_KEYS = 1000
const MAX_DEPTH = 20
const NAMES: Priority[] = ['high', 'normal', 'low']

export const isProblem = (read: Task | Problem): read is Problem => 'message' in read

/** @param name file name; @param mtimeMs stands in for `created_at`. */
export function readTask(
  bytes: Uint8Array,
  name: string,
  mtimeMs: number,
  priority: Priority = 'normal',
): Task | Problem {
  if (OURS.test(stem(name)))
    return { message: `\`${name}\` is a name of our own records: rename it` }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { message: 'is not valid UTF-8: save it as UTF-8' }
  }
  if (text.trim() === '') return { message: 'is empty: write at least `description: …`' }
  const lines = new LineCounter()
  const at = (node: unknown, message: string): Problem => {
    const range = (node as Node | null | undefined)?.range
    if (!range) return { message }
    const { line, col } = lines.linePos(range[0])
    return { message, line, column: col }
  }
  try {
    if (text.includes('\0')) return { message: 'holds a NUL character: it is not a text file' }
    if (/^%/m.test(text)) return { message: 'has a `%` directive: remove that line' }
    const costly = tooCostly(text)
    if (costly) return { message: costly }
    // Not `prettyErrors`: a text of thousands of errors takes them four times as long.
    const options = { uniqueKeys: false, logLevel: 'error', prettyErrors: false } as const
    const doc = parseDocument(text, { ...options, lineCounter: lines })
    const [error] = doc.errors
    if (error) {
      const { line, col } = lines.linePos(error.pos[0])
      const multiple = error.code === 'MULTIPLE_DOCS'
      const message = multiple
        ? 'holds several documents: one task a file'
        : firstLine(error.message)
      return { message, line, column: col }
    }
    if (!isMap(doc.contents)) return at(doc.contents, 'is not a task: write `description: …`')
    const refused = refuse(doc.contents, at)
    if (refused) return refused
    const nodes = new Map(doc.contents.items.map((pair) => [keyText(pair.key), pair.value]))
    const values: Record<string, unknown> = {}
    for (const [key, node] of nodes) if (key in TaskFile.entries) values[key] = plain(key, node)
    const parsed = v.safeParse(
      TaskFile,
      Object.fromEntries(Object.entries(values).filter(([, x]) => x !== null)),
    )
    if (!parsed.success) {
      const [issue] = parsed.issues
      const [key, index] = (issue.path ?? []).map((item) => item.key)
      const node = nodes.get(String(key))
      if (!nodes.has(String(key)) || values[String(key)] === null)
        return { message: `needs \`${key}\`` }
      const inner = isSeq(node) && typeof index === 'number' ? node.items[index] : node
      return at(inner, `\`${key}\` ${issue.message}`)
    }
    const file = parsed.output
    const { preferred_agent: one, preferred_agent_type: other } = file
    if (one && other && one !== other) {
      return at(
        nodes.get('preferred_agent_type'),
        `\`preferred_agent_type\` says ${other}, \`preferred_agent\` ${one}: keep one`,
      )
    }
    const remarks = [...nodes.keys()]
      .filter((key) => !(key in TaskFile.entries) && !RESERVED.includes(key))
      .map(unknown)
    const id = file.id ?? slug(stem(name))
    if (OURS.test(id))
      return at(nodes.get('id'), `\`id\` ${id} is a name of our own records: choose another`)
    if (!file.id && id !== stem(name))
      remarks.push(`its name gives no fit id; it is called \`${id}\``)
    const agent = one ?? other
    return {
      id,
      description: copied(file.description),
      priority:
        NAMES[Number(file.priority)] ??
        (file.priority ? (String(file.priority).toLowerCase() as Priority) : priority),
      createdAt: file.created_at ? Date.parse(file.created_at) : mtimeMs,
      dependencies: file.continues
        ? [...(file.dependencies ?? []), file.continues]
        : (file.dependencies ?? NONE),
      contextFiles: file.context_files ?? NONE,
      contextRequired: file.context_required ?? false,
      ...(agent && { preferredAgent: agent.toLowerCase() }),
      ...(file.timeout_minutes && { timeoutMinutes: file.timeout_minutes }),
      ...(file.max_retries !== undefined && { maxRetries: file.max_retries }),
      subtasks: file.subtasks ?? NONE,
      ...(file.not_before && { notBefore: Date.parse(file.not_before) }),
      ...(file.continues && { continues: file.continues }),
      ...(file.on_limit && { onLimit: file.on_limit }),
      labels: file.labels ?? NONE,
      ...(file.budget && { budget: copied(file.budget) }),
      remarks: remarks.length ? remarks : NONE,
    }
  } catch (error) {
    // The parser's own limits (nesting) and whatever else a stranger's bytes may find.
    return { message: `cannot be read: ${firstLine(String((error as Error)?.message ?? error))}` }
  }
}

/** What a task has no need of, and what would cost us time: aliases, tags, merge tricks, huge or deep maps, a key twice. */
function refuse(root: Node, at: (node: unknown, message: string) => Problem): Problem | undefined {
  let found: Problem | undefined
  let keys = 0
  visit(root, {
    Node(_, node, path) {
      if (isAlias(node) || node.anchor)
        found = at(node, 'uses a YAML anchor or alias: write it out')
      else if (node.tag) found = at(node, `has the tag ${node.tag}: remove it`)
      else if (path.filter((step) => !isPair(step)).length > MAX_DEPTH)
        found = at(node, `is nested deeper than ${MAX_DEPTH} levels`)
      return found ? visit.BREAK : undefined
    },
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        const name = keyText(key)
        if (++keys > MAX_KEYS) found ??= at(key, `has more than ${MAX_KEYS} keys`)
        if (seen.has(name)) found ??= at(key, `has \`${name}\` twice: keep one`)
        seen.add(name)
      }
      return found ? visit.BREAK : undefined
    },
  })
  return found
}

const keyText = (key: unknown): string =>
  isScalar(key) ? (key.source ?? String(key.value)) : String(key)

const NUMBERS = ['priority', 'timeout_minutes', 'max_retries', 'context_required', 'budget']

/** The value, with names and text as they stand in the source: `007` stays `007`. */
function plain(key: string, node: unknown): unknown {
  if (isSeq(node)) return node.items.map((item) => plain(key, item))
  if (isMap(node) && key === 'budget')
    return Object.fromEntries(node.items.map((pair) => [keyText(pair.key), plain(key, pair.value)]))
  if (!isScalar(node)) return node === null ? null : {}
  const { value, source } = node
  if (value === null || typeof value === 'string') return value
  const asNumber = NUMBERS.includes(key)
  return asNumber ? value : (source ?? String(value))
}

function unknown(key: string): string {
  const near = nearest(key, Object.keys(TaskFile.entries))
  return `\`${key}\`: ${near ? `did you mean \`${near}\`?` : 'not a key of a task; it has no effect'}`
}

/** A part of a text keeps the whole text in memory. */
const copied = (value: unknown) => JSON.parse(JSON.stringify(value))

/** An unfit file name as an id; letters of other scripts fall away, so the rest of the name's bytes keep it apart. */
function slug(name: string): string {
  const fit = name
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/-+$/, '')
  return (fit || `task-${Buffer.from(name).toString('hex').slice(0, 40)}`).slice(0, 100)
}

const firstLine = (text: string): string =>
  (text.split('\n', 1)[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')
