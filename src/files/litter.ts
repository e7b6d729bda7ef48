// What a killed writer left beside the file it was writing: drafts, by their names. Promises: only files (and empty folders) that are named as our
// drafts are, and whose writer is dead, are removed; whatever else lies there is never touched.
import { join } from 'node:path'
import { STATES, type State } from '../types.ts'
import { lstat, readdir, rmdir, unlink } from './fs.ts'
import type { Workspace } from './workspace.ts'

/** `.run.json.<pid>.<n>.draft`, write-file-atomic's digits behind it, `config.json.<pid>.draft`; an empty folder (renames.ts), too. */
const WRITER = /^(?:\..+?\.(\d+)\.\d+\.draft(?:\.\d+)?|config\.json\.(\d+)\.draft)$/
/** ms. A writer in another container has a pid that says nothing here. */
const OLD_MS = 60_000

/** Of the folders that others than the orchestrator write to, too. Run folders: writeRun. @param names those in the task folders. */
export async function removeLitter(
  at: Workspace,
  contextDir: string,
  alive: (pid: number) => boolean,
  names: ReadonlyMap<State, Iterable<string>>,
): Promise<void> {
  for (const state of STATES) await removeDrafts(at.state[state], alive, OLD_MS, names.get(state))
  const outputs = join(contextDir, 'agent_outputs')
  for (const folder of [at.home, join(at.home, 'schema'), contextDir, outputs])
    await removeDrafts(folder, alive, OLD_MS)
}

/** Drafts in `folder` whose writer does not live and that are `oldMs` old. @param names where they were read already. */
export async function removeDrafts(
  folder: string,
  alive: (pid: number) => boolean,
  oldMs = 0,
  names?: Iterable<string>,
): Promise<void> {
  // Not there, or not ours to read: nothing to remove either.
  for (const name of names ?? (await readdir(folder).catch(() => []))) {
    const [, draft, config] = WRITER.exec(name) ?? []
    const pid = Number(draft ?? config)
    if (!pid || alive(pid)) continue
    const path = join(folder, name)
    const seen = await lstat(path).catch(() => null) // someone was quicker
    if (!seen || Date.now() - seen.mtimeMs < oldMs) continue
    const remove = seen.isDirectory() ? rmdir : unlink
    if (seen.isFile() || seen.isDirectory()) await remove(path).catch(() => {}) // the next start tries again
  }
}
