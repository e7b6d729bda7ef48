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

export const ageMs = (pid: number): number | null => {
  const at = started(pid)
  return at === null ? null : Math.max(0, Date.now() - Date.parse(at))
}

export function list(): ProcessInfo[] {
  const user = String(process.getuid?.())
  const found = rows(ask('ps', ['-x', '-U', user, '-o', COLUMNS]))
  // One column that ends in the environment: too wide to share a line with the others.
  const marks = new Map<number, string>()
  const wide = process.platform === 'darwin' ? ['-xEww'] : ['xeww']
  for (const line of ask('ps', [...wide, '-o', 'pid=,command=']).split('\n')) {
    const [, pid, mark] = /^\s*(\d+) .*? ORCHESTRATE_RUN=(\S+)/.exec(line) ?? []
    if (pid && mark) marks.set(Number(pid), mark)
  }
  return found.map((row) => ({ ...row, mark: marks.get(row.pid) ?? null }))
}

/** `ps` does not tell who is in the middle of an `exec`. */
export const look = () => ({ all: list(), changing: 0 })

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
