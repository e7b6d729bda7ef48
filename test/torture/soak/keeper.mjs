// Starts the orchestrator and keeps it up, in every way that a start may go. Promises: of two starts at once exactly one
// succeeds; after each it returns with a running orchestrator, or has told why not.
import { readFileSync } from 'node:fs'
import { ownerOf, sleep } from './command.mjs'
import { orchestrators } from './processes.mjs'
import { quietly } from './world.mjs'

const TRIES = 12

export function createKeeper({ world, book, dice, journal, command }) {
  /** Up for good; a start may be killed on its way, or meet another. */
  async function up({ calmly = false } = {}) {
    const calm = book.storm('start')
    try {
      // A start that was to be killed may have been quicker, or slower, than the kill.
      for (let n = 0; n < TRIES && !ownerOf(world); n++) {
        const how = calmly || n ? 'one' : dice.pick({ one: 70, two: 20, killed: 10 })
        if (how === 'two' && (await two())) return
        if (how === 'killed') await killed()
        if (how === 'one' && (await one())) return
        await sleep(500)
      }
      if (ownerOf(world)) return
      journal.violation('it did not start', `${TRIES} tries`, logTail())
    } finally {
      calm()
    }
  }

  async function one() {
    const { code, err, from, to } = await command(['start'])
    journal.did('start', `exit ${code}`)
    journal.count('starts')
    if (code === 0) return true
    if (!book.stormy(from, to, 'disk full'))
      journal.violation('a start was refused', err.trim(), logTail())
    return false
  }

  async function two() {
    const said = await Promise.all([command(['start']), command(['start'])])
    const codes = said.map(({ code }) => code)
    journal.did('two starts at once', `exit ${codes.join(' and ')}`)
    journal.count('two starts at once')
    const winners = codes.filter((code) => code === 0).length
    const { from, to } = said[0]
    if (winners === 1) {
      const loser = said.find(({ code }) => code !== 0)
      if (!/works here|LOCKED|already/i.test(loser.err))
        journal.violation('the second start said something odd', loser.err.trim())
    } else if (winners > 1 || !book.stormy(from, to, 'disk full'))
      journal.violation(
        'two starts at once',
        `${winners} succeeded`,
        said.map(({ err }) => err.trim()).join(' | '),
      )
    return winners > 0
  }

  /** kill -9 somewhere in the middle of a start. */
  async function killed() {
    const starting = command(['start'])
    await sleep(dice.between(20, 900))
    for (const { pid } of orchestrators(world.root)) quietly(() => process.kill(pid, 'SIGKILL'))
    const { code } = await starting
    journal.did('start, killed on its way', `exit ${code}`)
    journal.count('kill -9 in a start')
    return false
  }

  const logTail = () =>
    quietly(() => readFileSync(world.log, 'utf8').trimEnd().split('\n').slice(-5).join('\n')) ?? ''

  return { up, pid: () => ownerOf(world), logTail }
}
