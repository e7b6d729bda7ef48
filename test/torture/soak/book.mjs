// What the soak knows of each task it gave: its bytes in every revision, and what was done to it by hand. Promises: it
// knows nothing that it did not do or see itself; only what is in here excuses anything.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashOf, revisionOf } from './task-text.mjs'
import { quietly, STATES } from './world.mjs'

export function createBook(world) {
  const tasks = new Map()
  /** `add` that gave no answer: the task may be there, or not. */
  const maybe = new Set()
  /** What hit all runs at once, and what no command can be blamed for. */
  const storms = []
  let number = 0

  const runsOf = (id) =>
    join(tasks.get(id)?.archived ? join(world.archive, 'runs') : world.runs, id)
  const book = {
    ...{ tasks, maybe, storms },
    nextId: (prefix) => `${prefix}_${String(++number).padStart(5, '0')}`,
    /** @param bytes null: not known yet (`add` writes them); they count as given when first seen. */
    give(id, kind, bytes, more = {}) {
      const task = {
        ...{ id, name: `${id}.yaml`, kind, given: Date.now(), revisions: [], touches: [] },
        ...{ dependencies: [], busy: false, removed: false, double: false, git: false },
        ...{ archived: false, edits: 0, ...more },
      }
      tasks.set(id, task)
      if (bytes !== null) book.revise(task, bytes)
      return task
    },
    revise(task, bytes) {
      const revision = revisionOf(bytes.toString())
      task.revisions.push({ number: revision, hash: hashOf(bytes), at: Date.now() })
    },
    /** A person, or a fault, did something to this task. */
    touch(task, what) {
      task.touches.push({ at: Date.now(), what })
    },
    touched: (task, from, to, ...whats) =>
      task.touches.some(
        ({ at, what }) => at >= from && at <= to && (!whats.length || whats.includes(what)),
      ),
    /** Returns what ends it. */
    storm(what) {
      const one = { what, from: Date.now(), to: Number.POSITIVE_INFINITY }
      storms.push(one)
      return () => {
        one.to = Date.now()
      }
    },
    stormy: (from, to, ...whats) =>
      storms.some(
        (one) => one.from <= to && one.to >= from && (!whats.length || whats.includes(one.what)),
      ),
    /** Folders in which its file is now. Not one moment: it may move meanwhile. */
    places: (task) => STATES.filter((state) => existsSync(join(world.state[state], task.name))),
    path: (task, state) => join(world.state[state], task.name),
    run(id, attempt) {
      const text = quietly(() =>
        readFileSync(join(runsOf(id), String(attempt), 'run.json'), 'utf8'),
      )
      return text && quietly(() => JSON.parse(text))
    },
    /** The records of all attempts, oldest first. One that never began (a full disk) has none. */
    runs: (id) =>
      (quietly(() => readdirSync(runsOf(id))) ?? [])
        .map(Number)
        .filter((attempt) => attempt > 0)
        .sort((one, other) => one - other)
        .flatMap((attempt) => book.run(id, attempt) ?? []),
    /** Those that a person may do something with now. */
    free: () =>
      [...tasks.values()].filter(
        (task) => !task.busy && !task.removed && !task.double && !task.git && !task.archived,
      ),
  }
  return book
}
