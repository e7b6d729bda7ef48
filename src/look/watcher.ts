// The hint that something changed in a folder, by chokidar. It says that, never what: reading the folder says what.
// Promises: one watch per folder however much it holds, no folder is read; where watching fails, it says so once.
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { FSWatcher } from 'chokidar'
import { DRAFT } from '../files/names.ts'
import type { Workspace } from '../files/workspace.ts'
import { OrchestrateError, STATES } from '../types.ts'

/** `rearm`: watches what was deleted and made again, or was not there, and tells whether there was any: then scan. One `stat` per folder when nothing changed. `deaf`: a folder that is there is not watched. */
export type Watcher = { rearm(): Promise<boolean>; deaf(): boolean; close(): Promise<void> }

/** Resolves when armed. `changed`: `name` is a hint, null when not told. `failed` is called at most once. */
export async function watch(
  folders: string[],
  changed: (folder: string, name: string | null) => void,
  failed: (error: OrchestrateError) => void,
): Promise<Watcher> {
  const armed = new Map<string, { inode: string; watcher: FSWatcher }>()
  let told = false
  let closed = false
  let turn = Promise.resolve(false)

  async function arm(folder: string): Promise<boolean> {
    // RACE: the folder may be replaced right after this; then the next rearm sees another inode.
    const now = await stat(folder).catch(() => null)
    const inode = now ? `${now.dev}:${now.ino}` : ''
    const old = armed.get(folder)
    if (closed || (old?.inode ?? '') === inode) return false
    armed.delete(folder)
    await old?.watcher.close()
    if (inode === '') return false
    const watcher = new FSWatcher({ ignored: (path) => path !== folder, depth: 0, atomic: false })
    const one = { inode, watcher }
    armed.set(folder, one)
    // At each event chokidar would read the folder and the stat of every file, were its throttle not shut.
    watcher._throttle = () => false
    watcher.on('raw', (_event, name: string | null) => {
      // Its own name: deleted or moved away. The next of that name may well get the same inode.
      if (name === basename(folder)) one.inode = 'gone'
      changed(folder, name)
    })
    watcher.on('error', (cause) => {
      one.inode = 'gone'
      const text = `${folder} cannot be watched (${cause}); it is read every second instead`
      const hint = 'on Linux, `sysctl fs.inotify` shows the limits'
      if (!told) failed(new OrchestrateError('NOT_WATCHED', text, hint, { cause }))
      told = true
    })
    await new Promise<void>((resolve) => watcher.once('ready', resolve).add(folder))
    return one.inode === inode
  }

  const armAll = async () => {
    let any = false
    for (const folder of folders) if (await arm(folder)) any = true
    return any
  }
  const rearm = () => (turn = turn.then(armAll)) // one at a time
  const close = async () => {
    closed = true
    await turn
    for (const { watcher } of armed.values()) await watcher.close()
  }
  await rearm()
  const deaf = () => [...armed.values()].some((one) => one.inode === 'gone')
  return { rearm, deaf, close }
}

/** Hints as files of the workspace (`tasks/pending/a.yaml`); null: anything may have changed. */
export function watchTasks(
  at: Workspace,
  hint: (file: string | null) => void,
  failed: (why: string) => void,
): Promise<Watcher> {
  const states = new Map(STATES.map((state) => [at.state[state], state]))
  const changed = (folder: string, name: string | null) => {
    const state = states.get(folder)
    // A draft of ours is no news: a look at it would only be in the way of the task it becomes.
    if (state && name && DRAFT.test(name)) return
    hint(state && name ? `tasks/${state}/${name}` : null)
  }
  return watch([at.tasks, ...states.keys()], changed, ({ message }) => failed(message))
}
