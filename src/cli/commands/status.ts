// `orchestrate status`: how things stand, at a glance. Promises: near the cost of starting node; writes nothing.
import type { Workspace } from '../../files/workspace.ts'
import { type Act, located, type World } from '../act.ts'
import { count, duration, json, oneLine, table, usedWords } from '../output.ts'
import { type StatusView, statusOf } from '../picture.ts'
import { ONLY_SHELL, onlyShellStopped } from '../quick-agents.ts'

/** Rows of waiting tasks before the rest is only counted. */
const SHOWN = 20

export const act: Act = async (call, world) => {
  const at = located(call, world)
  if (call.has('watch')) return (await import('../watch.ts')).watch(at, world)
  const status = await statusOf(at)
  if (call.has('json')) world.out.line(json(status))
  else show(status, at, world)
  return 0
}

function show(status: StatusView, at: Workspace, { out, talk, env }: World): void {
  const { tasks } = status
  // At once: a write costs as much as making ten lines.
  out.line(lines(status, at, out).join('\n'))
  if (!status.running && tasks.pending > 0) {
    if (onlyShellStopped(at, env)) talk.line(ONLY_SHELL)
    talk.line('`orchestrate start` begins the work')
  }
  for (const note of status.notes ?? []) talk.line(talk.paint.yellow(oneLine(note)))
  if (tasks.failed > 0)
    talk.line(
      '`orchestrate tasks --status failed` lists what failed, `orchestrate retry ID` tries again',
    )
}

function lines(status: StatusView, at: Workspace, out: World['out']): string[] {
  const { paint } = out
  const { active, waiting, agents } = status
  const where = status.running
    ? paint.green(`running (pid ${status.pid})`)
    : paint.yellow('not running')
  const all = [`orchestrate is ${where} in ${at.root}`]
  if (status.halted) all.push(paint.red(`nothing is claimed: ${oneLine(status.halted)}`))
  all.push(counts(status, paint))
  if (active.length > 0) {
    const rows = active.map(
      ({ id, agent_id, agent_type, attempt, started_at, chosen, description }) => [
        oneLine(id),
        agent_id ?? '',
        oneLine(chosen ?? agent_type ?? ''),
        [
          started_at && duration(Date.now() - Date.parse(started_at)),
          attempt > 1 && `attempt ${attempt}`,
        ]
          .filter(Boolean)
          .join(', '),
        oneLine(description),
      ],
    )
    all.push('', ...table(out, ['ACTIVE', 'AGENT', 'TYPE', 'SINCE', ''], rows))
  }
  if (waiting.length > 0) {
    const rows = waiting.slice(0, SHOWN).map(({ id, reason }) => [oneLine(id), oneLine(reason)])
    all.push('', ...table(out, ['WAITING', 'WHY'], rows))
    if (waiting.length > SHOWN) all.push(paint.dim(`and ${waiting.length - SHOWN} more`))
  }
  const used = status.today && usedWords(status.today)
  if (status.running)
    all.push(
      '',
      `${agents.busy} of ${count(agents.total, 'agent')} busy${used ? `; today ${used}` : ''}`,
    )
  return all
}

function counts({ tasks }: StatusView, paint: World['out']['paint']): string {
  const { pending, assigned, completed, failed, held, invalid } = tasks
  return [
    `${pending} pending`,
    paint.green(`${assigned} active`),
    `${completed} completed`,
    failed > 0 ? paint.red(`${failed} failed`) : '0 failed',
    held > 0 && paint.yellow(`${held} held`),
    invalid > 0 && paint.yellow(`${invalid} invalid`),
  ]
    .filter((part) => part !== false)
    .join(' · ')
}
