// What people do to tasks that were given: edit, mv, rm, retry, cancel, put away. Promises: at most one hand on a task at
// a time; the book hears of it before it is done.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { copyFile, open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from './command.mjs'
import { revised, revisionOf } from './task-text.mjs'
import { quietly } from './world.mjs'
import { put, putFile } from './write.mjs'

const DEEDS = {
  ...{ editInPlace: 16, editByRename: 6, cancelByMv: 5, cancelByRm: 4, retryByMv: 8, requeue: 3 },
  ...{ done: 1, cancel: 5, retry: 5, retrySuccess: 1, withdraw: 8 },
}
/** Settled tasks that stay in the workspace; the older ones are put away. */
const KEPT = 350
const gone = (error) => {
  if (error.code !== 'ENOENT') throw error
  return false
}

export function createHands({ world, book, dice, journal, command }) {
  const inState = (state, kinds = () => true) => {
    const names = new Set(quietly(() => readdirSync(world.state[state])) ?? [])
    return book.free().filter((task) => names.has(task.name) && kinds(task))
  }
  const settled = (task) => task.revisions.length > 0

  async function mv(task, from, to, what) {
    if (!task || existsSync(book.path(task, to))) return
    book.touch(task, what)
    await rename(book.path(task, from), book.path(task, to)).then(() => journal.count(what), gone)
    book.touch(task, what)
    journal.did(what, task.id)
  }

  const deeds = {
    /** VS Code: cut to nothing, then written, with the file open. */
    async editInPlace() {
      const task = pick(inState('pending', settled))
      const path = task && book.path(task, 'pending')
      const old = path && quietly(() => readFileSync(path, 'utf8'))
      if (!old || !revisionOf(old)) return
      const file = await open(path, 'r+').catch(gone)
      if (!file) return
      const bytes = Buffer.from(revised(old, revisionOf(old) + 1))
      await file.truncate(0)
      await sleep(dice.between(0, 250))
      const half = Math.floor(bytes.length * dice.between(0.2, 0.95))
      await put(file, bytes.subarray(0, half))
      if (dice.maybe(0.5)) await sleep(dice.between(0, 500))
      await put(file, bytes.subarray(half))
      await file.close()
      book.revise(task, bytes)
      task.revisions.at(-1).waited = existsSync(path)
      journal.count('edited')
      journal.did('edit in place', task.id)
    },
    /** `sed -i` and JetBrains: a new file over the old. If it was claimed a moment ago, there are two then. */
    async editByRename() {
      const task = pick(inState('pending', settled))
      const path = task && book.path(task, 'pending')
      const old = path && quietly(() => readFileSync(path, 'utf8'))
      if (!old || !revisionOf(old)) return
      const bytes = Buffer.from(revised(old, revisionOf(old) + 1))
      const draft = join(world.state.pending, `${task.name}___jb_tmp___`)
      await putFile(draft, bytes, 'w')
      task.double = true
      book.revise(task, bytes)
      await rename(draft, path)
      journal.count('edited')
      journal.did('edit by rename', task.id)
      setTimeout(() => void resolveDouble(task), 4000).unref()
    },
    cancelByMv() {
      const from = dice.one(['pending', 'assigned', 'assigned'])
      return mv(pick(inState(from)), from, 'failed', 'cancelled by mv')
    },
    async cancelByRm() {
      const from = dice.one(['pending', 'assigned'])
      const task = pick(inState(from))
      if (!task) return
      book.touch(task, 'removed')
      if ((await unlink(book.path(task, from)).catch(gone)) === false) return
      task.removed = Date.now()
      journal.count('removed')
      journal.did(`rm from ${from}`, task.id)
    },
    retryByMv: () => mv(pick(inState('failed')), 'failed', 'pending', 'retried by mv'),
    requeue: () => mv(pick(inState('assigned')), 'assigned', 'pending', 'queued again by mv'),
    done: () => mv(pick(inState('pending')), 'pending', 'completed', 'marked done by mv'),
    cancel: () => typed('cancel', pick([...inState('assigned'), ...inState('pending')])),
    retry: () => typed('retry', pick(inState('failed'))),
    retrySuccess: () => typed('retry', pick(inState('completed'))),
    /** What waits for something that will not come is taken back after a minute. */
    async withdraw() {
      const old = Date.now() - 60_000
      const stuck = inState('pending', (task) => task.dependencies.length && task.given < old)
      await mv(pick(stuck), 'pending', 'failed', 'cancelled by mv')
    },
  }

  function pick(tasks) {
    const task = tasks.length ? dice.one(tasks) : undefined
    if (task) {
      task.busy = true
      held.add(task)
    }
    return task
  }
  const held = new Set()

  async function typed(word, task) {
    if (!task) return
    book.touch(task, word)
    const said = await command([word, task.id])
    book.touch(task, word)
    journal.did(word, `${task.id}: exit ${said.code}`)
    if (said.code === 0) journal.count(`${word} typed`)
  }

  /** Two files of one id after an edit that came too late: a person removes the waiting one. */
  async function resolveDouble(task) {
    const isDouble = async () => {
      await sleep(200)
      const places = book.places(task)
      return places.length > 1 && places.includes('pending')
    }
    // RACE: a task that moves while we look seems to be in two places; one that is held there does not move.
    if ((await isDouble()) && (await isDouble())) {
      await unlink(book.path(task, 'pending')).catch(gone)
      task.revisions.push({ ...task.revisions.at(-2), at: Date.now() })
      book.touch(task, 'the second file removed')
      journal.count('second file removed')
      journal.did('second file removed', task.id)
    }
    task.double = false
  }

  async function deed() {
    const full = book.stormy(Date.now(), Date.now(), 'disk full')
    const name = dice.pick({ ...DEEDS, ...(full && { editInPlace: 0, editByRename: 0 }) })
    try {
      await deeds[name]()
    } finally {
      for (const task of held) task.busy = false
      held.clear()
    }
  }

  /** Old settled tasks go out of the workspace, with their records and their runs, as a person tidies up. */
  async function tidy() {
    const all = ['completed', 'failed'].flatMap((state) =>
      inState(state, settled).map((task) => ({ task, state, at: age(book.path(task, state)) })),
    )
    const needed = new Set(
      book.free().flatMap((task) => (inPending(task) ? task.dependencies : [])),
    )
    const old = all
      .filter(({ task, at }) => at && Date.now() - at > 90_000 && !needed.has(task.id))
      .sort((a, b) => a.at - b.at)
      .slice(0, Math.max(0, all.length - KEPT))
    for (const { task, state } of old) await putAway(task, state)
    if (old.length) journal.did('put away', `${old.length} settled tasks`)
  }
  const inPending = (task) => existsSync(book.path(task, 'pending'))
  const age = (path) => quietly(() => statSync(path).ctimeMs)

  async function putAway(task, state) {
    const path = book.path(task, state)
    const record = join(world.state[state], `${task.id}_result.yaml`)
    const to = join(world.archive, state)
    quietly(() =>
      cpSync(join(world.runs, task.id), join(world.archive, 'runs', task.id), { recursive: true }),
    )
    await copyFile(path, join(to, task.name)).catch(gone)
    if ((await unlink(path).catch(gone)) === false) return
    task.archived = state
    quietly(() => renameOver(record, join(to, `${task.id}_result.yaml`)))
    // `add` counts its numbers by these folders.
    if (!task.id.startsWith('task_'))
      rmSync(join(world.runs, task.id), { recursive: true, force: true })
    journal.count('put away')
  }
  function renameOver(from, to) {
    cpSync(from, to)
    rmSync(from)
  }

  return {
    async work(until) {
      let tidied = Date.now()
      while (!until()) {
        await sleep(dice.wait(900))
        await deed().catch((error) =>
          journal.violation('the soak itself', error.message, error.stack),
        )
        if (Date.now() - tidied < 20_000) continue
        tidied = Date.now()
        await tidy().catch((error) =>
          journal.violation('the soak itself', error.message, error.stack),
        )
      }
    },
    async resolveAll() {
      for (const task of book.tasks.values()) if (task.double) await resolveDouble(task)
    },
  }
}
