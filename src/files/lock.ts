// One orchestrator per workspace: a lock folder that names its owner, taken and taken over by rename alone.
// Promises: never two holders, however many try at once; a dead owner on this host is replaced without waiting.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { OrchestrateError, type Processes } from '../types.ts'
import { isErrno } from './files.ts'
import { mkdir, readdir, readFile, readlink, rename, rm, stat, writeFile } from './fs.ts'

/** `held` is the fence, read from disk: asked before each batch of claims and each final move. */
export type Lock = { nonce: string; held(): Promise<boolean>; release(): Promise<void> }
type Identity = Pick<Processes, 'started' | 'bootId'>
type Owner = Awaited<ReturnType<typeof self>>
type Options = { path: string; processes: Identity; host?: string; pause?: () => Promise<void> }

/** No contender sleeps longer between its look and its rename. */
const OLD_MS = 24 * 3600_000
/** Every turn but the last means that someone else was quicker. */
const TURNS = 1000

/**
 * Throws `LOCKED` when another orchestrator works here, or may do so. `path`: the lock folder; its parent is made.
 * `pause`, for tests, is called between each look and the act that follows from it.
 */
export async function takeLock({ path, processes, host, pause }: Options): Promise<Lock> {
  const me = await self(processes, host)
  const draft = `${path}.${me.nonce}.tmp`
  const tomb = (owner: Owner) => `${path}.tomb.${owner.nonce}`
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 })
    // Flushed, so that a power cut cannot leave a lock that names nobody.
    await writeFile(join(draft, 'owner.json'), JSON.stringify(me), { flush: true })
    // RACE: every contender does this. It fails while the folder has an owner, and fills an empty one left by hand.
    for (let turn = 0; !(await renamed(draft, path)); turn++) {
      const owner = await ownerOf(path)
      await pause?.()
      const verdict = owner ? judge(owner, me, processes) : 'gone'
      if (verdict === 'near' || verdict === 'far' || turn > TURNS)
        throw refusal(path, owner, verdict)
      // RACE: since our look it may have been released, and taken by another. What a dead owner holds even now
      // can only go to this one tomb, only once: a contender that is late by hours finds the tomb there, and
      // cannot move the next owner's lock.
      const still = (await ownerOf(path))?.nonce === owner?.nonce
      await pause?.()
      if (owner && still) await renamed(path, tomb(owner))
    }
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  await removeOld(path).catch(() => {}) // housekeeping: the next holder does it
  const held = async () => (await ownerOf(path))?.nonce === me.nonce
  // RACE: if it was taken from us, our tomb is there already, and the rename fails.
  const release = async () => {
    if ((await held()) && (await renamed(path, tomb(me)))) await rm(tomb(me), { recursive: true })
  }
  return { nonce: me.nonce, held, release }
}

/** For status and doctor. Null: nobody holds it. Who cannot be judged from here (`far`) counts as alive. */
export async function readOwner(path: string, processes: Identity) {
  const owner = await ownerOf(path)
  const verdict = owner && judge(owner, await self(processes), processes)
  const [alive, far] = [verdict !== 'dead', verdict === 'far']
  return owner && { pid: owner.pid, alive, far, host: owner.host }
}

const self = async (processes: Identity, host = hostname()) => ({
  host,
  pid: process.pid,
  started: processes.started(process.pid),
  boot_id: processes.bootId(),
  pid_ns: await readlink('/proc/self/ns/pid').catch(() => ''), // not Linux
  nonce: randomUUID() as string,
})

/** Pids mean nothing on another host or in another namespace (a container): `far`. */
function judge(owner: Owner, me: Owner, processes: Identity): 'dead' | 'near' | 'far' {
  if (owner.host !== me.host) return 'far'
  if (owner.boot_id !== me.boot_id) return 'dead'
  if (owner.pid_ns !== me.pid_ns) return 'far'
  return processes.started(owner.pid) === owner.started ? 'near' : 'dead'
}

function refusal(path: string, owner: Owner | null, verdict: string): OrchestrateError {
  const who = owner ? `pid ${owner.pid} on ${owner.host}` : 'which one, its lock does not say'
  const hint = verdict === 'near' ? '`orchestrate stop` ends it' : `if it is gone, remove ${path}`
  return new OrchestrateError('LOCKED', `Another orchestrator works here (${who})`, hint)
}

/** RACE: it may be released or taken over at any moment: null. */
async function ownerOf(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(join(path, 'owner.json'), 'utf8'))
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return null
    throw error
  }
}

async function renamed(from: string, to: string): Promise<boolean> {
  const failed = await rename(from, to).catch((error) => error)
  if (failed && !isErrno(failed, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw failed
  return !failed
}

/** Tombs, and drafts of killed contenders. A rename sets the ctime, so a tomb's age counts from its making. */
async function removeOld(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue
    const left = join(dirname(path), name)
    const since = await stat(left).catch(() => null) // RACE: a contender has removed its draft
    if (since && Date.now() - since.ctimeMs > OLD_MS)
      await rm(left, { recursive: true, force: true })
  }
}
