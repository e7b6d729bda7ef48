// Signals to a run, and its end. Promises: signals reach only what is verified to be the run's; after a sweep that
// did not throw, nothing of the run is living.
import { setTimeout as sleep } from 'node:timers/promises'
import { OrchestrateError, type ProcessInfo } from '../types.ts'
import { ofRun, wholeGroups } from './marks.ts'

const PATIENCE_MS = 10_000
/** The kernel needs a moment to take a killed process down; a fork may have slipped through. */
const FIRST_WAIT_MS = 5
const LONGEST_WAIT_MS = 160
/** Looks for who is in the run's group and was not seen; zombies that nobody reaps are never seen. */
const MORE_LOOKS = 5

/** To the shim's whole group, when all that lives in it is the run's. */
export function signal(
  list: () => ProcessInfo[],
  nonce: string,
  shim: number | null,
  name: NodeJS.Signals,
): void {
  if (shim === null) return
  const all = list()
  if (wholeGroups(ofRun(nonce, shim, all), all).includes(shim)) send(-shim, name)
}

/** Of proc.ts. */
export type Look = (met: (one: ProcessInfo) => void) => { all: ProcessInfo[]; changing: number }

export async function sweep(
  look: Look,
  nonce: string,
  shim: number | null,
  patienceMs = PATIENCE_MS,
  strangersIn: (group: number) => boolean = () => true,
): Promise<void> {
  const until = performance.now() + patienceMs
  let calm = true
  let wait = FIRST_WAIT_MS
  let more = MORE_LOOKS
  // Twice: to be sure. At once, when there was nothing from the first.
  for (let empty = 0; empty < 2; ) {
    const held = isUnseen(shim, [])
    // What carries the mark is ended as it is met: a moment later it may have forked.
    const { all, changing } = look((one) => {
      for (const pid of ofRun(nonce, null, [one])) send(pid, 'SIGKILL')
    })
    const left = ofRun(nonce, shim, all)
    const late = performance.now() > until
    if (late && left.length > 0) throw unswept(left)
    for (const group of wholeGroups(left, all)) send(-group, 'SIGKILL')
    for (const pid of left) send(pid, 'SIGKILL')
    // Who lives shorter than a pass takes is the run's: a stranger would have been seen, but for another user's.
    const unseen = held && left.length === 0 && isUnseen(shim, all) && more-- > 0
    if (unseen && !strangersIn(shim as number)) send(-(shim as number), 'SIGKILL')
    empty = left.length > 0 || unseen || (changing > 0 && !late) ? 0 : empty + 1
    if (empty === 0) calm = false
    if (calm) continue
    await sleep(wait)
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }
}

/** Somebody is in the run's group, and nobody was seen there: a chain of forks may be quicker than a pass. */
export function isUnseen(shim: number | null, all: ProcessInfo[]): boolean {
  if (shim === null || shim <= 1 || all.some((one) => one.group === shim)) return false
  try {
    process.kill(-shim, 0)
    return true
  } catch {
    return false // ESRCH: there is no such group. EPERM: it is another user's
  }
}

/** RACE: it may have ended by itself (ESRCH), or become another user's by setuid (EPERM): the next pass tells. */
function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

const unswept = (pids: number[]): OrchestrateError =>
  new OrchestrateError(
    'NOT_SWEPT',
    `processes of this run cannot be ended (pid ${pids.join(', ')})`,
    `look at them with \`ps -o pid,user,stat,wchan,args -p ${pids.join(',')}\``,
  )
