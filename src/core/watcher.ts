// The hint that something changed in a folder, by chokidar. It says that, never what: reading the folder says what.
// Promises: one watch per folder however much it holds, no folder is read; where watching fails, it says so once.
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { FSWatcher } from 'chokidar'
import { OrchestrateError } from './types.ts'

export interface Watcher {
  /** Watches what was deleted and made again, or was not there. One `stat` per folder when nothing changed. Then scan. */
  rearm(): Promise<void>
  close(): Promise<void>
}

/** Resolves when armed. `changed`: `name` is a hint, null when not told. `failed` is called at most once. */
export async function watch(
  folders: string[],
  changed: (folder: string, name: string | null) => void,
  failed: (error: OrchestrateError) => void,
): Promise<Watcher> {
  const armed = new Map<string, { inode: string; watcher: FSWatcher }>()
  let told = false
  let closed = false
  let turn = Promise.resolve()

  async function arm(folder: string): Promise<void> {
    // RACE: the folder may be replaced right after this; then the next rearm sees another inode.
    const inode = await stat(folder).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => '',
    )
    const old = armed.get(folder)
    if (closed || (old?.inode ?? '') === inode) return
    armed.delete(folder)
    await old?.watcher.close()
    if (inode === '') return
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
    watcher.on('error', (error) => {
      one.inode = 'gone'
      if (!told) failed(unwatched(folder, error))
      told = true
    })
    await new Promise<void>((resolve) => watcher.once('ready', resolve).add(folder))
  }

  const rearm = () => {
    turn = turn.then(async () => {
      for (const folder of folders) await arm(folder)
    })
    return turn
  }
  const close = async () => {
    closed = true
    await turn
    await Promise.all([...armed.values()].map(({ watcher }) => watcher.close()))
  }
  await rearm()
  return { rearm, close }
}

const unwatched = (folder: string, cause: unknown): OrchestrateError =>
  new OrchestrateError(
    'NOT_WATCHED',
    `${folder} cannot be watched (${String(cause)}); it is scanned now and then instead`,
    'on Linux, `sysctl fs.inotify` shows the limits',
    { cause },
  )
