// `orchestrate show ID`: one task, its attempts and its answer. Promises: exit 2 when it has failed.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Workspace } from '../../files/workspace.ts'
import { sum } from '../../look/purse.ts'
import { OrchestrateError, type RunRecord } from '../../types.ts'
import { type Act, located, type World } from '../act.ts'
import { clean, duration, json, oneLine, quoted, table, usedWords } from '../output.ts'
import { type TaskRow, tasksOf } from '../picture.ts'

/** Lines of the answer before it is only named. */
const ANSWER = 40

export const act: Act = async (call, world) => {
  const at = located(call, world)
  const row = await taskOf(at, call.words[0] ?? '')
  const { history } = await import('../../files/run-folder.ts')
  const runs = await history(at.runs, row.id)
  if (call.has('json'))
    world.out.line(json({ ...row, runs: runs.map(({ nonce: _, ...run }) => run) }))
  else await show(at, row, runs, world)
  return row.status === 'failed' ? 2 : 0
}

/** The row of an id, without case; also of what is archived. Throws `NO_TASK` with the nearest id. */
export async function taskOf(at: Workspace, id: string): Promise<TaskRow> {
  const rows = await tasksOf(at)
  const same = rows.filter((row) => row.id.toLowerCase() === id.toLowerCase())
  // Of two files with one id, the one that is not held is the task.
  const row = same.find(({ status }) => status !== 'held') ?? same[0]
  if (row) return row
  const { archivedRow } = await import('../archived.ts')
  const old = await archivedRow(at, id)
  if (old) return old
  const { nearest } = await import('../../files/nearest.ts')
  const near = nearest(
    id,
    rows.map((one) => one.id),
  )
  const hint = near ? `did you mean \`${near}\`?` : '`orchestrate tasks` lists them'
  throw new OrchestrateError('NO_TASK', `there is no task \`${id}\``, hint)
}

async function show(
  at: Workspace,
  row: TaskRow,
  runs: RunRecord[],
  { out, env }: World,
): Promise<void> {
  const { paint } = out
  const last = runs.at(-1)
  const { tokens, usd: cost_usd } = sum(runs)
  const facts: [string, string | number | null | undefined][] = [
    ['status', row.status + (row.needs_review ? ' (needs a person)' : '')],
    ['why', row.reason ?? row.error],
    ['priority', row.priority],
    ['file', row.file],
    ['agent', last && `${last.agent_id} (${last.agent_type})`],
    ['command', last && quoted(last.argv)],
    ['model', last?.model],
    ['used', usedWords({ tokens, cost_usd })],
    ['changed', Array.isArray(last?.files_modified) ? last.files_modified.join(', ') : null],
    ['output', last?.output_file],
    ['evidence', last?.evidence],
    ['go on', last?.outcome && (await byHand(at, last, env))],
    ['run', last && `.orchestrate/runs/${row.id}/${last.attempt}/`],
  ]
  out.line(`${paint.bold(oneLine(row.id))}\n`)
  for (const line of clean(row.description).trimEnd().split('\n')) out.line(`  ${line}`)
  out.line()
  const known = facts.filter(([, fact]) => fact !== null && fact !== undefined && fact !== '')
  for (const line of table(
    out,
    [],
    known.map(([name, fact]) => [{ text: name, colour: 'dim' }, oneLine(String(fact))]),
  ))
    out.line(line)
  if (runs.length > 0) {
    out.line()
    const rows = runs.map((run) => [
      String(run.attempt),
      run.agent_id,
      run.outcome ?? 'running',
      duration(
        run.duration_seconds !== undefined
          ? run.duration_seconds * 1000
          : Date.now() - Date.parse(run.assigned_at),
      ),
      oneLine(run.error ?? ''),
    ])
    for (const line of table(out, ['ATTEMPT', 'AGENT', 'OUTCOME', 'TIME', ''], rows)) out.line(line)
  }
  const answer =
    last?.output_file && (await readFile(join(at.root, last.output_file), 'utf8').catch(() => null))
  if (!answer) return
  const lines = clean(answer).trimEnd().split('\n')
  out.line(`\n${lines.slice(0, ANSWER).join('\n')}`)
  if (lines.length > ANSWER)
    out.line(paint.dim(`… ${lines.length - ANSWER} more lines in ${last.output_file}`))
}

/** What to type to go on with its session by hand. */
async function byHand(
  at: Workspace,
  run: RunRecord,
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  if (!run.session_id) return null
  const { kindOf, which } = await import('../../agents/index.ts')
  const { loadConfig } = await import('../../config/index.ts')
  const onPath = (program: string) => which(program, env.PATH ?? '') !== null
  const own = await loadConfig(at, { onPath }).then(
    ({ settings }) => settings.agents[run.agent_type],
    () => undefined, // a broken configuration is no matter here
  )
  const command = own && kindOf(run.agent_type, own).takeOver(own.command, run.session_id)
  return command ? quoted(command) : null
}
