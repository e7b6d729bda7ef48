// Whether an installed CLI still has what we ask of it: `--version` and its help, before a task is spent on it.
// Promises: asked once per program as it lies on disk (path, size, time of change); starts no work; a silent CLI is no missing flag.
import { realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { AgentKind } from '../types.ts'
import { split } from './command.ts'
import { ask, version, which } from './probe.ts'

export interface Probed {
  /** The first line of `--version`; null: the program is not there, or does not answer. */
  version: string | null
  /** Those of our flags that its help no longer names. */
  missing: string[]
  /** Inside the range that the recorded runs are of. */
  tested: boolean
  /** What a person should know and do; null: all is well. */
  note: string | null
}

/** Programs that were asked; a machine has a handful, an update of one adds an entry. */
const MOST = 100
const asked = new Map<string, Promise<Probed>>()

/**
 * @param cwd where runs are started: `./agent.sh` is meant from there.
 * @returns null for a kind that we know no program of (shell, custom), and for a person's wrapper, which may take any word for work.
 */
export async function probe(
  kind: AgentKind,
  command: string[],
  env: Record<string, string>,
  limits: { timeoutMs: number; cwd: string },
): Promise<Probed | null> {
  const { cli } = kind
  if (!cli) return null
  const { program, named } = split(command, cli.names)
  if (!named) return null
  const key = `${kind.name}\n${program.map((word) => fileKey(word, env, limits.cwd)).join('\n')}`
  const known = asked.get(key)
  if (known) return known
  const answer = look(kind, cli, program, env, limits.timeoutMs)
  if (asked.size >= MOST) asked.clear()
  asked.set(key, answer)
  // A program that did not answer may do so when it is asked again.
  if ((await answer).version === null) asked.delete(key)
  return answer
}

async function look(
  kind: AgentKind,
  cli: NonNullable<AgentKind['cli']>,
  program: string[],
  env: Record<string, string>,
  timeoutMs: number,
): Promise<Probed> {
  const command = `agents.${kind.name}.command in config.yaml`
  const said = await version(program, env, timeoutMs)
  if (said === null) {
    const note = `\`${program.join(' ')} --version\` gives no answer: run it by hand, or correct ${command}`
    return { version: null, missing: [], tested: false, note }
  }
  const help = await ask([...program, ...cli.help], env, timeoutMs)
  const missing = help ? cli.flags.filter((flag) => !names(help, flag)) : []
  const tested = within(said, cli.tested)
  const { from, to } = cli.tested
  const range = from === to ? from : `${from} to ${to}`
  const lacks = `${kind.name} ${said} does not know ${missing.join(', ')}: install a version from ${range}, or correct ${command}`
  const strange = `${kind.name} ${said} is outside of what is tested (${range}): if its runs fail, install one of those`
  const note = missing.length > 0 ? lacks : tested ? null : strange
  return { version: said, missing, tested, note }
}

/** `--flag`, whole: `--session` is not named by `--session-id`. */
const names = (help: string, flag: string): boolean =>
  new RegExp(`(^|[^\\w-])${flag}(?![\\w-])`, 'm').test(help)

/** The numbers of the first thing that looks like a version: `codex-cli 0.169.0`, `2.1.330 (Claude Code)`. */
const numbers = (text: string): number[] =>
  (/\d+(\.\d+)+/.exec(text)?.[0] ?? '').split('.').map(Number)

function within(said: string, { from, to }: { from: string; to: string }): boolean {
  const own = numbers(said)
  return compare(own, numbers(from)) >= 0 && compare(own, numbers(to)) <= 0
}

function compare(one: number[], other: number[]): number {
  const first = [0, 1, 2].find((at) => (one[at] ?? 0) !== (other[at] ?? 0))
  return first === undefined ? 0 : (one[first] ?? 0) - (other[first] ?? 0)
}

/** A word of the command, and how the file that it names lies on disk. */
function fileKey(word: string, env: Record<string, string>, cwd: string): string {
  const path = which(word.includes('/') ? resolve(cwd, word) : word, env.PATH ?? '')
  try {
    // A link of npm stays as it is when what it leads to is updated.
    const real = realpathSync(path ?? resolve(cwd, word))
    const { size, mtimeMs } = statSync(real)
    return `${word} ${real} ${size} ${mtimeMs}`
  } catch {
    return word // no file: a flag of a launcher, or not there
  }
}
