// `verify --repair`: mends what is safe to mend. Promises: nothing is deleted and nothing overwritten, what is in the way
// is moved where it is kept; what a running orchestrator does by itself is left to it; what needs a person is only told.
import { mkdir } from 'node:fs/promises'
import { keepIn } from '../files/files.ts'
import { takeLock } from '../files/lock.ts'
import { resultOf } from '../files/record.ts'
import { createRecords } from '../files/records.ts'
import type { Workspace } from '../files/workspace.ts'
import { createProcesses } from '../process/index.ts'
import { OrchestrateError, type Processes } from '../types.ts'
import type { Code, Found, Mend, Report } from './finding.ts'
import { findings, report, type VerifyOptions } from './verify.ts'

const ITS_OWN: ReadonlySet<Code> = new Set<Code>([
  'record-stray',
  'folder-missing',
  'process-unclaimed',
])
const LEFT =
  'the running orchestrator does it by itself; if it stays, `orchestrate stop` and repair then'

/** Verifies, mends, verifies again. `repaired` tells of each finding that was repairable what became of it. */
export async function repair(
  at: Workspace,
  { processes = createProcesses(), ...options }: VerifyOptions = {},
): Promise<Report> {
  const before = await findings(at, { ...options, processes })
  const able = before.found.filter(({ mend }) => mend)
  if (able.length === 0) return report(before.sight, before.found)
  // While it is ours, no orchestrator starts.
  const lock = await takeLock({ path: at.lock, processes }).catch((error) => {
    if (error instanceof OrchestrateError && error.code === 'LOCKED') return null
    throw error
  })
  const why = new Map<Found, string>()
  try {
    for (const one of able) {
      if (!lock && ITS_OWN.has(one.code)) why.set(one, LEFT)
      else
        await mend(at, one.mend as Mend, processes).catch((error) =>
          why.set(one, `it could not be mended: ${(error as Error).message}`),
        )
    }
  } finally {
    await lock?.release()
  }
  const after = await findings(at, { ...options, processes })
  const still = (one: Found) =>
    after.found.find(({ code, file }) => code === one.code && file === one.file)
  const gone = able.filter((one) => !still(one)).map((one) => ({ ...one, repaired: true }))
  const left = after.found.map((one) => {
    const tried = able.find((old) => old.code === one.code && old.file === one.file)
    return tried ? { ...one, repaired: false, hint: why.get(tried) ?? one.hint } : one
  })
  return { ...report(after.sight, [...gone, ...left]), ok: report(after.sight, left).ok }
}

async function mend(at: Workspace, what: Mend, processes: Processes): Promise<void> {
  const records = createRecords(at)
  switch (what.do) {
    case 'shelve':
      return records.shelve(what.path, what.id)
    case 'keep':
      await mkdir(at.lost, { recursive: true, mode: 0o700 })
      return void (await keepIn(at.lost, what.path))
    case 'folder':
      return void (await mkdir(what.path, { recursive: true, mode: 0o755 }))
    case 'result':
      if (what.old) await records.shelve(what.old, what.run.task_id)
      return records.result(what.state, what.run.task_id, resultOf(what.run))
    case 'assign':
      if (what.old) await records.shelve(what.old, what.run.task_id)
      return records.assign(what.run)
    case 'sweep':
      return processes.sweep(what.nonce, null)
    default:
      return what satisfies never
  }
}
