// What a start leaves behind is given back: V8 collects garbage when more is asked for, and who only waits asks for nothing.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** ms that were quiet before it is done, twice: each takes the whole thread. */
const QUIET_MS = 10_000
/** Node 22 and 24 give nothing back for less; for node 20 it is one more collection. */
const ALL = { type: 'major', execution: 'sync', flavor: 'last-resort' }
/** The part of them in which something was done. */
const QUIET = 0.03

/**
 * Where there is work, V8 does it by itself, and nobody waits for all of it at once: 0.4 s with 100,000 tasks. Does not hold the
 * process open. Not by `node:inspector`, whose session stops the thread that begins it.
 */
export function collectLater(how?: typeof ALL): void {
  const { eventLoopUtilization } = performance
  const before = eventLoopUtilization()
  setTimeout(() => {
    if (eventLoopUtilization(before).utilization > QUIET) return collectLater(how)
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as (how?: object) => void
    setFlagsFromString('--no-expose-gc')
    collect(how)
    if (!how) collectLater(ALL)
  }, QUIET_MS).unref()
}
