// An orchestrator in its own session, and how its starter learns that it is ready. Promises: one line on one pipe says
// ready or why not; no output is lost; nothing ties the two together afterwards.
import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import spawn from 'cross-spawn'
import { assertInside } from '../files/files.ts'
import { inWords } from '../files/system-errors.ts'
import type { Workspace } from '../files/workspace.ts'
import { OrchestrateError } from '../types.ts'
import type { World } from './act.ts'
import type { Composed } from './compose.ts'
import { clean } from './output.ts'

interface Ready {
  pid?: number
  notes?: string[]
  refused?: { code: string; message: string; hint?: string | undefined }
}

const READY_FD = 3
/**
 * MiB for what is young. By default it grows to 16 (Node 24: more), and with it the process: 1,000 tasks took 144 MB on Node 20
 * and 177 on 24; so 131 at most, in the same time.
 */
const FLAT = '--max-semi-space-size=2'
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants

/** The starter's half. */
export async function launch(
  at: Workspace,
  { talk, env }: World,
  agents?: string,
): Promise<number> {
  await assertInside(at.root, at.home)
  mkdirSync(at.home, { recursive: true, mode: 0o700 })
  const log = openSync(at.log, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600)
  const main = join(import.meta.dirname, 'main.js') // in the build, all lie in one folder
  const wishes = agents === undefined ? [] : [`--agents=${agents}`]
  const args = [FLAT, main, 'start', `--directory=${at.root}`, `--ready-fd=${READY_FD}`, ...wishes]
  const child = spawn(process.execPath, args, {
    cwd: at.root,
    detached: true,
    env,
    stdio: ['ignore', log, log, 'pipe'],
  })
  closeSync(log)
  const gone = new Promise<never>((_, refuse) => child.once('error', refuse))
  const pipe = child.stdio[READY_FD] as Readable
  const giveUp = () => {
    child.kill('SIGTERM')
    process.exit(130)
  }
  process.once('SIGINT', giveUp)
  const said = await Promise.race([text(pipe), gone])
  process.off('SIGINT', giveUp)
  child.unref()
  const ready = parsed(said)
  if (ready.refused) {
    const { code, message, hint } = ready.refused
    throw new OrchestrateError(code, message, hint)
  }
  if (ready.pid === undefined)
    throw new OrchestrateError('NOT_STARTED', 'it ended before it was ready', `see ${at.log}`)
  talk.line(`orchestrate is running (pid ${ready.pid}) in ${at.root}`)
  for (const note of ready.notes ?? []) talk.line(clean(note))
  return 0
}

function parsed(said: string): Ready {
  try {
    return JSON.parse(said) as Ready
  } catch {
    return {} // it died in the middle of its sentence, or before it
  }
}

/** The orchestrator's half: works until it is told to stop. */
export async function serve(
  at: Workspace,
  { env }: World,
  fd: number,
  agents?: string,
): Promise<number> {
  const tell = (ready: Ready) => {
    try {
      writeSync(fd, `${JSON.stringify(ready)}\n`)
      closeSync(fd)
    } catch {
      // The starter was interrupted; it was told to end, or work goes on.
    }
  }
  const [{ compose }, { onSignals }] = await Promise.all([
    import('./compose.ts'),
    import('./foreground.ts'),
  ])
  try {
    let said: string[] = []
    const announce = (notes: string[]) => {
      said = notes
    }
    const heed = (composed: Composed) => onSignals(composed, () => {})
    const composed = await compose(at, { agents, env, announce, heed })
    tell({ pid: process.pid, notes: said })
    await composed.stopped
    return 0
  } catch (error) {
    const words = inWords(error)
    if (!(error instanceof OrchestrateError || words)) throw error
    const { code, message, hint } = error as OrchestrateError
    tell({ refused: { code, message: words ?? message, hint } })
    return 1
  }
}
