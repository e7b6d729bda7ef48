// `orchestrate agents`: one row for each slot. Promises: works stopped, too, and then shows what a start would have.
import type { Workspace } from '../../files/workspace.ts'
import { OrchestrateError } from '../../types.ts'
import { type Act, located, type World } from '../act.ts'
import { stateOf } from '../agent-state.ts'
import { json, oneLine, table, usedWords } from '../output.ts'
import { type AgentRow, agentsOf } from '../picture.ts'
import { asked } from '../running.ts'

const COLOUR = {
  idle: undefined,
  busy: 'green',
  failed: 'red',
  limited: 'yellow',
  missing: 'yellow',
} as const

export const act: Act = async (call, world) => {
  const { out, talk } = world
  const at = located(call, world)
  const resume = call.text('resume')
  if (resume !== undefined) return resumed(at, resume.toLowerCase(), world)
  if (call.has('stats')) return (await import('../stats.ts')).stats(at, world, call.has('json'))
  const rows = await agentsOf(at, world.env)
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
    { text: stateOf(row), colour: COLOUR[row.state] },
    oneLine(row.task_id ?? ''),
    String(row.task_count),
    row.pid === null ? '' : String(row.pid),
    usedWords(row.today),
  ])
  for (const line of table(out, ['AGENT', 'TYPE', 'STATE', 'TASK', 'RUNS', 'PID', 'TODAY'], shown))
    out.line(line)
  const reasons = new Map(rows.flatMap(({ type, why }) => (why ? [[type, why] as const] : [])))
  for (const [type, why] of reasons) {
    talk.line(oneLine(`${type}: ${why} (\`orchestrate agents --resume ${type}\` tries again)`))
  }
  const missing = new Set(rows.filter(({ state }) => state === 'missing').map(({ type }) => type))
  if (missing.size > 0) {
    talk.line(
      `not on this machine: ${[...missing].join(', ')} (\`orchestrate doctor\` says what to do)`,
    )
  }
  return 0
}

async function resumed(at: Workspace, type: string, { talk }: World): Promise<number> {
  const rows = (await asked<AgentRow[]>(at, 'GET', '/agents')) ?? []
  if (rows.length === 0)
    throw new OrchestrateError(
      'NOT_RUNNING',
      'orchestrate is not running, and a start asks each agent again',
      '`orchestrate start`',
    )
  const types = [...new Set(rows.map((row) => row.type))]
  if (!types.includes(type))
    throw new OrchestrateError(
      'USAGE',
      `no agent is of type \`${type}\``,
      `it is one of ${types.join(', ')}`,
    )
  const route = `/agents/${encodeURIComponent(type)}/resume`
  const answer = await asked<{ message: string }>(at, 'POST', route)
  talk.line(oneLine(answer?.message ?? 'it has just stopped'))
  return 0
}
