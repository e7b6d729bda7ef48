// What is done to a run from outside, and when it is time for it.
// Promises: signals reach the run's own group and nothing else.
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Processes } from '../../src/types.ts'
import type { MockModel } from './mock-model.ts'

/** Once the model was asked, or a tool runs: our time-out, a cancel, or SIGKILL by a stranger (`group`: to all of the group). */
export interface Stop {
  once: 'asked' | 'tool'
  do: 'timeout' | 'cancel' | 'kill' | 'group'
}

/** @param root its workspace @param name its conversation */
export async function isTime(stop: Stop, root: string, name: string, model: MockModel) {
  if (stop.once === 'tool') return (await readdir(root)).includes('begun')
  if ((await model.asked(name)).length === 0) return false
  await sleep(300) // it reads what has come of the answer
  return true
}

/** By a stranger: the shim too (`group`), or all but the shim, which tells how its agent ended. */
export function kill(processes: Processes, shim: number, group: boolean): void {
  if (group) process.kill(-shim, 'SIGKILL')
  else
    for (const { pid } of processes.list().filter((one) => one.group === shim && one.pid !== shim))
      process.kill(pid, 'SIGKILL')
}
