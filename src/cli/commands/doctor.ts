// `orchestrate doctor`: is this machine and this workspace fit for work? Promises: changes nothing; every finding that
// is not well names its remedy; exit 1 when something is broken.
import { findWorkspace, type Workspace, workspace } from '../../files/workspace.ts'
import { type Act, directory, type World } from '../act.ts'
import { type Check, disk, folders, git, inotify, node, runs } from '../doctor-checks.ts'
import { json, oneLine, table } from '../output.ts'

const MARK = { ok: '✓', note: '!', broken: '✗' } as const
const COLOUR = { ok: 'green', note: 'yellow', broken: 'red' } as const

export const act: Act = async (call, world) => {
  const { out, talk } = world
  const from = directory(call, world)
  const root = findWorkspace(from)
  const checks = [
    node(process.version),
    await git(root ?? from),
    ...(root ? await inside(workspace(root), world) : []),
  ]
  if (!root) {
    checks.push({
      what: 'workspace',
      state: 'note',
      found: `none in ${from} or above it`,
      remedy: '`orchestrate init` makes one here',
    })
  }
  const bad = checks.filter(({ state }) => state === 'broken').length
  if (call.has('json')) out.line(json(checks))
  else show(checks, world)
  if (!call.has('json')) talk.line(bad > 0 ? `${bad} broken` : 'fit for work')
  return bad > 0 ? 1 : 0
}

async function inside(at: Workspace, world: World): Promise<Check[]> {
  const { agents, configuration, lock } = await import('../doctor-agents.ts')
  const config = await configuration(at, world.env)
  const checks = [
    ...(await folders(at)),
    await disk(at),
    inotify(),
    await runs(at),
    config.check,
    ...(config.settings ? await agents(at, config.settings, world.env) : []),
    await lock(at),
  ]
  return checks.filter((check) => check !== null)
}

function show(checks: Check[], { out }: World): void {
  const rows = checks.flatMap(({ what, state, found, remedy }) => [
    [{ text: MARK[state], colour: COLOUR[state] }, what, oneLine(found)],
    ...(remedy ? [['', '', `→ ${oneLine(remedy)}`]] : []),
  ])
  for (const line of table({ ...out, columns: Number.POSITIVE_INFINITY }, [], rows)) out.line(line)
}
