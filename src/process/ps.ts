// Processes where there is no /proc (macOS, the BSDs): asked of `ps`. Best effort: starts are known to the second,
// environments only where the system shows them, and nobody tells which files are open for writing.
import spawn from 'cross-spawn'
import type { ProcessInfo } from '../types.ts'

const ask = (command: string, args: string[]): string =>
  spawn
    .sync(command, args, { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, LC_ALL: 'C' } })
    .stdout?.toString() ?? ''

export const bootId = (): string =>
  ask('sysctl', ['-n', 'kern.bootsessionuuid']).trim() ||
  ask('sysctl', ['-n', 'kern.boottime']).trim()

export const started = (pid: number): string | null => {
  const [row] = rows(ask('ps', ['-o', COLUMNS, '-p', String(pid)]))
  return row ? row.started : null
}

export const suspended = (pid: number): boolean =>
  /^T/i.test(ask('ps', ['-o', 'stat=', '-p', String(pid)]).trim())

export const ageMs = (pid: number): number | null => {
  const at = started(pid)
  return at === null ? null : Math.max(0, Date.now() - Date.parse(at))
}

const MARK = 'ORCHESTRATE_RUN='
const SET = new RegExp(`(?:^| )${MARK}(\\S+)`)

export const list = (): ProcessInfo[] => look().all

/** `changing`: names a mark, and was just in the middle of an `exec`: whether in its environment or in its arguments, nobody can tell. */
export function look(): { all: ProcessInfo[]; changing: number } {
  const user = String(process.getuid?.())
  const found = rows(ask('ps', ['-x', '-U', user, '-o', COLUMNS]))
  const plain = commands('ww')
  const withEnvironment = commands('eww')
  let changing = 0
  const all = found.map((row) => {
    const words = plain.get(row.pid)
    const more = withEnvironment.get(row.pid)
    if (words === undefined || !more?.includes(MARK)) return row // it has ended, or is not of any run
    const environment = without(more, words)
    if (environment === null) changing++
    return { ...row, mark: SET.exec(environment ?? '')?.[1] ?? null }
  })
  return { all, changing }
}

/** Whether anyone of another user is in a group: root may signal them, and a pass leaves them out. */
export const strangersIn = (group: number): boolean =>
  ask('ps', ['-A', '-o', 'pgid=,ruid='])
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([its, user]) => its === group && user !== process.getuid?.())

/** One column that ends in the environment: too wide to share a line with the others. */
function commands(flags: 'ww' | 'eww'): Map<number, string> {
  const wide = process.platform === 'darwin' ? [`-x${flags.replace('e', 'E')}`] : [`x${flags}`]
  const found = new Map<number, string>()
  for (const line of ask('ps', [...wide, '-o', 'pid=,command=']).split('\n')) {
    const [, pid, text] = /^\s*(\d+) (.*)$/.exec(line) ?? []
    if (pid && text !== undefined) found.set(Number(pid), text)
  }
  return found
}

/** The environment stands behind the arguments (FreeBSD: before). Arguments that name a mark are no mark. */
function without(text: string, words: string): string | null {
  if (text.startsWith(words)) return text.slice(words.length)
  return text.endsWith(words) ? text.slice(0, -words.length) : null
}

export const writers = (): Set<string> => new Set()

const COLUMNS = 'pid=,ppid=,pgid=,sess=,stat=,lstart='
/** macOS prints 0, or a pointer, for a session: then the group alone tells. */
const ROW = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S.*?)\s*$/

function rows(text: string): ProcessInfo[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, parent, group, session, stat, start] = ROW.exec(line) ?? []
    if (!start || stat?.startsWith('Z')) return []
    return {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: Number(session) || 0,
      started: start.replace(/\s+/g, ' '),
      mark: null,
    }
  })
}
