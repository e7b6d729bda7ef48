// One case: faults, then a recovery without any, then the invariants. Promises: the world it made is gone afterwards, unless it
// is kept to be looked at; a fault that was never reached is told apart from one that was survived.
import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { check } from './check.mjs'
import { close, makeWorld, orchestrate } from './world.mjs'

/** Further starts until all is done: what was delayed may have left a `run` before its time. */
const RECOVERIES = 3
/** Drafts are litter when their writer is dead and they are older than this; a test cannot wait for it. */
const LONG_AGO = new Date(Date.now() - 3600_000)

const CONTEXT = /output|completed_tasks|current_state|context/

/**
 * @param faults one for each start, in turn; `act` in STAYS means that the orchestrator lives on after it.
 * @param options of makeWorld. @returns { violations, hits }: how many of the faults were reached.
 */
export async function faulted(faults, { world: options, keep = false, meanwhile } = {}) {
  const world = makeWorld(options)
  // A context that cannot be written costs no task its end: what it lacks is told (src/context). A full disk is waited for.
  world.contextMayLack = faults.some(
    ({ act, label }) => CONTEXT.test(label ?? '') && /^E(?!NOSPC)/.test(act),
  )
  // A lock that could not be let go is anyone's by its age: it delays one merge.
  world.lockMayStay = faults.some(
    ({ act, label }) => /^E/.test(act) && /rmdir context\.lock/.test(label ?? ''),
  )
  const violations = []
  let hits = 0
  try {
    for (const fault of faults) {
      const kills = /^kill/.test(fault.act)
      const end = await orchestrate(world, {
        fault,
        ...(!kills && { warp: '8' }),
        ...fault.options,
        meanwhile,
      })
      if (end.hit) hits++
      violations.push(...faults.flatMap(() => judge(end, fault)).slice(0, 1))
    }
    violations.push(...(await recovered(world)))
    return { violations, hits }
  } finally {
    close(world, { keep: keep && violations.length > 0 })
    if (keep && violations.length > 0) process.stderr.write(`kept: ${world.top}\n`)
  }
}

/** It may die of a kill, and of nothing else; where it cannot begin it says so in a sentence. */
export function judge(end, fault) {
  const [last = ''] = end.stderr.trim().split('\n').slice(-1)
  if (end.hung)
    return [{ kind: 'wrong', text: `it hung for a minute after ${fault.act} (${last})` }]
  if (end.signal && end.signal !== 'SIGKILL')
    return [{ kind: 'wrong', text: `it died of ${end.signal}: ${last}` }]
  if (end.signal === 'SIGKILL' && !/kill/.test(fault.act))
    return [{ kind: 'wrong', text: 'it was killed by someone else' }]
  const stack = /^\s+at .+:\d+:\d+\)?$/m.exec(end.stderr)
  return stack && end.code !== 0 && end.code !== 2
    ? [{ kind: 'wrong', text: `it ended with a stack: ${end.stderr.slice(0, 600)}` }]
    : []
}

/** Starts again until nothing is left to do, then asks whether everything is as it should be. */
export async function recovered(world) {
  age(world.root)
  const violations = []
  for (let n = 0; n < RECOVERIES; n++) {
    const end = await orchestrate(world)
    violations.push(...judge(end, { act: 'nothing' }))
    if (end.code !== 0 && end.code !== 2)
      violations.push({
        kind: 'wrong',
        text: `the recovery ended with ${end.code}: ${end.stderr.slice(-600)}`,
      })
    if (!world.todo.size) break
  }
  for (const act of world.todo)
    violations.push({ kind: 'wrong', text: `the person could not ${act}` })
  return [...violations, ...(await check(world))]
}

function age(root) {
  for (const name of readdirSync(root, { recursive: true }))
    if (/\.draft(\.\d+)?$/.test(String(name))) {
      try {
        utimesSync(join(root, String(name)), LONG_AGO, LONG_AGO)
      } catch {
        // an agent's, gone meanwhile
      }
    }
}
