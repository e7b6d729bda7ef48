// Where things lie in a workspace (DESIGN 2). Pure path arithmetic, and the upward search that git does.
import { statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { STATES, type State } from '../types.ts'

export interface Workspace {
  root: string
  config: string
  tasks: string
  state: Record<State, string>
  drafts: string
  archive: string
  home: string
  runs: string
  lock: string
  log: string
  /** What was put aside, and never deleted. */
  lost: string
}

export function workspace(root: string): Workspace {
  const tasks = join(root, 'tasks')
  const home = join(root, '.orchestrate')
  const state = Object.fromEntries(STATES.map((name) => [name, join(tasks, name)]))
  return {
    root,
    config: join(root, 'config.yaml'),
    tasks,
    state: state as Record<State, string>,
    drafts: join(tasks, 'drafts'),
    archive: join(tasks, 'archive'),
    home,
    runs: join(home, 'runs'),
    lock: join(home, 'lock'),
    log: join(home, 'orchestrate.log'),
    lost: join(home, 'lost+found'),
  }
}

/** The nearest folder from `from` upwards that has `tasks/pending`, `tasks/completed` or `.orchestrate`; null when there is none. */
export function findWorkspace(from: string): string | null {
  for (let at = resolve(from); ; at = dirname(at)) {
    const marks = ['tasks/pending', 'tasks/completed', '.orchestrate']
    if (marks.some((mark) => statSync(join(at, mark), { throwIfNoEntry: false })?.isDirectory())) {
      return at
    }
    if (dirname(at) === at) return null
  }
}
