// What is known of a task besides its file: its attempts, from the run folders; its result, from our record.
import type { TaskQueue } from '../core/queue.ts'
import { history } from '../files/run-folder.ts'
import type { Entry, Note, RunRecord } from '../types.ts'

/** Outcomes that cost no retry and no delay: the agent is not to blame. */
const FREE = ['cancelled', 'interrupted', 'never-started']

export function createMemory(runs: string, queue: TaskQueue) {
  const past = new WeakMap<Entry, Partial<RunRecord>>()

  /** The newest attempt; of a settled task its record, should the run folder be gone. */
  async function learn(entry: Entry): Promise<void> {
    const last: Partial<RunRecord> | null =
      (await history(runs, entry.id)).at(-1) ??
      (entry.state === 'completed' || entry.state === 'failed'
        ? await queue.records.readResult(entry.state, entry.id)
        : null)
    if (last) past.set(entry, last)
    else past.delete(entry)
  }

  return {
    learn,
    last: (entry: Entry) => past.get(entry),
    set: (entry: Entry, run: RunRecord) => past.set(entry, run),

    /** Its last run was not brought to its end: a crash, or a file moved by hand meanwhile. */
    unfinished: (entry: Entry) =>
      entry.state === 'pending' &&
      past.get(entry)?.nonce !== undefined &&
      past.get(entry)?.outcome === undefined,

    /** A success in pending/ is held until a person removes its run folder: look again. */
    async recheck(entries: Iterable<Entry>): Promise<void> {
      for (const entry of entries)
        if (entry.state === 'pending' && past.get(entry)?.outcome === 'success') await learn(entry)
    },

    note(entry: Entry, delayMs: number): Note {
      const last = past.get(entry)
      if (!last?.outcome) return {}
      if (last.outcome === 'success') {
        return last.released
          ? {}
          : {
              held: `it succeeded before (attempt ${last.attempt}): \`orchestrate retry ${entry.id}\` runs it again`,
            }
      }
      if (last.settled !== 'pending' || FREE.includes(last.outcome)) return {}
      // Of a day to come: the clock was set back. From now on, then, or the delay would never be over.
      const said = Date.parse(last.ended_at ?? '') || 0
      const ended = Math.min(said, Date.now())
      if (ended < said) past.set(entry, { ...last, ended_at: new Date(ended).toISOString() })
      const why = `attempt ${last.attempt} failed (${last.error ?? last.outcome})`
      return {
        ...(last.agent_id && { lastAgent: last.agent_id }),
        ready: { at: ended + delayMs, why },
      }
    },
  }
}
export type Memory = ReturnType<typeof createMemory>
