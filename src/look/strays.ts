// Living runs of this workspace that no task in assigned/ leads to: their file was moved while nobody looked.
import { newest } from '../files/run-folder.ts'
import type { Processes } from '../types.ts'

/** Ids whose newest run lives and is not over. What lives of a run that is over is ended here and now. */
export async function strays(
  runs: string,
  processes: Processes,
  known: (id: string) => boolean,
): Promise<string[]> {
  const found: string[] = []
  for (const mark of new Set(processes.list().flatMap(({ mark }) => mark ?? []))) {
    const [, id = '', attempt] = /^(.+)\.(\d+)\.[0-9a-f-]{36}$/.exec(mark) ?? []
    const run = id && !known(id) ? await newest(runs, id) : null
    if (run?.nonce !== mark || run.attempt !== Number(attempt)) continue // another workspace's
    if (run.outcome) await processes.sweep(mark, null)
    else found.push(id)
  }
  return found
}
