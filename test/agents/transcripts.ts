// The recorded runs of fixtures/transcripts, as the core would read them.
// Promises: reads files, judges nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { kinds } from '../../src/agents/index.ts'
import type { AgentKind, AgentSettings, Verdict } from '../../src/types.ts'

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

export const CLIS = ['claude', 'codex', 'gemini', 'opencode', 'cursor'] as const

/** The final word on a recorded run, as the core says it: the end event, then the exit status. */
export function judged(path: string, now: number): { outcome: string; verdict?: Verdict } {
  const kind = kinds[path.split('/')[0] as string] as AgentKind
  const { lines, stderr, exit } = transcript(path)
  const clock = () => now
  const reader = kind.reader(clock)
  for (const line of lines) reader.line(line)
  const { ended } = reader.findings()
  const verdict = ended ?? kind.explain(exit, stderr.slice(-4096), clock)
  const outcome = () => {
    if (ended) return ended.ok && exit === 0 ? 'success' : (ended.outcome ?? 'failed')
    // A status that the kind knows is an answer, though it is above 128 (gemini's 144).
    if (verdict?.outcome || verdict?.evidence === `exit ${exit}`) return verdict.outcome ?? 'failed'
    if (exit === 0) return 'no-result'
    return exit < 0 || exit > 128 ? 'killed' : 'failed'
  }
  return { outcome: outcome(), ...(verdict && { verdict }) }
}
