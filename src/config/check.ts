// From what stands in config.yaml to a checked ConfigFile, collecting every problem with its line.
// Promises: unknown keys are named with what was probably meant; what is in `env` is never shown.
import * as v from 'valibot'
import { nearest } from '../files/nearest.ts'
import { BUILT_IN } from './defaults.ts'
import { AGENT, ConfigFile, SECTIONS } from './schema.ts'
import { type Source, shown } from './source.ts'

type Keys = Record<string, unknown>

export function check(source: Source): ConfigFile {
  const known = keep(source, [], Object.keys(ConfigFile.entries))
  for (const [section, entries] of Object.entries(SECTIONS)) {
    if (isKeys(known[section])) known[section] = leaves(source, [section], Object.keys(entries))
  }
  if (isKeys(known.agents)) {
    known.agents = Object.fromEntries(
      // `gemini:` with nothing behind it is the built-in type as it is.
      Object.keys(known.agents).map((type) => [type, agent(source, type)]),
    )
  }
  const parsed = v.safeParse(ConfigFile, known)
  if (parsed.success) return parsed.output
  for (const issue of parsed.issues) {
    const path = (issue.path ?? []).map((step) => String(step.key))
    const onKey = issue.path?.at(-1)?.origin === 'key'
    const inEnv = path[0] === 'agents' && path[2] === 'env'
    const name = shown((inEnv ? path.slice(0, 3) : path).join('.'))
    const problem = onKey ? source.atKey : source.atValue
    source.problems.push(problem(path, `\`${name}\` ${issue.message}`))
  }
  return {}
}

function agent(source: Source, type: string): unknown {
  const path = ['agents', type]
  const found = get(source, path)
  if (found !== null && !isKeys(found)) return found
  const entry = found ? leaves(source, path, Object.keys(AGENT)) : {}
  const name = type.toLowerCase()
  if (name === 'shell' && 'command' in entry) {
    const why = '`shell` runs the description of the task with sh: it has no `command`'
    source.problems.push(source.atKey([...path, 'command'], why))
  }
  if (!Object.hasOwn(BUILT_IN, name) && !(isKeys(found) && 'command' in found)) {
    const near = nearest(name, Object.keys(BUILT_IN))
    const meant = near ? `; did you mean \`${near}\`?` : ''
    const why = `\`${shown(type)}\` is not a built-in agent type: it needs a \`command\`${meant}`
    source.problems.push(source.atKey(path, why))
  }
  return entry
}

/** The known keys that have a value; `key:` with nothing behind it would have no effect, so it is refused. */
function leaves(source: Source, path: string[], names: string[]): Keys {
  const known = keep(source, path, names)
  for (const key of Object.keys(get(source, path) as Keys)) {
    if (get(source, [...path, key]) !== null || !names.includes(key) || key === 'env') continue
    const why = `\`${[...path, key].map(shown).join('.')}\` has no value: give one or remove the line`
    source.problems.push(source.atKey([...path, key], why))
  }
  return known
}

/** Without the keys that are not `names` (told), and those that are empty. */
function keep(source: Source, path: string[], names: string[]): Keys {
  const known: Keys = {}
  for (const [key, value] of Object.entries(get(source, path) as Keys)) {
    if (!names.includes(key))
      source.problems.push(source.atKey([...path, key], unknown(key, names)))
    else if (value !== null) known[key] = value
  }
  return known
}

function unknown(key: string, names: string[]): string {
  const name = `unknown key \`${shown(key)}\``
  const places = Object.entries({ ...SECTIONS, 'agents.<type>': AGENT })
  const home = places.find(([, entries]) => Object.hasOwn(entries, key))?.[0]
  const near = nearest(key, names)
  if (home && !near) return `${name} here: it belongs under \`${home}\``
  return near ? `${name}: did you mean \`${near}\`?` : `${name}; known here: ${names.join(', ')}`
}

const isKeys = (value: unknown): value is Keys =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const get = (source: Source, path: string[]): unknown =>
  path.reduce<unknown>((at, key) => (isKeys(at) ? at[key] : undefined), source.value)
