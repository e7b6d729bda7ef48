// A process that stands still at a step (SIGSTOP) and wakes up. Its lock is not taken from it, for it lives; only where a person
// removes the lock does another take over, and then the sleeper must leave the work to it.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { recovered } from '../case.mjs'
import { byLabel, golden, nameOf } from '../golden.mjs'
import { pairTasks, pause } from '../scenario.mjs'
import { close, makeWorld, orchestrate } from '../world.mjs'
import { STEP } from './pairs.mjs'

/** Before its lock is taken, or after it was given back, nothing can be taken over. */
const HELD = /^(?!.*(lock|config|schema|tasks\.db|probe)|chmod)/
/** Put away when all is decided and done: of its lock it asks no more then, and ends as its work did. It is believed only of what is the same. */
const AT_END = /(tasks|settled)\.json/
const WAKES = ['when the other has ended', 'while the other works']

export async function stalled({ level, random, keep }) {
  const options = { tasks: pairTasks }
  const steps = byLabel(
    (await golden(options)).filter((point) => STEP.test(point.label) && HELD.test(nameOf(point))),
    random,
  )
  const working = steps.filter((point) => !AT_END.test(nameOf(point)))
  const some = { full: steps.length, minutes: 8, short: 1 }[level]
  return [
    ...random.some(steps, some).map((point) => ({
      fault: 'a process that stalls (SIGSTOP)',
      name: `stalled at ${nameOf(point)}: the lock stays with it`,
      run: () => sleeper(point, options, keep, refused),
    })),
    ...WAKES.flatMap((wake) =>
      random.some(working, some).map((point) => ({
        fault: 'it stalls, its lock is removed, another takes over, it wakes',
        name: `stalled at ${nameOf(point)}: wakes ${wake}`,
        run: () => sleeper(point, options, keep, wake === WAKES[0] ? overtaken : beside),
      })),
    ),
  ]
}

/** @param meanwhile what happens while it stands still; returns a violation in words, or undefined. */
async function sleeper(point, options, keep, meanwhile) {
  const world = makeWorld(options)
  const violations = []
  let seen = false
  try {
    const end = await orchestrate(world, {
      fault: { ...point, act: 'stop' },
      async meanwhile(child) {
        if (seen || !existsSync(join(world.top, 'hit-1')) || !isStopped(child.pid)) return
        seen = true
        const wrong = await meanwhile(world, child)
        if (wrong) violations.push({ kind: 'wrong', text: wrong })
        if (isStopped(child.pid)) child.kill('SIGCONT')
      },
    })
    if (seen && meanwhile !== refused && end.code !== 1)
      violations.push({
        kind: 'wrong',
        text: `it woke up, its lock gone, and ended with ${end.code}: ${end.stderr.slice(-300)}`,
      })
    if (end.hung) violations.push({ kind: 'wrong', text: 'it hung' })
    await world.other
    violations.push(...(await recovered(world)))
    return { violations, reached: seen }
  } finally {
    close(world, { keep: keep && violations.length > 0 })
    if (keep && violations.length > 0) process.stderr.write(`kept: ${world.top}\n`)
  }
}

const isStopped = (pid) => {
  try {
    return /^\d+ \(.*\) T/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false // it has ended
  }
}

/** A person who takes the work from a process that does not answer: its lock, and its socket, which would not either. */
function takeAway(world) {
  rmSync(lockOf(world), { recursive: true, force: true })
  rmSync(join(world.root, '.orchestrate/orchestrate.sock'), { force: true })
  // The sleeper may write one more record; it joins its run when an orchestrator has seen it alone for settle_ms.
  world.mayLeaveRecord = true
}

const lockOf = (world) => join(world.root, '.orchestrate/lock')

/** It knows the owner by its lock, or, where the socket is open already, by an answer that does not come: it begins nothing. */
async function refused(world) {
  const second = await orchestrate(world)
  if (second.code !== 1 || /started \(pid|begins on/.test(second.stderr))
    return `a second one was not refused: ${second.code} ${second.stderr.slice(-300)}`
}

async function overtaken(world) {
  takeAway(world)
  const second = await orchestrate(world)
  if (second.code !== 0 && second.code !== 2)
    return `the other could not take over: ${second.stderr.slice(-300)}`
}

async function beside(world, child) {
  takeAway(world)
  let owner = null
  world.other = orchestrate(world, {
    meanwhile() {
      try {
        owner ??= JSON.parse(readFileSync(join(lockOf(world), 'owner.json'), 'utf8')).pid
      } catch {
        // not yet
      }
    },
  })
  let ended = false
  void world.other.then(() => {
    ended = true
  })
  while (!owner && !ended) await pause(5)
  child.kill('SIGCONT')
}
