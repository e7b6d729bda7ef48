// What there is to see of one run, from its folder and its workspace.
// Promises: reads; paths are made relative to the workspace.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type * as T from '../../src/types.ts'
import type { Asked } from './mock-model.ts'

export interface Seen {
  outcome: T.Outcome
  error: string
  evidence: string
  resetsAt: number | undefined
  exit: number | null
  findings: T.Findings
  /** What the mock model was asked in this run. */
  asked: Asked[]
  /** Names in the workspace; `findings.files` are made relative to it. */
  files: string[]
  stdout: string
  stderr: string
  /** As `logs` shows it. */
  readable: string
  /** Processes of the run that live after its sweep. */
  left: number[]
  seconds: number
}

export const relative = (found: T.Findings, root: string): T.Findings => ({
  ...found,
  files: found.files?.map((path) => path.replace(`${root}/`, '')) ?? null,
})

export async function output(folder: string, kind: T.AgentKind) {
  const [stdout, stderr] = await Promise.all(
    ['stdout', 'stderr'].map((name) => readFile(join(folder, name), 'utf8')),
  )
  const lines = (stdout ?? '').split('\n').flatMap((line) => kind.readable(line) ?? [])
  return { stdout: stdout ?? '', stderr: stderr ?? '', readable: lines.join('\n') }
}
