// `orchestrate agents`: one row for each slot. Promises: works stopped, too, and then shows what a start would have.
import { type Act, located } from '../act.ts'
import { json, oneLine, table } from '../output.ts'
import { agentsOf } from '../picture.ts'

const COLOUR = {
  idle: undefined,
  busy: 'green',
  failed: 'red',
  limited: 'yellow',
  missing: 'yellow',
} as const

export const act: Act = async (call, world) => {
  const { out, talk } = world
  const rows = await agentsOf(located(call, world), world.env)
  if (call.has('json')) {
    out.line(json(rows))
    return 0
  }
  if (rows.length === 0) {
    talk.line('no agents are configured: name some under `agents` in config.yaml')
    return 0
  }
  const shown = rows.map((row) => [
    row.id,
    oneLine(row.type),
    { text: row.state, colour: COLOUR[row.state] },
    oneLine(row.task_id ?? ''),
    String(row.task_count),
    row.pid === null ? '' : String(row.pid),
  ])
  for (const line of table(out, ['AGENT', 'TYPE', 'STATE', 'TASK', 'RUNS', 'PID'], shown))
    out.line(line)
  const missing = new Set(rows.filter(({ state }) => state === 'missing').map(({ type }) => type))
  if (missing.size > 0) {
    talk.line(
      `not on this machine: ${[...missing].join(', ')} (\`orchestrate doctor\` says what to do)`,
    )
  }
  return 0
}
