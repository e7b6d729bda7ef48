// `verify`: one call proves what DESIGN 1 promises on a real workspace. Promises: reading never writes; a state that is
// legal in passing is not reported: what is told has stayed through at least two readings.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Workspace } from '../files/workspace.ts'
import { createProcesses } from '../process/index.ts'
import { ask } from '../server/client.ts'
import { socketPath } from '../server/socket.ts'
import type { Processes } from '../types.ts'
import type { Finding, Found, Report } from './finding.ts'
import { handover } from './handover.ts'
import { served, stored } from './mirror.ts'
import { place } from './place.ts'
import { marked, runs } from './runs.ts'
import { type Sight, see } from './sight.ts'
import { tasks } from './tasks.ts'

/** ms between two readings; longer each time. */
const PAUSE_MS = 250
const LONGEST_PAUSE_MS = 1500
/** ms for a running orchestrator to settle. */
const PATIENCE_MS = 6000

export interface VerifyOptions {
  processes?: Processes
  /** ms for what is in passing to pass, while an orchestrator runs. */
  patienceMs?: number
  /** ms between the first two readings. */
  pauseMs?: number
  /** `false`: the orchestrator that runs here has no index and no socket (a bare core). */
  index?: boolean
}

/** @param options see there; none are needed. */
export async function verify(at: Workspace, options: VerifyOptions = {}): Promise<Report> {
  const { found, sight } = await findings(at, options)
  return report(sight, found)
}

/** The findings with what mends them, for `repair`. */
export async function findings(
  at: Workspace,
  options: VerifyOptions = {},
): Promise<{ found: Found[]; sight: Sight }> {
  const { processes = createProcesses(), patienceMs = PATIENCE_MS, index = true } = options
  const until = performance.now() + patienceMs
  let kept: Found[] | null = null
  let before: number | null | undefined
  for (let pause = options.pauseMs ?? PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const sight = await see(at, processes)
    const running = sight.owner?.alive ?? false
    const owner = running ? (sight.owner?.pid ?? null) : null
    if (before !== undefined && before !== owner) kept = null // one began or ended: look afresh
    before = owner
    const now = await check(sight, index)
    const again: Found[] = kept ? now.filter((one) => kept?.some((old) => same(old, one))) : now
    const over: boolean = kept !== null && (!running || performance.now() > until)
    if (again.length === 0 || over || (kept && again.every(({ level }) => level === 'note')))
      return { found: running ? again.map(overdue(again)) : again, sight }
    kept = again
    if (running && index) await ask(socketPath(at.root), 'POST', '/look').catch(() => null) // told as silent
    await sleep(pause)
  }
}

/** Of an answer, its words too: a count that is another each time is only late. */
const same = (a: Found, b: Found) =>
  a.code === b.code && a.file === b.file && (!a.file.startsWith('/') || a.message === b.message)

/** What waits for a look, and still waits after many, is broken; unless nothing can be done now (a full disk). */
const overdue =
  (all: readonly Found[]) =>
  (one: Found): Found =>
    one.level === 'due' && !one.patient && !all.some(({ code }) => code === 'halted')
      ? { ...one, level: 'broken' }
      : one

async function check(sight: Sight, index: boolean): Promise<Found[]> {
  const mirrored = !index ? [] : await (sight.owner?.alive ? served(sight) : stored(sight))
  return [
    ...(await place(sight)),
    ...tasks(sight),
    ...runs(sight),
    ...(await handover(sight)),
    ...mirrored,
  ]
}

export function report(sight: Sight, all: readonly Found[]): Report {
  const findings = all.map(({ mend: _, patient: __, ...finding }): Finding => finding)
  return {
    ok: findings.every(({ level }) => level !== 'broken'),
    checked: {
      tasks: sight.entries.length,
      runs: [...sight.runs.values()].flat().filter((one) => one.record).length,
      records: sight.records.length,
      processes: marked(sight),
    },
    findings,
  }
}
