// One orchestrator per workspace: a lock folder that names its owner, taken and taken over by rename alone.
// Promises: never two holders, however many try at once; a dead owner on this host is replaced without waiting.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isErrno } from './files.ts'
import { OrchestrateError, type Processes } from './types.ts'

export interface Lock {
  nonce: string
  /** The fence: whether we still hold it, read from disk. Asked before each batch of claims and each final move. */
  held(): Promise<boolean>
  release(): Promise<void>
}

export interface LockOptions {
  /** The lock folder, `.orchestrate/lock`. */
  path: string
  processes: Pick<Processes, 'started' | 'bootId'>
  host?: string
  /** Tests only: called between each look and the act that follows from it. */
  pause?: () => Promise<void>
}

interface Owner {
  host: string
  pid: number
  started: string | null
  boot_id: string
  /** Pids mean nothing outside their namespace. Empty where there are none. */
  pid_ns: string
  nonce: string
}

/** Longer than any contender can sleep between its look and its rename. */
const OLD_MS = 24 * 3600_000
/** Each turn means that someone else came first; so many in a row do not happen. */
const TURNS = 1000
const TAKEN = ['ENOTEMPTY', 'EEXIST']

/** Throws `LOCKED` when another orchestrator works here, or may do so. */
export async function takeLock({ path, processes, host, pause }: LockOptions): Promise<Lock> {
  const me = await self(processes, host)
  const { nonce } = me
  const draft = `${path}.${nonce}.tmp`
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 })
    await writeFile(join(draft, 'owner.json'), JSON.stringify(me))
    for (let turn = 0; turn < TURNS; turn++) {
      // RACE: all contenders do this; it fails while the folder has an owner, and fills an empty one left by hand.
      if (await renamed(draft, path)) {
        await removeOld(path)
        return { nonce, held: () => holds(path, nonce), release: () => release(path, nonce) }
      }
      const seen = await look(path)
      if (seen === null) continue
      await pause?.()
      if (seen.owner !== null && judge(seen.owner, me, processes) !== 'dead') {
        throw refusal(path, seen.owner, me)
      }
      // RACE: it may have been released, and taken by another, between our look and the death of its owner.
      // What a dead owner still holds now can only be moved to this one tomb, and only once: while the tomb is
      // there, a contender that is late by hours cannot move the lock of the next owner.
      if ((await look(path))?.key !== seen.key) continue
      await pause?.()
      await renamed(path, `${path}.tomb.${seen.key}`)
    }
    throw new OrchestrateError('LOCKED', 'The lock changes hands all the time', `look at ${path}`)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** For status and doctor. Null: nobody holds it. `alive` also when its owner cannot be judged from here. */
export async function readOwner(
  path: string,
  processes: LockOptions['processes'],
): Promise<{ pid: number; alive: boolean; host: string } | null> {
  const owner = (await look(path))?.owner
  if (!owner) return null
  const alive = judge(owner, await self(processes), processes) !== 'dead'
  return { pid: owner.pid, alive, host: owner.host }
}

async function self(processes: LockOptions['processes'], host = hostname()): Promise<Owner> {
  const started = processes.started(process.pid)
  const pid_ns = await readlink('/proc/self/ns/pid').catch(() => '') // not Linux
  const boot_id = processes.bootId()
  return { host, pid: process.pid, started, boot_id, pid_ns, nonce: randomUUID() }
}

function judge(owner: Owner, me: Owner, processes: LockOptions['processes']) {
  if (owner.host !== me.host) return 'elsewhere'
  if (owner.boot_id !== me.boot_id) return 'dead'
  if (owner.pid_ns !== me.pid_ns) return 'elsewhere'
  const started = processes.started(owner.pid)
  return started !== null && started === owner.started ? 'alive' : 'dead'
}

function refusal(path: string, owner: Owner, me: Owner): OrchestrateError {
  const near = owner.host === me.host && owner.pid_ns === me.pid_ns
  const where = near ? '' : owner.host === me.host ? ' in another container' : ` on ${owner.host}`
  return new OrchestrateError(
    'LOCKED',
    `Another orchestrator works here (pid ${owner.pid}${where})`,
    near ? '`orchestrate stop` ends it' : `end it there; if it is gone for good, remove ${path}`,
  )
}

/** Null: no lock. `owner` null: half-made by hand, or torn by a power cut; then the folder's inode stands for it. */
async function look(path: string): Promise<{ key: string; owner: Owner | null } | null> {
  try {
    const { ino } = await stat(path)
    const text = await readFile(join(path, 'owner.json'), 'utf8').catch((error) => {
      if (isErrno(error, 'ENOENT')) return ''
      throw error
    })
    const owner = parse(text)
    return { key: owner?.nonce ?? `inode-${ino}`, owner }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null // RACE: just released, or taken over
    throw error
  }
}

function parse(text: string): Owner | null {
  try {
    const owner = JSON.parse(text)
    return /^[\w-]+$/.test(owner.nonce) && owner.pid > 0 ? owner : null
  } catch {
    return null // not JSON, or not an object
  }
}

const holds = async (path: string, nonce: string) => (await look(path))?.owner?.nonce === nonce

/** RACE: it may be another's by now; our tomb is then there already, and the rename fails. */
async function release(path: string, nonce: string): Promise<void> {
  const tomb = `${path}.tomb.${nonce}`
  if ((await holds(path, nonce)) && (await renamed(path, tomb))) {
    await rm(tomb, { recursive: true, force: true })
  }
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT', ...TAKEN)) return false
    throw error
  }
}

/** Tombs, and drafts of contenders that were killed. A rename sets the ctime, so a tomb's age counts from its making. */
async function removeOld(path: string): Promise<void> {
  const folder = dirname(path)
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.`) || !/\.(tomb\.|.*\.tmp$)/.test(name)) continue
    const left = join(folder, name)
    const age = Date.now() - (await stat(left).catch(() => ({ ctimeMs: Date.now() }))).ctimeMs
    if (age > OLD_MS) await rm(left, { recursive: true, force: true })
  }
}
