// The recorded runs of fixtures/transcripts, as the core would read them.
// Promises: reads files, judges nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { kinds } from '../../src/agents/index.ts'
import { judge } from '../../src/core/decide.ts'
import { GONE } from '../../src/look/agents.ts'
import { finer } from '../../src/look/verdict.ts'
import type { AgentKind, AgentSettings, Ending, RunSight, Verdict } from '../../src/types.ts'

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
  ...GONE,
  maxInstances: 1,
  ...more,
})

export const CLIS = ['claude', 'codex', 'gemini', 'opencode', 'cursor'] as const

/** The final word on a recorded run, by the core's own functions; `killed`: by a signal. */
export function judged(path: string, now: number): { outcome: string; verdict?: Verdict | Ending } {
  const kind = kinds[path.split('/')[0] as string] as AgentKind
  const { lines, stderr, exit } = transcript(path)
  const clock = () => now
  const reader = kind.reader(clock)
  for (const line of lines) reader.line(line)
  const said = reader.findings()
  const sight: RunSight = {
    ...{ record: null, phase: 'ended', assigned: true, alive: false, endEvent: said.ended },
    exit: exit < 0 ? 128 - exit : exit, // as a shell tells of a signal
    ...{ ageMs: 0, stoppingMs: 0, endedMs: 0, outputMb: 0, events: 1, tools: 0, quietMs: 0 },
  }
  const rules = { ...settings(), deadlineMs: 1, hasEndEvent: kind.hasEndEvent }
  const first = judge('assigned', sight, rules)
  const end = finer(first, said, !said.ended?.outcome && kind.explain(exit, stderr, clock))
  // What the core says by itself is no word of the agent's.
  const ours = end === first && !said.ended
  return {
    outcome: end.outcome === 'crashed' ? 'killed' : end.outcome,
    ...(!ours && { verdict: said.ended?.ok ? said.ended : end }),
  }
}
