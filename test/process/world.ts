// Real processes for the tests, and the proof that none of them is left.
// Everything is started in a session of its own, as a run is; `leaveNothing` belongs into every afterEach.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { createProcesses } from '../../src/process/index.ts'

export const processes = createProcesses()
/** Both ways to look at the same processes: what is asked of one is asked of the other, as far as `ps` can tell. */
export const ways = [
  ['/proc', processes],
  ['ps', createProcesses('freebsd')],
] as const

/** Waits for a condition, never for a time. */
export async function until<T>(
  what: string,
  met: () => T | null | false | Promise<T | null | false>,
  ms = 20_000,
): Promise<T> {
  for (const end = Date.now() + ms; ; ) {
    const value = await met()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${ms} ms for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const started: { pid: number; child: ChildProcess; mark: string | undefined }[] = []
const folders: string[] = []

/** Starts `sh -c script` as leader of a new session; `mark`: its ORCHESTRATE_RUN. */
export function run(script: string, mark?: string): { pid: number; child: ChildProcess } {
  return start('sh', ['-c', script], mark)
}

export function start(command: string, args: string[], mark?: string) {
  const env: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm' }
  delete env.ORCHESTRATE_RUN
  if (mark !== undefined) env.ORCHESTRATE_RUN = mark
  const child = spawn(command, args, { detached: true, stdio: ['pipe', 'pipe', 'ignore'], env })
  const { pid } = child
  if (pid === undefined) throw new Error(`${command} did not start`)
  started.push({ pid, child, mark })
  return { pid, child }
}

/** The first line that it prints, as a number. */
export async function printed(child: ChildProcess): Promise<number> {
  let text = ''
  child.stdout?.on('data', (chunk) => {
    text += chunk
  })
  await until('a printed number', () => text.includes('\n'))
  return Number(text.trim())
}

/** Ended and reaped: its number is no process any more. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** A number that has just been a process, and is none. */
export async function deadPid(): Promise<number> {
  const { pid, child } = run('exit 0')
  await ended(child)
  return pid
}

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'proc-'))
  folders.push(made)
  return made
}

/** Ends what the test itself has to end: processes that are not a run's. */
export async function end(...children: ChildProcess[]): Promise<void> {
  for (const child of children) {
    process.kill(-Number(child.pid), 'SIGKILL')
    await ended(child)
    await until(
      'an empty session',
      () => !processes.list().some((one) => one.session === child.pid),
    )
  }
}

/** Fails when anything that the test started still lives; and ends it, so that one failure is not many. */
export async function leaveNothing(): Promise<void> {
  const sessions = new Set(started.map((one) => one.pid))
  const marks = new Set(started.map((one) => one.mark ?? 'none'))
  const left = processes
    .list()
    .filter((one) => sessions.has(one.session) || marks.has(one.mark ?? ''))
    .map((one) => one.pid)
  spawnSync('kill', ['-9', ...left.map(String)]) // one may have just ended
  for (const { child } of started.splice(0)) await ended(child)
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
  expect(left, 'left running').toEqual([])
}
