// The lock around a merge (specification 12.1): one program at a time changes the shared files.
// Promises: `.orchestrate/context.lock`; waits longer than a dead holder's lock lives; a lost lock never ends the process.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isErrno } from '../files/files.ts'
import { mkdir, rmdir } from '../files/fs.ts'

/** A merge takes some 10 ms; 30 s leaves room for a suspended or starved process (RELIABILITY 2.2). */
const STALE_MS = 30_000

/**
 * Runs `work` under the lock. `held()` turns false when the lock is lost, so ask it right before each rename:
 * proper-lockfile's stale take-over can let two in at once. Throws ELOCKED when the lock is not to be had.
 */
export async function withLock<T>(
  home: string,
  work: (held: () => boolean) => Promise<T>,
  staleMs = STALE_MS,
): Promise<T> {
  const { lock } = await import('proper-lockfile') // here: importing it installs an exit hook
  await mkdir(home, { recursive: true, mode: 0o700 })
  let held = true
  const take = () =>
    lock(join(home, 'context'), {
      realpath: false,
      stale: staleMs,
      onCompromised: () => {
        held = false // the default throws out of a timer and ends the process
      },
    })
  // Our own loop: the library would try again after every error, a full disk too.
  const deadline = performance.now() + staleMs * 1.5
  for (;;) {
    try {
      const release = await take()
      try {
        return await work(() => held)
      } finally {
        await release().catch(() => {}) // lost meanwhile: nothing of ours is left to release
      }
    } catch (error) {
      if (!isErrno(error, 'ELOCKED') || performance.now() > deadline) throw error
      await sleep(10 + Math.random() * 40)
    }
  }
}

/** What a killed orchestrator held: it says of no one whose it is, and would be waited for until it is stale. */
export async function breakLock(home: string): Promise<void> {
  await rmdir(join(home, 'context.lock')).catch(() => {}) // there is none
}
