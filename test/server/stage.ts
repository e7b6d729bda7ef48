// A server on a real socket, over a real index and an orchestrator that only remembers what it was asked.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openIndex } from '../../src/index/index.ts'
import { createDispatch } from '../../src/server/dispatch.ts'
import { type Served, serve } from '../../src/server/serve.ts'
import { socketPath } from '../../src/server/socket.ts'
import { type NewTask, OrchestrateError, type Orchestrator } from '../../src/types.ts'

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'orchestrate-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

function stub() {
  const asked: unknown[][] = []
  const known = (id: string) => {
    if (id === 'bug') throw new TypeError('a secret of ours')
    if (id === 'full') throw new OrchestrateError('FULL', 'the queue is full', 'wait')
    if (id !== 'a') throw new OrchestrateError('NO_TASK', `there is no task \`${id}\``)
  }
  const orchestrator: Orchestrator = {
    start: async () => void asked.push(['start']),
    stop: async (how) => void asked.push(['stop', how]),
    finished: async () => {},
    poke: () => void asked.push(['poke']),
    reconfigure: () => {},
    async add(tasks: NewTask[]) {
      asked.push(['add', tasks])
      return tasks.map(({ id }, i) => id ?? `task_${i + 1}`)
    },
    async retry(id) {
      known(id)
      return `${id} waits again`
    },
    async resume(type) {
      known(type)
      return `${type} takes tasks again`
    },
    async cancel(id) {
      known(id)
      return `${id} is cancelled`
    },
    halted: () => 'the disk is full',
    active: () => ['a'],
  }
  return { asked, orchestrator }
}

/** Serves a workspace `root`; closed at the end of the test. */
export async function stage({ root, checkMs }: { root?: string; checkMs?: number } = {}) {
  const home = root ?? (await folder())
  const path = socketPath(home)
  const lines: string[] = []
  const log = (level: string, text: string) => void lines.push(`${level} ${text}`)
  const index = await openIndex({ file: join(home, 'tasks.db'), log })
  const { asked, orchestrator } = stub()
  const operations = createDispatch(
    {
      ...{ index, orchestrator, pid: 4711, notes: () => ['a note'] },
      stop: (how) => void asked.push(['stop', how]),
    },
    log,
  )
  const start = (): Promise<Served> =>
    serve({ path, operations, log, ...(checkMs !== undefined && { checkMs }) })
  const served = await start()
  onTestFinished(async () => {
    await served.close()
    await index.close()
  })
  return { root: home, path, index, asked, lines, served, start }
}
