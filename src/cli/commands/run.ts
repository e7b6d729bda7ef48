// `orchestrate run`: work here until nothing can start any more, for scripts and CI. Promises: stdout says what became
// of the tasks; exit 2 when one failed now, is held, cannot be read, or is left waiting; 130 when interrupted.
import { type Act, located } from '../act.ts'
import { attend } from '../foreground.ts'
import { count, oneLine, table } from '../output.ts'
import { type TaskRow, tasksOf } from '../picture.ts'

export const act: Act = async (call, world) => {
  const { out } = world
  const at = located(call, world)
  const before = new Set((await tasksOf(at)).filter(settled).map(({ file }) => file))
  const wishes = { agents: call.text('agents'), env: world.env }
  let after: TaskRow[] | null = null
  const { interrupted } = await attend(at, world, wishes, async ({ orchestrator, tasks }) => {
    await orchestrator.finished()
    after = tasks()
  })
  if (interrupted) return 130
  // Stopped from elsewhere, before it was through: the files say how things stand.
  const now = (after ?? (await tasksOf(at))).filter((row) => !settled(row) || !before.has(row.file))
  const done = now.filter(({ status }) => status === 'completed').length
  const bad = now.filter(({ status }) => status !== 'completed')
  out.line(`${done} completed${bad.length > 0 ? `, ${count(bad.length, 'task')} not:` : ''}`)
  const rows = bad.map(({ id, status, reason, error }) => [
    ` ${oneLine(id)}`,
    status,
    oneLine(reason ?? error ?? ''),
  ])
  for (const line of table(out, [], rows)) out.line(line)
  return bad.length > 0 ? 2 : 0
}

const settled = ({ status }: TaskRow) => status === 'completed' || status === 'failed'
