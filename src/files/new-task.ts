// What `add` writes: a task file of ours, and an id that no one else gets. Imports nothing heavy: `add` must stay near
// the cost of starting node.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type AddedTask, type NewTask, OrchestrateError, type Priority, STATES } from '../types.ts'
import { isArchived } from './archive.ts'
import { isErrno, move, syncFolder, writeDraft } from './files.ts'
import { mkdir, readdir, rmdir, unlink } from './fs.ts'
import { ID, OURS, TASK_NAME } from './names.ts'
import type { Workspace } from './workspace.ts'

const SCHEMA = '# yaml-language-server: $schema=../../.orchestrate/schema/task.schema.json\n'

/**
 * All of them or none, to `pending/`; returns the ids. Throws `FULL`, `TAKEN` or `BAD_ID`.
 * @param waits how many wait, where that is known. @param written hears of each before it is there.
 */
export async function addTasks(
  at: Workspace,
  tasks: NewTask[],
  { maxSize, defaultPriority }: { maxSize: number; defaultPriority: Priority },
  waits?: number,
  written: (path: string, task: AddedTask) => void = () => {},
): Promise<string[]> {
  const count = async () =>
    (await readdir(at.state.pending)).filter((name) => TASK_NAME.test(name)).length
  const room = (waiting: number) => waiting + tasks.length <= maxSize
  // Who knows how many wait may not have seen yet that some are gone.
  const waiting = waits !== undefined && room(waits) ? waits : await count()
  if (!room(waiting)) {
    const message = `the queue is full: ${waiting} of ${maxSize} tasks are waiting`
    throw new OrchestrateError('FULL', message, 'wait, or raise `task_queue.max_size`')
  }
  const drafts: { task: AddedTask; draft: string; path: string }[] = []
  try {
    for (const task of tasks) {
      const id = task.id ? await reserve(at, task.id) : await nextId(at)
      const path = join(at.state.pending, `${id}.yaml`)
      const added = { priority: defaultPriority, ...task, id }
      const one = { task: added, path, draft: '' }
      drafts.push(one) // its number is given back, should there be no room for it
      one.draft = await writeDraft(path, formatTask(added))
    }
  } catch (error) {
    for (const { task, draft } of drafts) {
      if (draft) await unlink(draft)
      await rmdir(join(at.runs, task.id)).catch(() => {}) // a lost number harms no one
    }
    throw error
  }
  for (const { task, draft, path } of drafts) {
    written(path, task)
    await move(draft, path)
  }
  await syncFolder(at.state.pending)
  return drafts.map(({ task }) => task.id)
}

/** The next free `task_001`. RACE: twenty `add` at once; `mkdir` has one winner per number. */
async function nextId(at: Workspace): Promise<string> {
  const name = (n: number) => `task_${String(n).padStart(3, '0')}`
  const taken = (n: number) => existsSync(join(at.runs, name(n)))
  let high = 1
  while (taken(high)) high *= 2
  let low = high >> 1
  while (low + 1 < high) {
    const middle = (low + high) >> 1
    if (taken(middle)) low = middle
    else high = middle
  }
  for (let n = high; ; n++) {
    try {
      return await reserve(at, name(n))
    } catch (error) {
      if (!isErrno(error, 'TAKEN')) throw error
    }
  }
}

/** Makes `id` ours by `mkdir runs/<id>`. Throws `TAKEN`, or `BAD_ID`: an id becomes a path. */
async function reserve(at: Workspace, id: string): Promise<string> {
  if (!ID.test(id) || OURS.test(id)) {
    const hint =
      'letters, digits, `.`, `_` and `-`, at most 100, beginning with a letter or digit, and not a name of our records'
    throw new OrchestrateError('BAD_ID', `\`${id.slice(0, 120)}\` is no id for a task`, hint)
  }
  const taken = () =>
    new OrchestrateError('TAKEN', `there is a task \`${id}\` already`, 'choose another id')
  const files = STATES.flatMap((state) =>
    ['yaml', 'yml'].map((end) => join(at.state[state], `${id}.${end}`)),
  )
  if (files.some((file) => existsSync(file)) || isArchived(at.archive, id)) throw taken()
  await mkdir(at.runs, { recursive: true, mode: 0o700 })
  await mkdir(join(at.runs, id)).catch((error) => {
    throw isErrno(error, 'EEXIST') ? taken() : error
  })
  return id
}

/** Our own task files: plain keys, JSON scalars (which are YAML), a block for a text of several lines. */
function formatTask({ id, description, priority, ...rest }: AddedTask): string {
  const lines = Object.entries({ priority, created_at: new Date().toISOString(), ...rest })
  const block =
    /\n/.test(description) && !/^\s|[^\S\n]\n|\s$|[^\n\t\x20-\x7e\u00a1-\ud7ff]/.test(description)
  const text = block ? `|-\n${description.replace(/^(?=.)/gm, '  ')}` : JSON.stringify(description)
  const tail = lines.flatMap(([key, value]) =>
    value === undefined ? [] : `${key}: ${JSON.stringify(value)}`,
  )
  return `${SCHEMA}${[`id: ${JSON.stringify(id)}`, `description: ${text}`, ...tail].join('\n')}\n`
}
