// A yard for nasty agents: the program as it is shipped, one agent type per little program of fixtures/agents, one shell
// as their neighbour. Promises: what is asked of every case is asked here, once: nothing left, no zombie, little memory.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { ResultRecord, RunRecord } from '../../src/types.ts'
import { childrenOf, type Stage, shell, started, stateOf } from '../acceptance/stage.ts'
import { processes } from '../process/world.ts'

export const FOLDER = fileURLToPath(new URL('../../fixtures/agents/', import.meta.url))
/** The whole form of the heavy cases, minutes and gigabytes; the short one is always on. */
export const FULL = process.env.ORCHESTRATE_FULL === '1'
/** Of the orchestrator at its peak, in MB (issue 3). */
const MEMORY = 200

export interface Nasty {
  /** A program of fixtures/agents with its words. */
  run: string
  /** More keys of the type. */
  more?: string
}

/** @param types by name. */
export const yard = (types: Record<string, Nasty>): Promise<Stage> => started(config(types))

export function config(types: Record<string, Nasty>): string {
  const lines = Object.entries(types).map(([name, { run, more }]) => {
    const [program, ...words] = run.split(' ')
    const by = program?.endsWith('.mjs') ? process.execPath : 'sh'
    const command = `${by} '${FOLDER}${program}' ${words.join(' ')}`.trim()
    return `  ${name}: { command: "${command}", max_instances: 1${more ? `, ${more}` : ''} }\n`
  })
  return `agents:\n${lines.join('')}  shell: { max_instances: 1 }
task_queue: { retry_delay_seconds: 0, max_retries: 0, settle_ms: 50 }
monitoring: { health_check_interval: 1 }
`
}

/** One task for each type, named like it. */
export function drop(stage: Stage, ...types: string[]): void {
  for (const type of types)
    stage.drop(`${type}.yaml`, `description: be nasty\npreferred_agent: ${type}\n`)
}

/** The type's program is at work. */
export const working = (stage: Stage, ...types: string[]): Promise<void> =>
  stage.until(`${types} at work`, async () => {
    const busy = (await stage.agents()).filter((one) => one.state === 'busy')
    return types.every((type) => busy.some((one) => one.type === type && alive(stage, type)))
  })

const alive = (stage: Stage, id: string) => left(stage.runs(id)).length > 0

/** Three tasks of the neighbour come to a good end; the last one opens `gate`. */
export async function neighbours(stage: Stage, gate = 'go'): Promise<void> {
  const ids = ['n1', 'n2', 'n3']
  for (const id of ids)
    stage.drop(
      `${id}.yaml`,
      shell(id === 'n3' ? `echo ${id} >>ledger; : >'${gate}'` : `echo ${id} >>ledger`),
    )
  const done = () => ids.every((id) => stage.files().includes(`completed/${id}.yaml`))
  await stage.until('the neighbours', done, 60_000)
  expect(stage.read('ledger').trim().split('\n').sort()).toEqual(ids)
}

/** Its task has come to rest, and the orchestrator has said so; the record of how. */
export async function over(stage: Stage, id: string, ms = 60_000): Promise<Partial<ResultRecord>> {
  const done = () =>
    stage.result(id) !== null &&
    !stage.files().includes(`assigned/${id}.yaml`) &&
    ledger(stage).includes(id)
  await stage.until(`the end of ${id}`, done, ms)
  return stage.result(id) ?? {}
}

/** The ids of what ended, in the order in which the orchestrator has written it down. */
export const ledger = (stage: Stage): string[] =>
  [...stage.log().matchAll(/ (\S+): attempt \d+: (?:success|failed|timeout|crashed)/g)].map(
    ([, id]) => id ?? '',
  )

const left = (runs: RunRecord[]) => {
  const marks = new Set(runs.map((run) => run.nonce))
  return processes.list().filter(({ mark }) => mark !== null && marks.has(mark))
}

/** After each case. Tells the peak. */
export async function checked(stage: Stage, what: string, ...ids: string[]): Promise<void> {
  const pid = stage.pid() as number
  expect(left(ids.flatMap((id) => stage.runs(id))), `${what} left processes`).toEqual([])
  // A child that has just ended is a zombie until its parent has heard of it.
  await stage.until('no zombie', () => childrenOf(pid).every((child) => stateOf(child) !== 'Z'))
  const peak = peakMb(pid)
  console.log(`${what}: the orchestrator had at most ${peak.toFixed(0)} MB`)
  expect(peak, `${what}: the orchestrator's peak in MB`).toBeLessThan(MEMORY)
}

/** VmHWM. */
export const peakMb = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
