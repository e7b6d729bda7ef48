// `orchestrate start`: an orchestrator in the background, or with `--foreground` here. Promises: returns when it is
// ready, or with the reason why it is not; says each command that will be run.
import { existsSync } from 'node:fs'
import { findWorkspace, type Workspace, workspace } from '../../files/workspace.ts'
import { type Act, directory, located, type World } from '../act.ts'
import type { Call } from '../arguments.ts'

export const act: Act = async (call, world) => {
  const at = await ensured(call, world)
  const fd = call.text('ready-fd')
  if (fd !== undefined)
    return (await import('../background.ts')).serve(at, world, Number(fd), call.text('agents'))
  if (!call.has('foreground'))
    return (await import('../background.ts')).launch(at, world, call.text('agents'))
  const { attend } = await import('../foreground.ts')
  const wishes = { agents: call.text('agents'), env: world.env }
  const { interrupted } = await attend(at, world, wishes, () => new Promise(() => {}))
  return interrupted ? 130 : 0
}

/** The workspace around here, or a new one. */
async function ensured(call: Call, world: World): Promise<Workspace> {
  const from = directory(call, world)
  const root = findWorkspace(from)
  // A folder that is not there is more likely a slip than a wish.
  if (root || !existsSync(from)) return located(call, world)
  const at = workspace(from)
  const { firstConfig, makeWorkspace } = await import('../new-workspace.ts')
  await makeWorkspace(at, firstConfig(world.env))
  world.talk.line(`${from} is a workspace now (as \`orchestrate init\` makes it)`)
  return at
}
