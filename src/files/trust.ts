// Whoever may write the workspace may run commands as us (DESIGN 7): so nobody else may. Promises: looks only;
// a group of which we are the only member (the default of many systems) counts as us.
import { readFileSync, statSync } from 'node:fs'
import { STATES } from '../types.ts'
import type { Workspace } from './workspace.ts'

export interface Exposed {
  path: string
  /** Who else may write it. */
  who: string
}

/** The folders and the file by which a stranger could make us run something. */
export const guarded = (at: Workspace): string[] => [
  ...[at.root, at.tasks, at.home, at.config],
  ...STATES.map((state) => at.state[state]),
]

export function exposed(paths: string[]): Exposed[] {
  return paths.flatMap((path) => {
    const seen = statSync(path, { throwIfNoEntry: false })
    if (!seen) return []
    if (seen.mode & 0o002) return { path, who: 'everyone on this machine' }
    return seen.mode & 0o020 && !isPrivate(seen.gid) ? { path, who: 'its whole group' } : []
  })
}

/** A group that is named as the user is, and that nobody else belongs to. */
function isPrivate(gid: number): boolean {
  try {
    const lines = (path: string) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => line.split(':'))
    const members = lines('/etc/group').find((group) => group[2] === String(gid))?.[3]
    const users = lines('/etc/passwd').filter((user) => user[3] === String(gid))
    const [only] = users
    return (
      users.length === 1 &&
      only?.[2] === String(process.getuid?.()) &&
      (members === '' || members === only[0])
    )
  } catch {
    return false // no such files here: then it is not known to be private
  }
}
