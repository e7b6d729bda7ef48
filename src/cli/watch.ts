// `orchestrate status --watch`: the live table of an orchestrator that runs elsewhere. Promises: on a terminal only;
// ends with Ctrl-C (130), and waits for an orchestrator that is not there yet.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Workspace } from '../files/workspace.ts'
import { OrchestrateError } from '../types.ts'
import type { World } from './act.ts'
import { live } from './live.ts'
import { agentsOf, type Picture, statusOf } from './picture.ts'

/** ms between two looks. */
const EVERY = 500

export async function watch(at: Workspace, { out, env }: World): Promise<number> {
  if (!out.live) {
    const message = '`--watch` draws on a terminal, and this is none'
    throw new OrchestrateError('USAGE', message, 'without it `orchestrate status` prints once')
  }
  const enough = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => enough.abort())
  const view = live(out)
  while (!enough.signal.aborted) {
    view.draw(await picture(at, env))
    await sleep(EVERY, null, { signal: enough.signal }).catch(() => {}) // aborted: the loop sees it
  }
  view.end()
  return 130
}

async function picture(at: Workspace, env: NodeJS.ProcessEnv): Promise<Picture> {
  const status = await statusOf(at)
  return { status, agents: status.running ? await agentsOf(at, env) : [] }
}
