// The only module that knows what a process is: identity, marks, signals, open files, cost.
// Promises the interface `Processes` of the core, on Linux in full, elsewhere as far as `ps` can tell.
import type { Processes } from '../types.ts'
import { editor } from './editor.ts'
import { ofRun } from './marks.ts'
import * as proc from './proc.ts'
import * as ps from './ps.ts'
import { isUnseen, signal, sweep } from './sweep.ts'
import { inTurn } from './turn.ts'
import { createUsage } from './usage.ts'
import { writers } from './writers.ts'

export function createProcesses(platform: NodeJS.Platform = process.platform): Processes {
  const system = platform === 'linux' ? { ...proc, writers } : ps
  const { bootId, started, suspended, ageMs, list } = system
  const seen = inTurn(() => system.look())
  const twice = inTurn(() => [seen(), system.look()])
  /** Nothing is left of it: many runs that end together are told so by the same two looks, the first of which found them not living. */
  const isOver = (nonce: string, shim: number | null) =>
    shim !== null &&
    started(shim) === null &&
    twice().every(({ all, changing }) => changing === 0 && ofRun(nonce, shim, all).length === 0) &&
    !isUnseen(shim, twice()[1]?.all ?? [])
  return {
    bootId,
    started,
    suspended,
    ageMs,
    list,
    ofRun: (nonce, shim, all = seen().all) => ofRun(nonce, shim, all),
    signal: (nonce, shim, name) => signal(list, nonce, shim, name),
    async sweep(nonce, shim) {
      if (isOver(nonce, shim)) return
      await sweep(system.look, nonce, shim, undefined, system.strangersIn)
    },
    writers: system.writers,
    editor: (folder, name, names) => editor(living(started), folder, name, names),
    usage: createUsage(list, ageMs),
  }
}

/** Another user's process may be hidden from us; then the kernel still says that it is not ours to signal. */
const living = (started: Processes['started']) => (pid: number) => {
  try {
    process.kill(pid, 0)
    return started(pid) !== null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
