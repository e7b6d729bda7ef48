// Tasks, given in bursts in every way that people and programs have. Promises: about 1.2 a second; each is in the book
// before it is in a folder; fewer when many wait already.
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from './command.mjs'
import { describe, fileText } from './task-text.mjs'
import { inFile, put, putFile } from './write.mjs'

/** More tasks than this in pending/: nobody gives more for a while. */
const MANY = 120
const WAYS = { renamed: 30, drafted: 12, slowly: 14, emptied: 10, copied: 8, added: 12, several: 2 }

export function createLoad({ world, book, dice, journal, command, long }) {
  const answered = new Set()

  function invent(id) {
    const what = describe(dice, { long })
    const recent = book.free().slice(-25)
    const dependencies =
      recent.length && dice.maybe(0.08)
        ? [...new Set([dice.one(recent), dice.one(recent)].map((task) => task.id))]
        : []
    const priority = dice.maybe(0.3) ? dice.one(['high', 'low', 'normal', '0', '2']) : null
    return { ...what, id, dependencies, priority }
  }

  const ways = {
    renamed: (path, text, name) => whole(join(world.disk, `.${name}`), path, text),
    drafted: (path, text, name) => whole(join(world.drafts, name), path, text),
    /** A program that pauses in the middle of the file, with the file open. */
    async slowly(path, text) {
      const bytes = Buffer.from(text)
      const cuts = [dice.between(0.2, 0.5), dice.between(0.5, 0.97), 1]
      await inFile(path, async (file) => {
        let from = 0
        for (const cut of cuts) {
          const to = Math.floor(bytes.length * cut)
          await put(file, bytes.subarray(from, to))
          from = to
          if (cut < 1) await sleep(dice.between(20, 900))
        }
      })
    },
    /** VS Code: an empty file, then its text. */
    async emptied(path, text) {
      await inFile(path, async (file) => {
        await sleep(dice.between(5, 300))
        await put(file, Buffer.from(text))
      })
    },
    copied: (path, text) => putFile(path, text),
  }
  async function whole(from, to, text) {
    await putFile(from, text, 'w')
    renameSync(from, to)
  }

  async function drop(way) {
    const about = invent(book.nextId('soak'))
    const text = fileText(about)
    const task = book.give(about.id, about.kind, Buffer.from(text), {
      ...{ dependencies: about.dependencies, busy: true },
    })
    journal.did('drop', `${about.id} ${way} (${about.kind})`)
    const path = book.path(task, 'pending')
    await ways[way](path, text, task.name).catch(async (error) => {
      if (error.code !== 'ENOENT') throw error
      // git has just taken the emptied folder away.
      mkdirSync(world.state.pending, { recursive: true, mode: 0o755 })
      await ways[way](path, text, task.name)
    })
    task.revisions[0].at = Date.now()
    task.busy = false
    journal.count('given')
  }

  async function add(several) {
    const lines = Array.from({ length: several ? dice.whole(2, 4) : 1 }, script)
    // One option set for all lines: shell scripts on one line each.
    const scripts = lines.map(({ text }) => text.replaceAll('\n', '; '))
    const id = several ? null : book.nextId('added')
    const words = [
      'add',
      several ? '-' : scripts[0],
      '--agent',
      'shell',
      ...(id ? ['--id', id] : []),
    ]
    if (dice.maybe(0.2)) words.push('--priority', dice.one(['high', 'low']))
    const kinds = `added ${lines.map(({ kind }) => kind).join(', ')}`
    if (id) book.maybe.add(id)
    journal.did('add', `${id ?? lines.length} (${kinds})`)
    const said = await command(words, { stdin: several ? `${scripts.join('\n')}\n` : '' })
    const ids = said.out.split('\n').filter(Boolean)
    if (said.code === 0 && ids.length === lines.length) {
      for (const one of ids) {
        if (answered.has(one)) journal.violation('an id was given twice', one)
        answered.add(one)
        book.maybe.delete(one)
        // It may have been seen in its folder before the answer was here.
        if (book.tasks.has(one)) continue
        book.give(one, kinds, null)
        journal.count('given')
      }
      return
    }
    journal.count('add without an answer')
    if (!book.stormy(said.from - 100, said.to))
      journal.violation('add was refused', words.join(' '), `exit ${said.code}: ${said.err}`)
  }
  /** `add` gives no time-out of its own here, so what it adds must end by itself. */
  function script() {
    for (;;) {
      const about = describe(dice, { long: false })
      if (about.agent === 'shell' && about.kind !== 'hanging') return about
    }
  }

  async function give() {
    const full = book.stormy(Date.now(), Date.now(), 'disk full')
    const way = full ? 'added' : dice.pick(WAYS)
    if (way === 'added' || way === 'several') return add(way === 'several')
    return drop(way)
  }

  /** @param until `() => boolean`: no more load. */
  return async function load(until) {
    const going = new Set()
    while (!until()) {
      for (let n = dice.whole(2, 12); n > 0 && !until(); n--) {
        const one = give()
          .catch((error) => journal.violation('the soak itself', error.message, error.stack))
          .finally(() => going.delete(one))
        going.add(one)
        await sleep(dice.wait(120))
        while (going.size > 5) await Promise.race(going)
      }
      do await sleep(dice.wait(4500))
      while (!until() && waiting() > MANY)
    }
    await Promise.all(going)
  }

  function waiting() {
    try {
      return readdirSync(world.state.pending).length
    } catch {
      return 0 // git took it away
    }
  }
}
