// The folders of a workspace, made. Promises: what is there stays as it is. A file of its own: who only asks
// where things lie does not load what makes them.
import { assertInside } from './files.ts'
import { mkdir } from './fs.ts'
import { proveRenames } from './renames.ts'
import type { Workspace } from './workspace.ts'

/** The folders that an orchestrator needs. Throws `EXDEV` when a rename between them would not be atomic. */
export async function makeFolders(at: Workspace): Promise<void> {
  for (const folder of [...Object.values(at.state), at.drafts])
    await mkdir(folder, { recursive: true })
  for (const folder of [at.home, at.runs]) await mkdir(folder, { recursive: true, mode: 0o700 })
  await assertInside(at.root, ...Object.values(at.state), at.runs)
  await proveRenames(at)
}
