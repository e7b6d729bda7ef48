// The folder of a run, `.orchestrate/runs/<id>/<attempt>/`: what it says, in any state a crash may leave it.
import { constants } from 'node:fs'
import { join } from 'node:path'
import type { RunRecord } from '../types.ts'
import {
  inFolder,
  isErrno,
  makeInside,
  orNull,
  readRegular,
  type writeNew,
  writeWhole,
} from './files.ts'
import { lstat, mkdir, open, readdir, rm, writeFile } from './fs.ts'
import { removeDrafts } from './litter.ts'

/** Attempts of an id, lowest first. RACE: the folder may be removed by hand at any time. */
export async function attempts(runs: string, id: string): Promise<number[]> {
  const names = (await readdir(join(runs, id)).catch(orNull)) ?? []
  return names
    .map(Number)
    .filter((n) => n > 0)
    .sort((a, b) => a - b)
}

/** An agent may have put anything in the place of these. */
const text = async (path: string) => (await readRegular(path, RECORD_CAP)).toString()
const RECORD_CAP = 64 << 20

async function readRun(runs: string, id: string, attempt = 0): Promise<RunRecord | null> {
  try {
    return JSON.parse(await text(join(runs, id, String(attempt), 'run.json')))
  } catch (error) {
    return orNull(error) // missing, or cut off by a crash: the same as never written
  }
}

/** What a run folder holds before its run.json says that there is an attempt. */
const UNBORN = ['prompt.md', 'stdout', 'stderr']

/** Makes the folder of the next attempt. RACE: `mkdir` has one winner. One that was left before its run.json, by a crash or a full disk, is used again. */
export async function nextAttempt(
  runs: string,
  id: string,
): Promise<{ attempt: number; folder: string }> {
  const last = (await attempts(runs, id)).at(-1) ?? 0
  if (last) await removeLeft(join(runs, id, String(last)))
  const left = last ? await readdir(join(runs, id, String(last))) : []
  const used = last === 0 || left.some((name) => !UNBORN.includes(name))
  const attempt = used ? last + 1 : last
  const folder = join(runs, id, String(attempt))
  const root = join(runs, '../..')
  await makeInside(root, join(runs, id))
  const make = (at: string) => mkdir(join(at, String(attempt)), { mode: 0o700 })
  await inFolder(root, join(runs, id), make).catch((error) => {
    if (!isErrno(error, 'EEXIST') || used) throw error
  })
  // What was seen there is a dead one's; a prompt that comes from now on is that of who has the attempt.
  if (!used && left.includes('prompt.md')) await rm(join(folder, 'prompt.md'), { force: true })
  return { attempt, folder }
}

/**
 * RACE: a person may remove the folder of a task that has left assigned/, or an agent its own: what still runs needs one.
 * @param how `writeNew` for the first record of an attempt: who stood still since its `mkdir` may find another's there.
 */
export async function writeRun(
  runs: string,
  record: RunRecord,
  how: typeof writeNew = writeWhole,
): Promise<void> {
  const folder = join(runs, record.task_id, String(record.attempt))
  const root = join(runs, '../..')
  const text = `${JSON.stringify(record, null, 2)}\n`
  const write = () => inFolder(root, folder, (at) => how(join(at, 'run.json'), text))
  // Before it: who is killed after the last record was written leaves nobody who writes there again.
  if (record.outcome) await removeLeft(folder)
  await write().catch(async (error) => {
    if (!isErrno(error, 'ENOENT')) throw error
    await makeInside(root, folder)
    await write()
  })
}

/** Only the holder of the lock writes here: a draft of another process is a killed one's. */
const removeLeft = (folder: string) => removeDrafts(folder, (pid) => pid === process.pid)

/**
 * The pid of the shim, as `readShim`. An agent may remove its own folder while it runs: then what is known of the run is
 * written again, so that it is found after a crash, too.
 */
export async function shimPid(
  runs: string,
  record: RunRecord | null,
  known: number | null,
): Promise<number | null> {
  if (!record) return null
  const folder = join(runs, record.task_id, String(record.attempt))
  const { pid } = await readShim(folder)
  if (pid !== null || known === null) return pid
  if (await lstat(join(folder, 'run.json')).catch(() => null)) return null
  await writeRun(runs, record)
  // RACE: a shim that is only now beginning finds its attempt taken, and leaves.
  const write = (at: string) => writeFile(join(at, 'pid'), `${known}\n`, { flag: 'wx' })
  await inFolder(join(runs, '../..'), folder, write).catch((error) => {
    if (!isErrno(error, 'EEXIST')) throw error
  })
  return known
}

/** MiB of stdout and stderr together. */
export async function outputMb(folder: string): Promise<number> {
  const sizes = ['stdout', 'stderr'].map((name) => lstat(join(folder, name)).catch(() => null))
  return (await Promise.all(sizes)).reduce((sum, stat) => sum + (stat?.size ?? 0), 0) / 2 ** 20
}

/** The newest attempt that left a record; null: none, or an empty folder. */
export const newest = async (runs: string, id: string): Promise<RunRecord | null> =>
  readRun(runs, id, (await attempts(runs, id)).at(-1))

/** Forgets a success, so that the task may run again. @param feedback for the next attempt. */
export async function release(runs: string, id: string, feedback?: string): Promise<void> {
  const run = await newest(runs, id)
  const released = run?.outcome === 'success'
  if (!run || !(released || feedback)) return
  await writeRun(runs, { ...run, ...(released && { released }), ...(feedback && { feedback }) })
}

/** The records of all attempts of an id, oldest first. */
export async function history(runs: string, id: string): Promise<RunRecord[]> {
  const records = await Promise.all((await attempts(runs, id)).map((n) => readRun(runs, id, n)))
  return records.filter((record) => record !== null)
}

/** The shim's pid (null: no file; 0: begun, and nothing was started) and the agent's exit status (null: not known yet). */
export async function readShim(
  folder: string,
): Promise<{ pid: number | null; exit: number | null }> {
  const [pid, exit] = await Promise.all(
    ['pid', 'exit'].map((name) => text(join(folder, name)).catch(orNull)),
  )
  return {
    pid: pid == null ? null : Number(pid.trim() || 0),
    exit: exit?.trim() ? Number(exit) : null,
  }
}

/** The last 8 KiB of stderr: what a run says when its events say nothing. */
export async function stderrTail(folder: string): Promise<string> {
  const handle = await opened(join(folder, 'stderr'))
  if (!handle) return ''
  try {
    const { size } = await handle.stat()
    const tail = Buffer.alloc(8192)
    const bytes = await handle.read(tail, 0, tail.length, Math.max(0, size - tail.length))
    return tail.subarray(0, bytes).toString()
  } finally {
    await handle.close()
  }
}

/** An agent may have put anything in the place of its output: no link is followed, and no FIFO waited for. Null: no file. */
async function opened(path: string) {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await open(path, flags).catch(orNull)
  if (!handle || (await handle.stat()).isFile()) return handle
  await handle.close()
  return null
}

const NONE = Buffer.alloc(0)
const LINE_CAP = 1 << 20
const CHUNK = 1 << 16
/** Bytes for one look at a run, so that the other agents are looked after meanwhile. */
const READ_CAP = 4 << 20
/** Bytes: more than is kept of a text (TEXT_CAP characters), whatever its letters. What comes before it need not be read. */
const TAIL = 1 << 20

/**
 * Reads a growing file line by line from where it stopped; a line is cut at 1 MiB, so memory stays flat. Who prints faster than that
 * is read (`yes` a gigabyte a second) is caught up with at the end of his text.
 */
export class Lines {
  readonly #path: string
  readonly #line: (text: string) => void
  readonly #many: boolean
  #offset = 0
  #rest: Buffer = NONE
  /** When the file was last written to, epoch ms; that of now before it is read. */
  at = Date.now()

  /** @param many whether `line` takes all the lines of a chunk in one text, and only the end of it all counts. */
  constructor(path: string, line: (text: string) => void, many = false) {
    this.#path = path
    this.#line = line
    this.#many = many
  }

  /**
   * Reads to the end that the file has now, but at most `most` bytes; `false`: there is more.
   * @param all also a last line without its end: nobody will write it on.
   */
  async read(all: boolean, most = READ_CAP): Promise<boolean> {
    const handle = await opened(this.#path)
    if (!handle) return true
    try {
      const { size, mtimeMs } = await handle.stat()
      this.at = mtimeMs
      if (this.#many && size - this.#offset > TAIL) [this.#offset, this.#rest] = [size - TAIL, NONE]
      const end = Math.min(size, this.#offset + most)
      // Of many a run, most looks find nothing new.
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(0, end - this.#offset)))
      while (this.#offset < end) {
        const length = Math.min(chunk.length, end - this.#offset)
        const bytesRead = await handle.read(chunk, 0, length, this.#offset)
        if (bytesRead === 0) break // it was cut meanwhile
        this.#offset += bytesRead
        this.#feed(chunk.subarray(0, bytesRead))
      }
      if (end < size) return false
      if (all && this.#rest.length) this.#feed(Buffer.from('\n'))
      return true
    } finally {
      await handle.close()
    }
  }

  #feed(bytes: Buffer): void {
    let from = 0
    const next = () =>
      this.#many && !this.#rest.length ? bytes.lastIndexOf(10) : bytes.indexOf(10, from)
    for (let end = next(); end >= from; from = end + 1, end = next()) {
      this.#line(this.#with(bytes.subarray(from, end)).toString())
      this.#rest = NONE
    }
    if (from === bytes.length) return
    const left = bytes.subarray(from)
    // A copy: the chunk that it is a part of is filled again.
    this.#rest = this.#rest.length ? this.#with(left) : Buffer.from(left)
  }

  #with(bytes: Buffer): Buffer {
    if (this.#rest.length === 0) return bytes
    return this.#rest.length < LINE_CAP ? Buffer.concat([this.#rest, bytes]) : this.#rest
  }
}
