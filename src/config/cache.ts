// The few settings that `add` needs, mirrored in `.orchestrate/config.json`: yaml and valibot cost it three bare starts.
// Promises: never older than config.yaml as stat sees it; deletable at any time; imports nothing heavy.
import { join } from 'node:path'
import { readFile, rename, stat, unlink, writeFile } from '../files/fs.ts'
import type { Workspace } from '../files/workspace.ts'
import type { Priority } from '../types.ts'
import { BUILT_IN, DEFAULTS } from './defaults.ts'

export interface QuickSettings {
  maxSize: number
  defaultPriority: Priority
  /** Agent types that a task may prefer: those of the file, or all built-in ones where it says nothing of agents. */
  types: string[]
}

/** Raised when the meaning of a cached value changes. */
const VERSION = 1
/** ms. A file edited twice within one tick of its file system's clock has one stat; git knows the problem as "racily clean". */
const TICK = 100

/** Throws CONFIG when config.yaml is broken. */
export async function quickSettings(workspace: Workspace): Promise<QuickSettings> {
  const now = Date.now() // before it is read: what counts is whether an edit after that could have the same stat
  // RACE: the file may be edited after this stat; then the next stat differs, and it is read again.
  const found = await stat(workspace.config).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (!found) {
    const { max_size: maxSize, default_priority: defaultPriority } = DEFAULTS
    return { maxSize, defaultPriority, types: Object.keys(BUILT_IN) }
  }
  const key = [VERSION, found.ino, found.size, found.mtimeMs, found.ctimeMs].join()
  const path = join(workspace.home, 'config.json')
  const cached = await readCache(path, key)
  if (cached) return cached
  const { loadConfig } = await import('./load.ts')
  const { settings } = await loadConfig(workspace, { onPath: () => true })
  const { maxSize, defaultPriority } = settings.queue
  const quick = { maxSize, defaultPriority, types: Object.keys(settings.agents) }
  if (now - found.ctimeMs > TICK) await writeCache(path, JSON.stringify({ key, ...quick }))
  return quick
}

async function readCache(path: string, key: string): Promise<QuickSettings | null> {
  try {
    const { key: written, ...quick } = JSON.parse(await readFile(path, 'utf8'))
    return written === key ? quick : null
  } catch {
    return null // absent or damaged: a mirror is made again
  }
}

async function writeCache(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`
  try {
    await writeFile(draft, text)
    await rename(draft, path)
  } catch {
    // No `.orchestrate` yet, a full disk, a read-only folder: the next `add` is slower, no more.
    await unlink(draft).catch(() => {})
  }
}
