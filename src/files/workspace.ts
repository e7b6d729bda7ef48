// Where things lie in a workspace (DESIGN 2). Pure path arithmetic, and the upward search that git does.
import { statSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { OrchestrateError, STATES, type State } from '../types.ts'

export interface Workspace {
  root: string
  config: string
  tasks: string
  state: Record<State, string>
  drafts: string
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

/** The folders that an orchestrator needs. Throws `EXDEV` when a rename between them would not be atomic. */
export async function makeFolders(at: Workspace): Promise<void> {
  for (const folder of [...Object.values(at.state), at.drafts])
    await mkdir(folder, { recursive: true })
  for (const folder of [at.home, at.runs]) await mkdir(folder, { recursive: true, mode: 0o700 })
  const devices = await Promise.all(STATES.map(async (state) => (await stat(at.state[state])).dev))
  if (new Set(devices).size > 1) {
    throw new OrchestrateError(
      'EXDEV',
      'the folders in tasks/ are on different file systems',
      'put them on one: a claim is a rename',
    )
  }
}
