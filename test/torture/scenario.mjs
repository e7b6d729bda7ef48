// The tasks of the golden scenario, as files, and what must become of them. Promises: the same bytes each time; each agent keeps
// the ledger, so that its runs are counted outside of the workspace.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const HOUSE = fileURLToPath(new URL('../../', import.meta.url))
export const LEDGER_SH = join(HOUSE, 'test/torture/ledger.sh')
export const STATES = ['pending', 'assigned', 'completed', 'failed']
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const hash = (path) => createHash('sha256').update(readFileSync(path)).digest('hex')

export const noted = (work) => `sh '${LEDGER_SH}' ${work}`
const shell = (work, more = '') =>
  `description: ${JSON.stringify(noted(work))}\npreferred_agent: shell\n${more}`

/** id → text, end (where it must arrive), most (runs that may have been). `gone` works until someone takes it away. */
export const TASKS = {
  ok: { text: shell('true'), end: 'completed', most: 1 },
  flaky: { text: 'description: Create flaky.txt SIM:fail-once\n', end: 'completed', most: 2 },
  bad: { text: shell('false', 'max_retries: 1\n'), end: 'failed', most: 2 },
  after: { text: shell('false', 'dependencies: [ok, flaky]\n'), end: 'completed', most: 1 },
  gone: { text: shell('sleep 100', 'priority: high\n'), end: 'failed', most: 1 },
}
/** What the person makes of `after` while it waits. */
export const EDITED = shell('true', 'dependencies: [ok, flaky]\npriority: high\n')
/** Where it ran as it was. */
export const UNEDITED = { ...TASKS.after, end: 'failed', most: 3 }
export const ADDED = noted('true')

/** For pairs of faults: a success, and a failure that is retried to its end. */
export const pairTasks = {
  ok: TASKS.ok,
  bad: TASKS.bad,
}

/** Writes a task as a person does, and remembers its bytes. */
export function drop(world, id, text) {
  const path = join(world.root, 'tasks/pending', `${id}.yaml`)
  writeFileSync(path, text)
  world.faces.set(id, hash(path))
}
