// What `add` writes: a task file of ours, and an id that no one else gets. Imports nothing heavy: `add` must stay near
// the cost of starting node.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type NewTask, OrchestrateError, type Priority, STATES } from '../types.ts'
import { isErrno } from './files.ts'
import { ID, OURS } from './names.ts'
import type { Workspace } from './workspace.ts'

const SCHEMA = '# yaml-language-server: $schema=../../.orchestrate/schema/task.schema.json\n'

/** The next free `task_001`. RACE: twenty `add` at once; `mkdir` has one winner per number. */
export async function nextId(at: Workspace): Promise<string> {
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
export async function reserve(at: Workspace, id: string): Promise<string> {
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
  if (files.some((file) => existsSync(file))) throw taken()
  await mkdir(at.runs, { recursive: true, mode: 0o700 })
  await mkdir(join(at.runs, id)).catch((error) => {
    throw isErrno(error, 'EEXIST') ? taken() : error
  })
  return id
}

/** Our own task files: plain keys, JSON scalars (which are YAML), a block for a text of several lines. */
export function formatTask(task: NewTask, priority: Priority): string {
  const { id, description, ...rest } = task
  const lines = Object.entries({ priority, created_at: new Date().toISOString(), ...rest })
  const block =
    /\n/.test(description) && !/^\s|[^\S\n]\n|\s$|[^\n\t\x20-\x7e\u00a1-\ud7ff]/.test(description)
  const text = block ? `|-\n${description.replace(/^(?=.)/gm, '  ')}` : JSON.stringify(description)
  const tail = lines.flatMap(([key, value]) =>
    value === undefined ? [] : `${key}: ${JSON.stringify(value)}`,
  )
  return `${SCHEMA}${[`id: ${JSON.stringify(id)}`, `description: ${text}`, ...tail].join('\n')}\n`
}
