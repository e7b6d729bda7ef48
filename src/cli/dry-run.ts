// `add --dry-run`: what a task would be run with. Promises: writes nothing and starts nothing; of the environment only the names
// are shown, for its values may be secrets; the prompt is the very text that the agent would get.
import { kindOf, which } from '../agents/index.ts'
import { loadConfig } from '../config/index.ts'
import { createContext } from '../context/context.ts'
import type { Workspace } from '../files/workspace.ts'
import { suits } from '../look/suits.ts'
import { type NewTask, OrchestrateError, type Slot, type Task } from '../types.ts'
import type { World } from './act.ts'
import { agentParts } from './agent-parts.ts'
import { clean, oneLine, quoted } from './output.ts'

export async function dryRun(at: Workspace, tasks: NewTask[], world: World): Promise<number> {
  const { out, env, talk } = world
  const onPath = (program: string) => which(program, env.PATH ?? '') !== null
  const { settings } = await loadConfig(at, { onPath })
  const slots = Object.keys(settings.agents).map(
    (type): Slot => ({ id: type, type, state: 'idle', taskCount: 0 }),
  )
  const context = createContext({
    ...{ root: at.root, directory: settings.contextDir, env },
    ...{ updateOnCompletion: false, tell: (text: string) => talk.line(text) },
  })
  const { missing } = agentParts(at.root, env, () => settings)
  for (const one of tasks) {
    const task = taskOf(one)
    const [slot] = suits(task, slots)
    const own = slot && settings.agents[slot.type]
    if (!own)
      throw new OrchestrateError(
        'NO_AGENT',
        'no agent here would take this task',
        '`orchestrate agents` lists them, `orchestrate doctor` says more',
      )
    const kind = kindOf(slot.type, own)
    const lacks = missing(slot.type, own)
    if (lacks) talk.line(oneLine(`${slot.type}: ${lacks}`))
    const run = { promptFile: 'PROMPT_FILE', sessionId: 'SESSION_ID' }
    const prompt = await context.prompt(task, {
      attempt: 1,
      agentId: 'AGENT',
      agentType: slot.type,
    })
    const names = [...Object.keys(kind.env(env, own)), ...MARKS].sort()
    out.line(`agent        ${slot.type}`)
    out.line(`command      ${oneLine(quoted(kind.argv(own.command, run)))}`)
    out.line(`stdin        ${kind.stdin === 'prompt' ? 'the prompt' : '/dev/null'}`)
    out.line(`environment  ${names.join(' ')}`)
    out.line(`prompt\n\n${clean(prompt).trimEnd()}\n`)
  }
  return 0
}

/** What each run gets besides (tasks/README.md). */
const MARKS = ['TASK', 'ATTEMPT', 'AGENT', 'WORKSPACE', 'RUN'].map((name) => `ORCHESTRATE_${name}`)

/** As it would be read from its file. */
const taskOf = (one: NewTask): Task => ({
  ...{ id: one.id ?? 'TASK_ID', description: one.description, priority: one.priority ?? 'normal' },
  ...{ createdAt: 0, dependencies: one.dependencies ?? [], contextFiles: one.context_files ?? [] },
  ...{
    contextRequired: false,
    subtasks: one.subtasks ?? [],
    labels: one.labels ?? [],
    remarks: [],
  },
  ...(one.preferred_agent && { preferredAgent: one.preferred_agent }),
})
