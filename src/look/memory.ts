// What is known of a task besides its file: its attempts, from the run folders; its result, from our record.
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { TaskQueue } from '../core/queue.ts'
import type { createRecords } from '../files/records.ts'
import { attempts, history } from '../files/run-folder.ts'
import {
  type Entry,
  isSettled,
  type Note,
  type Outcome,
  type PromptRun,
  type RunRecord,
  type Settings,
  type Task,
} from '../types.ts'
import { learntOf, stampOf } from './kept.ts'
import { over, sum, type Used } from './purse.ts'

type Records = Pick<ReturnType<typeof createRecords>, 'readResult'>

/** Outcomes that cost no retry and no delay: the task is not to blame. */
const FREE: Outcome[] = [
  ...(['cancelled', 'interrupted', 'never-started'] as const),
  ...(['limited', 'unauthenticated', 'misconfigured'] as const),
]

/** Tasks that are learned of until something else has its turn. */
const TURN = 100

/** What a settled task is shown by, and another goes on with; it is learned of again when it waits again. */
const SHOWN = ['agent_id', 'agent_type', 'attempt', 'outcome', 'needs_review', 'error'] as const
const SESSION = ['session_id', 'tokens', 'tokens_before'] as const

const slim = (run: Partial<RunRecord>): Partial<RunRecord> =>
  Object.fromEntries([...SHOWN, ...SESSION].flatMap((key) => (key in run ? [[key, run[key]]] : [])))

/** The attempts of a task, the last of them or, of a settled one without, its record; and what tells that they are so still. */
export async function recall(runs: string, records: Records, entry: Entry) {
  const folder = stampOf(join(runs, entry.id))
  // Of most that wait there is none. Where it cannot be asked for want of files, that is no answer: this throws.
  const newest = folder === null ? 0 : ((await attempts(runs, entry.id)).at(-1) ?? 0)
  const learnt = learntOf(runs, entry, newest, folder)
  const all = newest ? await history(runs, entry.id) : []
  const last: Partial<RunRecord> | null =
    all.at(-1) ?? (isSettled(entry.state) ? await records.readResult(entry.state, entry.id) : null)
  // Where the newest attempt has no record, others had their say.
  return { all, last, learnt: newest === (last?.attempt ?? 0) || !newest ? learnt : null }
}

/** @param learned called when something else may be known of a task. */
export function createMemory(runs: string, queue: TaskQueue, learned: (entry: Entry) => void) {
  const past = new WeakMap<Entry, Partial<RunRecord>>()
  const used = new WeakMap<Entry, Used>()
  let turn = 0
  /** Those whose last run was not brought to its end, and those that wait although they succeeded. */
  const [unfinished, succeeded] = [new Set<Entry>(), new Set<Entry>()]

  /** The run whose session the next attempt goes on with: after a limit, with feedback, or where the task continues another. */
  function session(entry: Entry): Partial<RunRecord> | undefined {
    const last = past.get(entry)
    if (last?.session_id && (last.outcome === 'limited' || last.feedback)) return last
    const { continues } = entry.task ?? {}
    const before = continues && queue.find(continues, ['completed'])
    // The session was gone: it starts afresh.
    if (!before || last?.outcome === 'never-started') return undefined
    return past.get(before)?.session_id ? past.get(before) : undefined
  }

  /** The newest attempt; of a settled task its record, should the run folder be gone. */
  async function learn(entry: Entry): Promise<void> {
    if (++turn % TURN === 0) await setImmediate()
    const { all, last, learnt } = await recall(runs, queue.records, entry)
    entry.learnt = learnt
    const sums = sum(all)
    if (sums.tokens || sums.usd) used.set(entry, sums)
    else used.delete(entry)
    if (last) past.set(entry, isSettled(entry.state) ? slim(last) : last)
    else past.delete(entry)
    mark(unfinished, entry, last?.nonce !== undefined && last.outcome === undefined)
    mark(succeeded, entry, last?.outcome === 'success')
    learned(entry)
  }

  function mark(those: Set<Entry>, entry: Entry, is: boolean): void {
    if (is && entry.state === 'pending') those.add(entry)
    else those.delete(entry)
  }

  /** Those that wait still. */
  const here = (those: Set<Entry>) => {
    for (const entry of those)
      if (entry.state !== 'pending' || queue.entries.get(entry.file) !== entry) those.delete(entry)
    return [...those]
  }

  return {
    learn,
    session,
    last: (entry: Entry) => past.get(entry),

    /** Whose last run was not brought to its end: a crash, or a file moved by hand meanwhile. */
    unfinished: () => here(unfinished),

    /** A success in pending/ is held until a person removes its run folder: look again. */
    async recheck(): Promise<void> {
      for (const entry of here(succeeded)) await learn(entry)
    },

    note(entry: Entry, { queue: { retryDelayMs: delayMs }, agents, budget }: Settings): Note {
      const last = past.get(entry)
      const spent = over(used.get(entry) ?? sum([]), { ...budget.task, ...entry.task?.budget })
      if (spent) return { held: `its budget is used up (${spent}): raise \`budget\`` }
      const limit = entry.task?.onLimit
      const own = agents[last?.agent_type ?? entry.task?.preferredAgent ?? '']
      const switches = (limit ?? own?.onLimit) === 'switch'
      const stick = switches ? undefined : session(entry)?.agent_type
      const where = { ...(stick && { stick }), ...(switches && { switches }) }
      if (!last?.outcome) return where
      if (last.outcome === 'success') {
        return last.released
          ? where
          : {
              held: `it succeeded before (attempt ${last.attempt}): \`orchestrate retry ${entry.id}\` runs it again`,
            }
      }
      if (last.settled !== 'pending' || FREE.includes(last.outcome)) return where
      // Of a day to come: the clock was set back. From now on, then, or the delay would never be over.
      const said = Date.parse(last.ended_at ?? '') || 0
      const ended = Math.min(said, Date.now())
      if (ended < said) past.set(entry, { ...last, ended_at: new Date(ended).toISOString() })
      const why = `attempt ${last.attempt} failed (${last.error ?? last.outcome})`
      return {
        ...where,
        ...(last.agent_id && { lastAgent: last.agent_id }),
        ready: { at: ended + delayMs, why },
      }
    },
  }
}

/** What is known of an attempt before it begins. */
export const firstWords = (task: Task, overlapped: boolean, chosen?: string) => ({
  ...(overlapped && { overlapped }),
  ...(task.labels.length && { labels: task.labels }),
  ...(chosen && { chosen }),
})

/** What the next attempt is told of the last one. @param from the run whose session it goes on with. */
export const lastWords = (
  last: Partial<RunRecord> | undefined,
  from: Partial<RunRecord> | undefined,
): Pick<PromptRun, 'lastError' | 'feedback' | 'resumes'> => ({
  ...(last?.error && { lastError: last.error }),
  ...(last?.feedback && { feedback: last.feedback }),
  ...(from && {
    resumes: from !== last ? 'continues' : last.feedback ? 'feedback' : 'limit',
  }),
})
export type Memory = ReturnType<typeof createMemory>
