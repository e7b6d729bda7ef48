// Whether a rename leads from each state folder to the next, tried once at the start. A mount point between them need not
// show in device numbers (a bind mount has those of its source): only a rename tells.
import { join } from 'node:path'
import { OrchestrateError, STATES } from '../types.ts'
import { isErrno } from './files.ts'
import { mkdir, rename, rmdir } from './fs.ts'
import type { Workspace } from './workspace.ts'

/** Throws `EXDEV`. What else fails here (a full disk) is told where it matters. */
export async function proveRenames(at: Workspace): Promise<void> {
  const name = `.probe.${process.pid}.0.draft`
  let probe = join(at.state[STATES[0]], name)
  try {
    await mkdir(probe)
  } catch {
    return // full, or not ours to write: the look says so, and goes on when that is over
  }
  try {
    for (const state of STATES.slice(1)) {
      const next = join(at.state[state], name)
      await rename(probe, next)
      probe = next
    }
  } catch (error) {
    if (!isErrno(error, 'EXDEV')) return
    throw new OrchestrateError(
      'EXDEV',
      'the folders in tasks/ are on different file systems',
      'put them on one: a claim is a rename',
    )
  } finally {
    await rmdir(probe).catch(() => {}) // litter: a later start removes it
  }
}
