// `orchestrate tasks`: one row for each task file. Promises: stdout is the rows, in the order of the queue.
import { type Act, located } from '../act.ts'
import { oneLine, table } from '../output.ts'
import { STATUSES, statusWord, type TaskRow, tasksOf, tasksShown } from '../picture.ts'

const COLOUR = {
  pending: undefined,
  assigned: 'green',
  completed: 'blue',
  failed: 'red',
  held: 'yellow',
  invalid: 'yellow',
} as const

export const act: Act = async (call, world) => {
  const { out, talk } = world
  const wanted = call.text('status')
  const status = wanted === undefined ? undefined : await statusWord(wanted)
  const at = located(call, world)
  if (call.has('json')) {
    out.write(await tasksShown(at, status))
    return 0
  }
  const rows = await tasksOf(at, status)
  if (rows.length === 0) {
    talk.line(wanted ? `no task is ${wanted}` : 'no tasks yet: `orchestrate add "…"` makes one')
    return 0
  }
  const order = (row: TaskRow) => STATUSES.indexOf(row.status)
  const sorted = wanted ? rows : [...rows].sort((a, b) => order(a) - order(b))
  const shown = sorted.map((row) => [
    oneLine(row.id),
    { text: row.status, colour: COLOUR[row.status] },
    row.priority,
    row.agent_id ?? '',
    row.attempt > 1 ? String(row.attempt) : '',
    oneLine(remark(row)),
  ])
  // At once: each write costs as much as making ten rows.
  out.line(table(out, ['TASK', 'STATUS', 'PRIORITY', 'AGENT', 'TRY', ''], shown).join('\n'))
  return 0
}

/** What went wrong, then what it is about; why a task waits is told by `status`. Two files may claim one id, so theirs is named. */
function remark({ status, reason, error, description, file }: TaskRow): string {
  const out = status === 'held' || status === 'invalid'
  const why = status === 'failed' ? error : out ? `${file}: ${reason}` : null
  return [why, description].filter(Boolean).join(' · ')
}
