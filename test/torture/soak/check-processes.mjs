// No process is left behind, no zombie, never two orchestrators; how large the orchestrator is. Promises: a process that
// is on its way out when we look is looked at again.
import { statSync } from 'node:fs'
import { sleep } from './command.mjs'
import { livingOf, orchestrators, sizeOf, statOf, zombiesOf } from './processes.mjs'

/** MB and descriptors that an orchestrator may have at its highest (the gate says 200 MB). */
const MOST = { rss: 200, descriptors: 100 }
/** Bytes: twice 5 MB and a little (src/cli/log-file.ts). */
const LOG = 11 * 1024 * 1024

export function createProcessCheck({ world, book, journal, keeper }) {
  const peak = { rss: 0, descriptors: 0, log: 0 }
  const samples = []

  /** What a run that is over has left running. */
  async function stragglers() {
    for (const { pid, mark, command } of livingOf(world.root)) {
      const [, id, attempt] = /^(.+)\.(\d+)\.[0-9a-f-]{36}$/.exec(mark ?? '') ?? []
      if (!id || !book.run(id, attempt)?.outcome) continue
      for (let n = 0; n < 20 && isLiving(pid); n++) await sleep(50)
      if (isLiving(pid)) journal.violation('left running', mark, `${pid} ${command.slice(0, 200)}`)
    }
  }
  const isLiving = (pid) => !['Z', 'X', undefined].includes(statOf(pid)?.state)

  async function twins() {
    for (let n = 0; n < 60; n++) {
      // A child on its way to `exec` looks like its parent.
      const all = orchestrators(world.root)
      const pids = new Set(all.map(({ pid }) => pid))
      if (all.filter(({ parent }) => !pids.has(parent)).length < 2) return
      await sleep(100)
    }
    const all = orchestrators(world.root).map(({ pid }) => pid)
    journal.violation('two orchestrators', all.join(' and '))
  }

  async function zombies() {
    const pid = keeper.pid()
    if (!pid) return
    for (let n = 0; n < 40; n++) {
      if (!zombiesOf(pid).length || book.stormy(Date.now(), Date.now(), 'paused')) return
      await sleep(100)
    }
    if (keeper.pid() === pid) journal.violation('zombies', zombiesOf(pid).join(' '))
  }

  function measure() {
    const pid = keeper.pid()
    const size = pid && sizeOf(pid)
    if (!size || !(size.rss > 0)) return null
    peak.rss = Math.max(peak.rss, size.peak)
    peak.descriptors = Math.max(peak.descriptors, size.descriptors)
    if (size.peak > MOST.rss) journal.violation('memory', `over ${MOST.rss} MB`, `${size.peak} MB`)
    if (size.descriptors > MOST.descriptors)
      journal.violation('descriptors', `over ${MOST.descriptors}`, String(size.descriptors))
    const log = [world.log, `${world.log}.1`]
      .map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
      .reduce((a, b) => a + b)
    peak.log = Math.max(peak.log, log)
    if (log > LOG) journal.violation('the log', 'has grown too large', `${log} bytes`)
    return { pid, ...size }
  }

  return {
    peak,
    samples,
    measure,
    async check() {
      await stragglers()
      await twins()
      await zombies()
    },
    /** In a quiet moment, to be compared with the others. */
    sample() {
      const size = measure()
      if (!size) return
      const row = {
        at: journal.at(),
        rss: size.rss,
        peak: size.peak,
        descriptors: size.descriptors,
      }
      samples.push(row)
      journal.did('sample', row)
    },
    /** After the end: nothing of the workspace lives. */
    async none() {
      for (let n = 0; n < 50 && livingOf(world.root).length; n++) await sleep(100)
      const left = livingOf(world.root)
      for (const { pid, command } of left)
        journal.violation('left running', `at the end: ${pid}`, command.slice(0, 200))
      return left.length
    },
  }
}
