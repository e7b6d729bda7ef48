// The recorded runs of fixtures/transcripts, as the core would read them.
// Promises: reads files, judges nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AgentSettings } from '../../src/types.ts'

const FOLDER = fileURLToPath(new URL('../../fixtures/transcripts/', import.meta.url))

export interface Transcript {
  lines: string[]
  stderr: string
  exit: number
}

export function transcript(path: string): Transcript {
  const text = (ending: string) => {
    try {
      return readFileSync(`${FOLDER}${path}.${ending}`, 'utf8')
    } catch {
      return '' // nothing was said there
    }
  }
  return { lines: text('out').split('\n'), stderr: text('err'), exit: Number(text('code')) }
}

export const cases = (cli: string): string[] =>
  readdirSync(`${FOLDER}${cli}`)
    .filter((name) => name.endsWith('.code'))
    .map((name) => `${cli}/${name.slice(0, -5)}`)

export const settings = (more: Partial<AgentSettings> = {}): AgentSettings => ({
  command: [],
  maxInstances: 1,
  maxOutputMb: 100,
  retryOnFailure: true,
  env: {},
  inheritEnv: 'all',
  ...more,
})
