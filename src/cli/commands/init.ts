// `orchestrate init`: a workspace here. Promises: idempotent; says what it made.
import { workspace } from '../../files/workspace.ts'
import { type Act, directory } from '../act.ts'
import { found } from '../agents-here.ts'
import { firstConfig, makeWorkspace } from '../new-workspace.ts'

export const act: Act = async (call, world) => {
  const { out, talk } = world
  const at = workspace(directory(call, world))
  const agents = found(world.env)
  const made = await makeWorkspace(at, firstConfig(world.env))
  for (const path of made) out.line(path)
  if (made.length === 0) {
    talk.line(`${at.root} is a workspace already; nothing was missing`)
    return 0
  }
  talk.line(`\n${at.root} is a workspace. What to type next:`)
  talk.line('  orchestrate start                 begin to work, in the background')
  talk.line(
    agents.length > 0
      ? '  orchestrate add "Write the tests"'
      : '  orchestrate add "make test" --agent shell',
  )
  if (agents.length === 0)
    talk.line(
      'No agent CLI was found (claude, codex, gemini, cursor-agent, opencode): only shell tasks can run.',
    )
  return 0
}
