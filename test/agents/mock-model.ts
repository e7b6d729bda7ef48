// Starts fixtures/mock-model and asks it what it was asked.
// Promises: one process, gone when `stop` resolves.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../fixtures/mock-model/main.mjs', import.meta.url))

/** One request, as fixtures/mock-model/log.mjs keeps it. */
export interface Asked {
  at: number
  path: string
  /** The name that `MOCK:case NAME` gave. */
  case: string | null
  login: 'key' | 'bearer' | 'none'
  model?: string
  /** The word that was followed; none: not a question to the model. */
  word?: string
  tools?: number
  /** Words and answers of the whole conversation that was sent. */
  asked: string[]
  said: string[]
  results: number
}

export interface MockModel {
  url: string
  /** The questions of one conversation so far, oldest first. */
  asked(name: string): Promise<Asked[]>
  stop(): Promise<void>
}

export async function mockModel(): Promise<MockModel> {
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  const model: ChildProcess = spawn(process.execPath, [PROGRAM], { stdio })
  const ended = once(model, 'exit')
  const [line] = (await once(model.stdout ?? model, 'data')) as [Buffer]
  const { url } = JSON.parse(line.toString('utf8')) as { url: string }
  return {
    url,
    async asked(name) {
      const all = (await (await fetch(`${url}/log`)).json()) as Asked[]
      return all.filter((one) => one.case === name && one.word !== undefined)
    },
    async stop() {
      model.kill('SIGTERM')
      await ended
    },
  }
}
