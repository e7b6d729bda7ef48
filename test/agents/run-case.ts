// Runs one case on one CLI, as the orchestrator would: the real AgentProcess with its shim, the real table, the sweep.
// Promises: own HOME and workspace in the folder given, fake keys; nothing of it runs when it returns, and what was left before is told.
import { mkdir, mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kinds } from '../../src/agents/index.ts'
import { decide } from '../../src/core/decide.ts'
import { AgentProcess } from '../../src/core/run.ts'
import { GONE } from '../../src/look/agents.ts'
import { finer } from '../../src/look/verdict.ts'
import { createProcesses } from '../../src/process/index.ts'
import type * as T from '../../src/types.ts'
import type { Case } from './cases.ts'
import type { MockModel } from './mock-model.ts'
import type { Cli } from './real-agents.ts'
import { output, relative, type Seen } from './seen.ts'
import { setUp } from './set-up.ts'
import { isTime, kill, type Stop } from './stops.ts'

const processes = createProcesses()
/** A CLI that has not given up by then waits for ever, for all we know. */
const MOST_MS = 60_000
const LOST_SESSION = '11111111-2222-4333-8444-000000000000'

/** All runs of the case, the one before a resume left out. */
export async function runCase(one: Case, cli: Cli, model: MockModel, top: string): Promise<Seen[]> {
  const folder = await mkdtemp(join(top, `${cli.name}-`))
  const { command, env } = await setUp(
    cli,
    model.url,
    join(folder, 'home'),
    one.login,
    one.settings,
  )
  const flags = one.flags?.[cli.name] ?? one.flags?.all ?? []
  const settings: T.AgentSettings = {
    ...GONE,
    command: [...without(command.split(' '), flags), ...flags],
    ...{ maxInstances: 1, inheritEnv: 'minimal' },
    env: { ...env, ...one.env?.[cli.name] },
    ...(one.login === 'subscription' && { billing: 'subscription' }),
  }
  const room = () => mkdtemp(join(folder, 'workspace-'))
  const go = (root: string, prompt: string, session?: string, stop?: Stop) =>
    run({ cli, settings, root, prompt, session, stop, model })
  const { resume, times = 1 } = one
  const session = cli.name === 'opencode' ? 'ses_dfd025ce9ffe1s09amWSN5npDa' : LOST_SESSION
  if (resume === 'lost') return [await go(await room(), one.prompt, session)]
  if (resume) {
    const root = await room()
    const { findings } = await go(root, resume.after)
    return [await go(root, one.prompt, findings.sessionId ?? '(it told no session)')]
  }
  const rooms = await Promise.all(Array.from({ length: times }, room))
  const start = (root: string) => go(root, one.prompt, undefined, one.stop)
  // Its very first start is one alone, as the core sees to.
  const first = times > 1 && kinds[cli.name]?.cli?.warmUp ? [await start(rooms.shift() ?? '')] : []
  return [...first, ...(await Promise.all(rooms.map(start)))]
}

/** A flag that the case gives a value of its own is not given twice: some CLIs make a list of it. */
const without = (words: string[], flags: string[]) =>
  words.filter(
    (word, at) =>
      ![word, words[at - 1]].some((one) => one && GIVEN.test(one) && flags.includes(one)),
  )
const GIVEN = /^--(model|sandbox)$/

interface Go {
  cli: Cli
  settings: T.AgentSettings
  root: string
  prompt: string
  session: string | undefined
  stop: Stop | undefined
  model: MockModel
}

async function run({ cli, settings, root, prompt, session, stop, model }: Go): Promise<Seen> {
  const kind = kinds[cli.name]
  if (!kind) throw new Error(`there is no kind ${cli.name}`)
  const runs = join(root, '.orchestrate/runs')
  await mkdir(runs, { recursive: true })
  const agent = new AgentProcess(cli.name, 'agent_01', {
    root,
    runs,
    kind,
    settings,
    processes,
    ended() {},
  })
  const name = root.split('/').slice(-2).join('-')
  const from = session === undefined ? undefined : { session_id: session }
  await agent.prepare('a', 'a.yaml', `MOCK:case ${name}\n${prompt}\n`, {}, from)
  const { nonce } = agent.record as T.RunRecord
  const began = performance.now()
  const rules = { ...settings, deadlineMs: MOST_MS, hasEndEvent: kind.hasEndEvent }
  let where: T.State = 'assigned'
  let done = false
  agent.launch()
  try {
    for (;;) {
      const sight = await agent.look()
      const action = decide(where, sight, rules)
      if (action.do === 'finalise') {
        const found = agent.findings()
        const why = kind.explain(sight.exit, await agent.stderrTail(), agent.saidAt)
        const end = finer(
          action,
          found,
          !found.ended?.outcome && action.outcome !== 'success' && why,
        )
        const { outcome, error = '', evidence = '', resetsAt } = end
        await agent.sweep()
        return {
          ...{ outcome, error, evidence, resetsAt, exit: sight.exit },
          findings: relative(found, root),
          asked: await model.asked(name),
          files: await readdir(root),
          ...(await output(join(runs, 'a/1'), kind)),
          left: processes.ofRun(nonce, agent.pid),
          seconds: (performance.now() - began) / 1000,
        }
      }
      if (action.do === 'interrupt') await agent.interrupt(action.why)
      if (action.do === 'kill') await agent.sweep()
      if (stop && !done && (await isTime(stop, root, name, model))) {
        done = true
        if (stop.do === 'timeout') rules.deadlineMs = 1
        else if (stop.do === 'cancel') where = 'pending'
        else kill(processes, agent.pid as number, stop.do === 'group')
      }
      await sleep(20)
    }
  } finally {
    await agent.sweep()
  }
}
