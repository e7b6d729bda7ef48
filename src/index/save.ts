// Writes the image of the index, rarely. Promises: whole or not at all, never a truncated image, no write without a
// change; a failure is a line in the log, told once, and tried again. It never throws and never holds the process open.
import { lstat, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { isErrno } from '../files/files.ts'
import type { Log } from '../types.ts'

/** ms between two saves; above BIG bytes, or after a failure, the longer one (100,000 tasks: 40 MB, 0.1 s to export). */
export const SOON_MS = 5_000
export const SELDOM_MS = 60_000
export const BIG = 10 * 1024 * 1024

/** Handed in by tests; else those of the process, which do not keep it alive. */
export interface Timers {
  set(act: () => void, ms: number): unknown
  clear(timer: unknown): void
}
const real: Timers = {
  set: (act, ms) => setTimeout(act, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

export interface Saver {
  /** There is something new to save. */
  changed(): void
  /** Saves now, if there is something new. */
  save(): Promise<void>
  /** The last save; changes after it are not saved. */
  close(): Promise<void>
}

export function createSaver(parts: {
  file: string
  /** The whole image, now. */
  image(): Uint8Array
  /** How large it would be, in bytes; cheap. */
  size(): number
  log: Log
  /** Whether the workspace is ours still: who was suspended past its lock must not put an old image over a newer one. */
  mine?: (() => Promise<boolean>) | undefined
  timers?: Timers | undefined
}): Saver {
  const { file, log, mine, timers = real } = parts
  let [dirty, closed] = [false, false]
  let timer: unknown = null
  let writing: Promise<void> | null = null
  let failure: string | null = null

  const arm = () => {
    if (timer !== null || writing || !dirty || closed) return
    const wait = failure !== null || parts.size() > BIG ? SELDOM_MS : SOON_MS
    timer = timers.set(() => {
      timer = null
      void save()
    }, wait)
  }

  async function save(): Promise<void> {
    while (writing) await writing
    if (!dirty) return
    if (timer !== null) timers.clear(timer)
    timer = null
    dirty = false
    writing = attempt()
    await writing
    writing = null
    arm()
  }

  async function attempt(): Promise<void> {
    try {
      if (!mine || (await mine())) await writeImage(file, parts.image())
      failure = null
    } catch (error) {
      dirty = true
      const why = error instanceof Error ? error.message : String(error)
      if (why !== failure) log('warn', `the index ${file} could not be saved: ${why}`)
      failure = why
    }
  }

  return {
    changed() {
      if (closed) return
      dirty = true
      arm()
    },
    save,
    async close() {
      closed = true
      await save()
      if (timer !== null) timers.clear(timer)
      timer = null
    },
  }
}

/** One fixed name: the lock of the workspace leaves one writer, and what a killed one left is found again. */
const draftName = (file: string) => `.${basename(file)}.draft`

/** The bytes as `file`, by a draft beside it whose size is checked: write-file-atomic publishes a short write. */
async function writeImage(file: string, image: Uint8Array): Promise<void> {
  const draft = join(dirname(file), draftName(file))
  try {
    // A view on the same bytes, not a copy of 40 MB.
    const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength)
    await writeFileAtomic(draft, bytes, { mode: 0o600 })
    const { size } = await lstat(draft)
    if (size !== bytes.length) throw new Error('it was cut short: is the disk full?')
    await rename(draft, file)
  } catch (error) {
    await unlink(draft).catch(() => {}) // the first error is the one to tell
    throw error
  }
}

/** Drafts that a killed orchestrator left; write-file-atomic adds digits to the name. Called under the workspace's lock. */
export async function removeDrafts(file: string): Promise<void> {
  const folder = dirname(file)
  const draft = draftName(file)
  const names = await readdir(folder).catch((error) => {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  })
  for (const name of names) {
    const rest = name.startsWith(draft) ? name.slice(draft.length) : null
    if (rest !== null && /^(\.\d+)?$/.test(rest)) await unlink(join(folder, name)).catch(() => {}) // only litter
  }
}
