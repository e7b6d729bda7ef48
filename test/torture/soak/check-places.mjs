// Each task that was given is in exactly one place, or was removed by our own hand, with its bytes as they were given.
// Promises: what moves while we look is looked at again before it is called lost.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { sleep } from './command.mjs'
import { hashOf, revisionOf } from './task-text.mjs'
import { quietly, STATES } from './world.mjs'

const RECORD = /_(result|agent_\d+)\.yaml$/
/** How often a task is looked at again, 50 ms apart, before it counts as lost: a move is done in a moment. */
const LOOKS = 60

export function createPlaces({ world, book, journal }) {
  const seen = new Map()

  function scan() {
    const places = new Map()
    for (const state of STATES)
      for (const name of quietly(() => readdirSync(world.state[state])) ?? [])
        if (/^[^.].*\.yaml$/.test(name) && !RECORD.test(name))
          places.set(name, [...(places.get(name) ?? []), state])
    return places
  }

  const excused = (task) => task.busy || task.double || task.archived || task.git || task.reported

  function wrong(task, places) {
    if (excused(task)) return null
    if (task.removed) return places.length ? `removed, and in ${places.join(', ')}` : null
    return places.length === 1 ? null : places.length ? `in ${places.join(' and ')}` : 'nowhere'
  }

  async function placed(task) {
    let last = null
    for (let n = 0; n < LOOKS; n++) {
      last = wrong(task, book.places(task))
      if (last === null) return
      await sleep(50)
    }
    task.reported = true
    const kind = last === 'nowhere' ? 'lost' : 'not in one place'
    journal.violation(kind, task.id, `${last}; by hand: ${task.touches.map(({ what }) => what)}`)
  }

  function bytes(task, state) {
    const path = book.path(task, state)
    const stat = quietly(() => statSync(path))
    if (!stat) return
    const stamp = `${stat.ino}:${stat.size}:${stat.mtimeMs}`
    if (seen.get(path) === stamp) return
    const text = quietly(() => readFileSync(path))
    if (text === null || task.busy) return
    const hash = hashOf(text)
    // What `add` wrote, at its first sight: whole, since it is renamed into its place.
    if (!task.revisions.length) book.revise(task, text)
    const fine = task.double || task.git ? task.revisions : task.revisions.slice(-1)
    if (fine.some((one) => one.hash === hash)) seen.set(path, stamp)
    else if (!task.busy && quietly(() => statSync(path).mtimeMs) === stat.mtimeMs) {
      task.reported = true
      const about = `${path}: revision ${revisionOf(text.toString())} of ${task.revisions.length}`
      journal.violation('bytes changed', task.id, about)
    }
  }

  /** One pass over all. */
  return async function check() {
    const places = scan()
    for (const name of places.keys()) known(name)
    for (const task of book.tasks.values()) {
      if (task.archived) continue
      const at = places.get(task.name) ?? []
      if (wrong(task, at)) await placed(task)
      else for (const state of at) bytes(task, state)
    }
    if (seen.size > 20_000) seen.clear()
  }

  /** A file that nobody is known to have given: of an `add` that gave no answer, or not yet; or a stranger. */
  function known(name) {
    const id = name.slice(0, -5)
    if (book.tasks.has(id) || /___jb_tmp___/.test(name)) return
    if (!book.maybe.delete(id) && !id.startsWith('task_'))
      return journal.violation('a file that nobody gave', name)
    book.give(id, 'added, seen before its answer', null)
    journal.count('given')
    journal.did('an add without an answer is there', id)
  }
}
