// `orchestrate logs ID`: what the agent of the newest run says, readable. Promises: memory stays bounded however long
// the output is; `-f` ends when the run ends; exit 2 when that run has failed.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Lines, newest, readShim } from '../../files/run-folder.ts'
import type { Workspace } from '../../files/workspace.ts'
import type { AgentKind, RunRecord } from '../../types.ts'
import { type Act, located } from '../act.ts'
import type { Call } from '../arguments.ts'
import { clean, oneLine, type Paper } from '../output.ts'
import { taskOf } from './show.ts'

/** ms between two looks at a growing file. */
const EVERY = 200
/** ms after its exit in which a run is written down, if anyone is there to do it. */
const SETTLED = 3000
/** Characters that are written at once. */
const GATHERED = 1 << 16

export const act: Act = async (call, world) => {
  const { out, talk } = world
  const at = located(call, world)
  const task = await taskOf(at, call.words[0] ?? '')
  let run = await newest(at.runs, task.id)
  if (!run && call.has('follow'))
    talk.line(`${task.id} has not begun; waiting for it (Ctrl-C leaves)`)
  while (!run && call.has('follow')) {
    await sleep(EVERY)
    run = await newest(at.runs, task.id)
  }
  if (!run) {
    talk.line(`${task.id} has not run yet`)
    return 0
  }
  talk.line(
    talk.paint.dim(`${run.task_id}, attempt ${run.attempt}, ${run.agent_id} (${run.agent_type})`),
  )
  const end = await printed(at, run, call, out)
  talk.line(talk.paint.dim(await lastWord(end, at, call)))
  return end.outcome && end.outcome !== 'success' ? 2 : 0
}

async function lastWord(run: RunRecord, at: Workspace, call: Call): Promise<string> {
  if (run.outcome) return `it ended: ${run.outcome}${run.error ? `, ${oneLine(run.error)}` : ''}`
  const { exit } = await readShim(join(at.runs, run.task_id, String(run.attempt)))
  if (exit !== null) return `it exited with ${exit}; \`orchestrate start\` takes note of it`
  return call.has('follow') ? 'another attempt has begun' : 'it is still running; `-f` follows it'
}

/** Prints to the end that is there, or with `-f` to the end of the run; returns the run as it is then. */
async function printed(at: Workspace, run: RunRecord, call: Call, out: Paper): Promise<RunRecord> {
  const folder = join(at.runs, run.task_id, String(run.attempt))
  const raw = call.has('raw')
  const readable = raw ? (line: string) => line : await readableOf(run)
  const { print, flush } = gathered(out)
  const show = (line: string) => {
    const text = readable(line)
    if (text !== null) print(clean(text))
  }
  const said = new Lines(join(folder, 'stdout'), show)
  const complained = new Lines(join(folder, 'stderr'), (line) => print(clean(line)))
  let ended: number | null = null
  for (let now = run; ; ) {
    const { exit } = await readShim(folder)
    if (exit !== null) ended ??= performance.now()
    // Its end is written down by the orchestrator, which may not be running.
    const late = ended !== null && performance.now() - ended > SETTLED
    const over = now.outcome !== undefined || late || !call.has('follow')
    await said.read(over, Number.POSITIVE_INFINITY)
    if (raw || (over && now.outcome && now.outcome !== 'success'))
      await complained.read(over, Number.POSITIVE_INFINITY)
    flush()
    if (over) return now
    await sleep(EVERY)
    const next = await newest(at.runs, run.task_id)
    if (next && next.attempt !== run.attempt) return now
    now = next ?? now
  }
}

/** Lines written together: each write is a call to the system, and an agent may have printed a gigabyte of short ones. */
function gathered(out: Paper) {
  let text = ''
  const flush = () => {
    if (text) out.write(text)
    text = ''
  }
  const print = (line: string) => {
    text += `${line}\n`
    if (text.length > GATHERED) flush()
  }
  return { print, flush }
}

/** The kind's own way to make a line readable; a type that is no longer configured is shown as it is. */
async function readableOf(run: RunRecord): Promise<AgentKind['readable']> {
  const { kinds } = await import('../../agents/index.ts')
  const kind = Object.hasOwn(kinds, run.agent_type) ? kinds[run.agent_type] : undefined
  return kind ? kind.readable : (line) => line
}
