// What git says changed since a moment, for runs whose agent does not tell (DESIGN 2, files_modified).
// Promises: reads only, takes no lock of git's, leaves no process; bounded in time and size; null when git can not say.
import { lstat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { git } from './git.ts'

const MOST = 1000
/** The kernel stamps files by its tick, up to 10 ms behind the clock that `since` was read from. */
const TICK_MS = 10

/** Paths relative to `root`, inside it, sorted, at most 1,000; `own` (paths below root) left out. */
export async function changedSince(
  root: string,
  own: string[],
  since: number,
  env: NodeJS.ProcessEnv,
  timeoutMs = 10_000,
): Promise<string[] | null> {
  const signal = AbortSignal.timeout(timeoutMs)
  const run = (...args: string[]) => git(root, args, env, signal)
  const [prefix, ignored] = await Promise.all([
    run('rev-parse', '--show-prefix'),
    run('check-ignore', '-q', '.'),
  ])
  if (prefix === null || ignored !== null) return null // no repository, or one that does not look here

  const here = ['--', '.', ...own.map((path) => `:(exclude,literal)${path}`)]
  const flags = ['-z', '--no-renames']
  const status = await run('status', '--porcelain=v1', '-uall', ...flags, ...here)
  if (status === null) return null
  const above = prefix.replace(/\n$/, '')
  const open = names(status).map((entry) => entry.slice(3 + above.length)) // "XY path", from the repository's top

  const base = await headBefore(since, run)
  const diff =
    base && (await run('diff', '--name-only', '--relative', ...flags, base, 'HEAD', ...here))
  if (base !== null && diff === null) return null
  const paths = [...new Set([...open, ...names(diff ?? '')])].sort()

  const changed: string[] = []
  for (let at = 0; at < paths.length && changed.length < MOST; at += 64) {
    const some = paths.slice(at, at + 64)
    const touched = await Promise.all(some.map((path) => touchedSince(root, path, since - TICK_MS)))
    changed.push(...some.filter((_, index) => touched[index]))
  }
  return changed.slice(0, MOST)
}

const names = (text: string): string[] => text.split('\0').slice(0, -1)

/**
 * What HEAD was before `since` by its reflog; null: it did not move. The reflog counts seconds, so this is the second
 * before, and the files' own times decide. (Missed: a file first committed in that very second, then deleted.)
 */
async function headBefore(
  since: number,
  run: (...args: string[]) => Promise<string | null>,
): Promise<string | null> {
  const log = await run('reflog', '--date=unix', '--format=%H %gd', '-n', '1000')
  const moves = [...(log ?? '').matchAll(/^(\w+) .*@\{(\d+)\}$/gm)]
  const before = moves.findIndex(([, , at]) => Number(at) < Math.floor(since / 1000))
  if (moves.length === 0 || before === 0) return null
  const hash = moves[before]?.[1]
  return hash ?? (await run('hash-object', '-t', 'tree', '/dev/null'))?.trim() ?? null // the first commit of all
}

/** A file's own ctime; of a deleted one the time of the nearest folder that is left, whose list of names it changed. */
async function touchedSince(root: string, path: string, since: number): Promise<boolean> {
  for (let at = join(root, path); ; at = dirname(at)) {
    const stat = await lstat(at).catch(() => null) // gone, or not ours to see
    if (stat) return stat.ctimeMs >= since
    if (at === root || at === dirname(at)) return true
  }
}
