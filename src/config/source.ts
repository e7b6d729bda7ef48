// YAML text as plain values that remember their lines. YAML 1.2 core, one document; no tags, anchors, aliases, directives.
// Promises: one pass (the yaml package's own duplicate check is quadratic); never throws; no value appears in a problem.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { tooCostly } from '../files/yaml-guard.ts'
import type { Problem } from '../types.ts'

type Path = readonly string[]
export interface Source {
  /** The top-level mapping; empty for an empty file. */
  value: Record<string, unknown>
  problems: Problem[]
  /** A problem at a key, or at its value. The nearest enclosing key where the path is not in the file. */
  atKey(path: Path, message: string): Problem
  atValue(path: Path, message: string): Problem
}

export function readSource(text: string): Source {
  const lines = new LineCounter()
  const problems: Problem[] = []
  const spots = new Map<string, { key: number; value: number }>()
  const at = (offset: number, message: string): Problem => {
    const { line, col } = lines.linePos(offset)
    return { message, line, column: col }
  }
  const find = (path: Path, side: 'key' | 'value', message: string): Problem => {
    for (let length = path.length; length > 0; length--) {
      const spot = spots.get(JSON.stringify(path.slice(0, length)))
      if (spot) return at(spot[length === path.length ? side : 'key'], message)
    }
    return at(0, message)
  }
  const source: Source = {
    value: {},
    problems,
    atKey: (path, message) => find(path, 'key', message),
    atValue: (path, message) => find(path, 'value', message),
  }

  function plain(node: unknown, path: Path): unknown {
    const start = (node as Node | null)?.range?.[0] ?? 0
    if (isAlias(node)) {
      problems.push(at(start, 'a YAML alias is not read here: write the value out'))
      return undefined
    }
    if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.anchor) problems.push(at(start, 'a YAML anchor is not read here: remove it'))
      if (node.tag) problems.push(at(start, 'a YAML tag is not read here: remove it'))
    }
    if (isSeq(node)) return LIST
    if (isScalar(node)) return isEnv(path) && node.value !== null ? (node.source ?? '') : node.value
    if (!isMap(node)) return null
    const object: Record<string, unknown> = Object.create(null) // `__proto__` is a key like any other
    const seen = new Map<string, number>()
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : '?'
      const offset = (pair.key as Node | null)?.range?.[0] ?? start
      // The names of agent types are compared without case, as preferred_agent is.
      const name = path.length === 1 && path[0] === 'agents' ? key.toLowerCase() : key
      const first = seen.get(name)
      if (first !== undefined) {
        const { line } = lines.linePos(first)
        const what = isEnv([...path, key]) ? 'this name' : `\`${shown(key)}\``
        problems.push(at(offset, `${what} is already on line ${line}: keep one`))
        continue
      }
      seen.set(name, offset)
      const here = [...path, key]
      const value = (pair.value as Node | null)?.range?.[0] ?? offset
      spots.set(JSON.stringify(here), { key: offset, value })
      object[key] = plain(pair.value, here)
    }
    return object
  }

  try {
    const body = text.replace(/^\uFEFF/, '')
    const costly = tooCostly(body)
    if (costly) {
      problems.push(at(0, costly))
      return source
    }
    const directive = /^%/m.exec(body)
    const doc = parseDocument(body, {
      uniqueKeys: false,
      prettyErrors: false, // their excerpts would show values, and a value may be a secret
      logLevel: 'error', // 'silent' would also hide a second document
      lineCounter: lines,
    })
    if (directive) problems.push(at(directive.index, 'a `%` directive is not read here: remove it'))
    for (const { code, message, pos } of directive ? [] : doc.errors.slice(0, 10)) {
      const several = code === 'MULTIPLE_DOCS'
      // Behind a colon they quote the source.
      const said = several
        ? 'several documents in one file: keep one'
        : message.replace(/:\s.*$/s, '')
      problems.push(at(pos[0], `not YAML: ${said}`))
    }
    if (problems.length > 0) return source
    const { contents } = doc
    if (isMap(contents)) source.value = plain(contents, []) as Record<string, unknown>
    else if (contents && !(isScalar(contents) && contents.value === null)) {
      problems.push(at(contents.range?.[0] ?? 0, 'must be sections, like `agents:`'))
    }
  } catch {
    // The parser's own limits, such as nesting; its words may quote the source.
    problems.push(at(0, 'cannot be read as YAML'))
  }
  return source
}

/** No key takes a list: this stands for one, and no check accepts it. */
const LIST = Symbol('a list')

const isEnv = (path: Path): boolean => path.length > 3 && path[0] === 'agents' && path[2] === 'env'

/** A key of a stranger's file, fit for a terminal. */
export const shown = (key: string): string => key.replace(/\p{Cc}/gu, '?').slice(0, 60)
