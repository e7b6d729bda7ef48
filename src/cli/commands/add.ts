// `orchestrate add`: writes task files to `tasks/pending`. Promises: all of them or none; the ids on stdout, one a line;
// the talk (nothing runs, no agent can do it, a path is missing) on stderr.
import { existsSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { ID } from '../../files/names.ts'
import type { Workspace } from '../../files/workspace.ts'
import { type NewTask, type OnLimit, OrchestrateError, type Priority } from '../../types.ts'
import { type Act, directory, located, type World } from '../act.ts'
import type { Call } from '../arguments.ts'
import type { AgentRow } from '../picture.ts'
import { ONLY_SHELL, onlyShell, onlyShellStopped } from '../quick-agents.ts'
import { asked } from '../running.ts'

/** Bytes; the task file may have 256 KiB, and JSON doubles quotes and backslashes. */
const LONGEST = 100 * 1024
const PRIORITIES: Record<string, Priority> = {
  ...{ high: 'high', normal: 'normal', low: 'low' },
  ...{ 0: 'high', 1: 'normal', 2: 'low' },
}

/** Each task is flushed to the disk; a busy one takes its time, and who gives up too early adds them twice. */
const [ANSWER_MS, WRITTEN_MS] = [10_000, 100]

/** What a running orchestrator answers: one question, for a second one would cost a connection. */
interface Added {
  ids: string[]
  agents: AgentRow[]
}

export const act: Act = async (call, world) => {
  const at = located(call, world)
  const about = common(call, at, world)
  const word = call.words[0] ?? ''
  const descriptions = word === '-' ? await lines(world) : [word]
  const id = call.text('id')
  if (id !== undefined && descriptions.length > 1) {
    throw usage('`--id` names one task, and the standard input has several lines')
  }
  const tasks = descriptions.map((text): NewTask => ({ description: described(text), ...about }))
  if (call.has('dry-run')) return (await import('../dry-run.ts')).dryRun(at, tasks, world)
  const patience = ANSWER_MS + tasks.length * WRITTEN_MS
  const answer = await asked<Added>(at, 'POST', '/tasks', { tasks }, patience)
  const ids = answer?.ids ?? (await (await import('../stopped-changes.ts')).add(at, tasks))
  for (const one of ids) world.out.line(one)
  remark(at, about, world)
  const lacks = answer ? onlyShell(answer.agents) : onlyShellStopped(at, world.env)
  if (lacks && about.preferred_agent !== 'shell') world.talk.line(ONLY_SHELL)
  if (!answer) world.talk.line('orchestrate is not running: `orchestrate start` begins the work')
  return 0
}

function common(call: Call, at: Workspace, world: World): Omit<NewTask, 'description'> {
  const id = call.text('id')
  const agent = call.text('agent')
  const after = call.texts('after').flatMap((list) => list.split(',').filter(Boolean))
  const minutes = call.text('timeout-minutes')
  const files = call
    .texts('context-file')
    .map((path) => inside(path, directory(call, world), at, world))
  const priority = call.text('priority')
  const continues = call.text('continues')
  const limit = call.text('on-limit')
  const labels = call.texts('label').flatMap((list) => list.split(',').filter(Boolean))
  for (const one of [id, continues, ...after].flatMap((one) => one ?? [])) {
    if (!ID.test(one))
      throw usage(`\`${one}\` is no id`, 'an id is letters, digits, `.`, `_` and `-`, at most 100')
  }
  if (agent !== undefined && !/^[a-z0-9][a-z0-9_-]*$/i.test(agent)) {
    throw usage(
      `\`${agent}\` is no agent type`,
      'it is claude, codex, gemini, cursor, shell, or one from config.yaml',
    )
  }
  if (minutes !== undefined && !(Number(minutes) > 0))
    throw usage(`\`--timeout-minutes ${minutes}\` is not a number above 0`)
  return {
    ...(id !== undefined && { id }),
    ...(priority !== undefined && { priority: level(priority) }),
    ...(after.length > 0 && { dependencies: after }),
    ...(agent !== undefined && { preferred_agent: agent.toLowerCase() }),
    ...(files.length > 0 && { context_files: files }),
    ...(minutes !== undefined && { timeout_minutes: Number(minutes) }),
    ...(continues !== undefined && { continues }),
    ...(limit !== undefined && { on_limit: limited(limit) }),
    ...(labels.length > 0 && { labels }),
  }
}

function limited(word: string): OnLimit {
  const known = (['wait', 'switch', 'fail'] as const).find((one) => one === word)
  if (known) return known
  throw usage(`\`${word}\` is nothing to do at a limit`, 'it is wait, switch or fail')
}

function level(word: string): Priority {
  const priority = PRIORITIES[word.toLowerCase()]
  if (!priority) throw usage(`\`${word}\` is not a priority`, 'it is high, normal or low')
  return priority
}

/** As the task file wants it: relative to the workspace, and inside it. */
function inside(path: string, from: string, at: Workspace, { talk }: World): string {
  const full = resolve(from, path)
  const short = relative(at.root, full)
  if (short === '' || short.startsWith('..') || isAbsolute(short)) {
    throw usage(
      `the context file ${path} is outside of the workspace ${at.root}`,
      'copy it in, or link to it by name in the description',
    )
  }
  if (!existsSync(full)) talk.line(`there is no ${short} yet; the agent is told of it all the same`)
  return short
}

function described(text: string): string {
  if (text.trim() === '')
    throw usage('the description is empty', 'say what to do: orchestrate add "Write the tests"')
  if (Buffer.byteLength(text) <= LONGEST) return text
  throw usage(
    `a description of more than ${LONGEST / 1024} KiB is too long`,
    'put the text into a file and name it with `--context-file`',
  )
}

async function lines({ stdin: open, talk }: World): Promise<string[]> {
  const stdin = open()
  if (stdin.isTTY) talk.line('one task a line; Ctrl-D ends')
  let text = ''
  for await (const chunk of stdin.setEncoding('utf8')) text += chunk
  const tasks = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (tasks.length === 0) throw usage('there is no task on the standard input', 'write one a line')
  return tasks
}

/** A dependency that is a slip of the finger would wait for ever. */
function remark(at: Workspace, { dependencies = [] }: Partial<NewTask>, { talk }: World): void {
  const here = (id: string) =>
    Object.values(at.state).some((folder) =>
      ['yaml', 'yml'].some((end) => existsSync(join(folder, `${id}.${end}`))),
    )
  for (const id of dependencies)
    if (!here(id)) talk.line(`there is no task ${id} yet; until there is, this one waits`)
}

const usage = (message: string, hint?: string) => new OrchestrateError('USAGE', message, hint)
