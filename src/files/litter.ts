// What a killed writer left beside the file it was writing: drafts, by their names. Promises: only files that are named as our
// drafts are, and whose writer is dead, are removed; whatever else lies there is never touched.
import { lstat, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { stem } from './names.ts'
import type { Workspace } from './workspace.ts'

/** `.run.json.<pid>.<n>.draft`, write-file-atomic's digits behind it, `config.json.<pid>.draft`. */
const WRITER = /\.(\d+)(?:\.\d+)?\.draft(?:\.\d+)?$/
/** ms. Where others than the orchestrator write, too: one in another container has a pid that says nothing here. */
const OLD_MS = 60_000

/** Called before the orchestrator starts, while the files of what it worked on still lie in `assigned/`. */
export async function removeLitter(
  at: Workspace,
  contextDir: string,
  alive: (pid: number) => boolean,
): Promise<void> {
  const shared = [
    ...Object.values(at.state),
    at.home,
    contextDir,
    join(contextDir, 'agent_outputs'),
  ]
  for (const folder of shared) await removeFrom(folder, alive, OLD_MS)
  for (const name of await names(at.state.assigned)) {
    const runs = join(at.runs, stem(name))
    for (const attempt of await names(runs)) await removeFrom(join(runs, attempt), alive, 0)
  }
}

async function removeFrom(
  folder: string,
  alive: (pid: number) => boolean,
  oldMs: number,
): Promise<void> {
  for (const name of await names(folder)) {
    const pid = Number(WRITER.exec(name)?.[1])
    if (!pid || alive(pid)) continue
    const path = join(folder, name)
    const seen = await lstat(path).catch(() => null) // someone was quicker
    if (!seen?.isFile() || Date.now() - seen.mtimeMs < oldMs) continue
    await unlink(path).catch(() => {}) // only litter: the next start tries again
  }
}

/** Not there, or not ours to read: nothing to remove either. */
const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
