// What goes wrong: kills, pauses, stops, lost mirrors, a full disk, git. Promises: one fault at a time; after each the
// orchestrator is up again; the book knows when nobody can be blamed.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from './command.mjs'
import { livingOf, statOf } from './processes.mjs'
import { quietly } from './world.mjs'

const WEIGHTS = {
  ...{ kill: 55, pause: 9, detach: 8, stopNow: 6, stopWait: 2, database: 7, socket: 6 },
  ...{ shim: 8, agent: 9, checkout: 6, full: 4 },
}
/** Those that leave the orchestrator alone: for a while in which its size is measured. */
const CALM = { shim: 1, agent: 2, checkout: 1 }

export function createFaults(parts) {
  const { world, book, dice, journal, command, keeper, checkout } = parts

  const faults = {
    async kill() {
      const over = book.storm('down')
      killNow()
      await sleep(dice.maybe(0.5) ? dice.between(0, 300) : dice.wait(1500))
      await keeper.up()
      over()
    },
    /** Suspended; meanwhile another start must refuse, for this one lives. */
    async pause() {
      const pid = keeper.pid()
      if (!pid) return
      const over = book.storm('paused')
      quietly(() => process.kill(pid, 'SIGSTOP'))
      journal.count('SIGSTOP of the orchestrator')
      journal.did('SIGSTOP', String(pid))
      try {
        if (dice.maybe(0.4)) {
          const { code, err } = await command(['start'])
          if (code === 0) journal.violation('a start beside a suspended orchestrator', err.trim())
        }
        await sleep(dice.between(300, 6000))
      } finally {
        quietly(() => process.kill(pid, 'SIGCONT'))
        journal.did('SIGCONT', String(pid))
        await sleep(500)
        over()
      }
    },
    detach: () => stop('detach', ['--detach']),
    stopNow: () => stop('stop --now', ['--now']),
    stopWait: () => stop('stop', []),
    async database() {
      rmSync(world.database, { force: true })
      journal.count('tasks.db removed')
      journal.did('rm tasks.db')
    },
    async socket() {
      const over = book.storm('no socket')
      rmSync(world.socket, { force: true })
      journal.count('socket removed')
      journal.did('rm socket')
      const back = Date.now() + 20_000
      while (!existsSync(world.socket) && Date.now() < back) await sleep(100)
      if (!existsSync(world.socket) && keeper.pid())
        journal.violation('the socket did not come back', 'within 20 s', keeper.logTail())
      over()
    },
    shim: () => killOne('shim'),
    agent: () => killOne('agent'),
    checkout: () => checkout.turn(),
    /** Nothing can be written for some seconds. */
    async full() {
      if (!world.mounted) return
      const over = book.storm('disk full')
      const filler = join(world.disk, 'filler')
      journal.count('disk full')
      journal.did('disk full')
      try {
        for (let megabytes = 512; megabytes >= 1; megabytes /= 2) while (grow(filler, megabytes));
        quietly(() => writeFileSync(`${filler}.rest`, Buffer.alloc(2 << 20)))
        await sleep(dice.between(1000, 6000))
        // A start needs some bytes: it comes when there is room again.
        if (dice.maybe(0.3)) killNow()
      } finally {
        for (const path of [filler, `${filler}.rest`]) rmSync(path, { force: true })
        journal.did('disk free again')
        // What failed because of it is tried again after at most five seconds.
        await sleep(6000)
        await keeper.up()
        over()
      }
    },
  }
  function killNow() {
    const pid = keeper.pid()
    if (!pid) return
    quietly(() => process.kill(pid, 'SIGKILL'))
    journal.count('kill -9 of the orchestrator')
    journal.did('kill -9 of the orchestrator', String(pid))
  }
  /** `false`: there is no room for so much. */
  function grow(path, megabytes) {
    const size = String(statSync(path, { throwIfNoEntry: false })?.size ?? 0)
    return spawnSync('fallocate', ['-o', size, '-l', `${megabytes}M`, path]).status === 0
  }

  async function stop(name, words) {
    const over = book.storm(name)
    const { code, err, from, to } = await command(['stop', ...words])
    journal.count(`stop ${words[0] ?? ''}`.trim())
    journal.did(['stop', ...words].join(' '), `exit ${code}`)
    if (code !== 0 && !book.stormy(from, to, 'down', 'no socket', 'disk full'))
      journal.violation('a stop failed', words.join(' '), `exit ${code}: ${err.trim()}`)
    if (code !== 0) return faults.kill().finally(over)
    await sleep(dice.wait(800))
    await keeper.up()
    over()
  }

  /** The shim alone, or one of the agent's processes alone. */
  async function killOne(which) {
    const marked = livingOf(world.root).filter(({ mark }) => mark)
    const isShim = ({ command }) => /^\/bin\/sh -c \w+=\$1; shift; set -C/.test(command)
    const fit = marked.filter((one) => isShim(one) === (which === 'shim'))
    if (!fit.length) return
    const { pid, mark } = dice.one(fit)
    const id = /^(.+)\.\d+\.[0-9a-f-]{36}$/.exec(mark)?.[1]
    const task = book.tasks.get(id)
    if (task) book.touch(task, `kill -9 of the ${which}`)
    if (!statOf(pid)) return
    quietly(() => process.kill(pid, 'SIGKILL'))
    if (task) book.touch(task, `kill -9 of the ${which}`)
    journal.count(which === 'shim' ? 'kill -9 of a shim' : 'kill -9 of an agent')
    journal.did(`kill -9 of the ${which}`, `${id} pid ${pid}`)
  }

  return {
    /** @param calm `() => boolean`: the orchestrator is left alone now. */
    async work({ until, calm, mean }) {
      while (!until()) {
        await sleep(dice.wait(mean))
        if (until()) break
        const name = dice.pick(calm() ? CALM : WEIGHTS)
        await faults[name]().catch((error) =>
          journal.violation('the soak itself', `${name}: ${error.message}`, error.stack),
        )
      }
    },
  }
}
