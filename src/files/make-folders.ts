// The folders of a workspace, made. Promises: what is there stays as it is. A file of its own: who only asks
// where things lie does not load what makes them.
import { mkdir, stat } from 'node:fs/promises'
import { OrchestrateError, STATES } from '../types.ts'
import type { Workspace } from './workspace.ts'

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
