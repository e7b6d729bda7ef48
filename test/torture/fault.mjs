// The one fault of a process: which call it waits for, and what happens there. Promises: told by the environment alone (see
// fault-points.mjs); the calls that node makes of itself within a call are not counted.
import fs from 'node:fs'
import { pointOf } from './points.mjs'

const { FAULT_ROOT: root = '', FAULT_POINTS: points, FAULT_HIT: hit } = process.env
const fault = process.env.FAULT ? JSON.parse(process.env.FAULT) : null
const [, always, times] = /^(always:)?(\d+)$/.exec(process.env.FAULT_WARP ?? '') ?? []
/** As they are before anything is wrapped. */
const raw = { ...fs }
const list = points ? raw.openSync(points, 'a') : null
const counts = new Map()
let inside = 0
let warped = false

/** Called before each changing call: what is to happen at it; null: nothing. */
export function at(act, path, to) {
  if (inside || path === undefined) return null
  const point = pointOf(root, act, path, to)
  if (!point) return null
  if (list !== null) raw.writeSync(list, `${point.label}\t${point.of}\n`)
  if (fault?.label !== point.label || fault.of !== point.of) return null
  const k = (counts.get(point.label) ?? 0) + 1
  counts.set(point.label, k)
  if (k !== fault.k) return null
  if (hit) raw.writeFileSync(hit, `${point.label}\n`)
  if (times && !always) warp(Number(times))
  if (fault.act === 'kill') process.kill(process.pid, 'SIGKILL')
  if (fault.act === 'stop') process.kill(process.pid, 'SIGSTOP')
  return fault.act
}

export const die = () => process.kill(process.pid, 'SIGKILL')
export const isError = (act) => /^E[A-Z]+$/.test(act)
/** As node makes them: the program may tell a failure of the machine by its `syscall`. */
export const errorOf = (code, act, path) =>
  Object.assign(new Error(`${code}: by the torture, ${act} '${path}'`), {
    code,
    syscall: act,
    path,
  })
export const DELAY_MS = 2000

function warp(factor) {
  if (warped) return
  warped = true
  const [now, set] = [performance.now.bind(performance), globalThis.setTimeout]
  const from = now()
  Object.defineProperty(performance, 'now', { value: () => from + (now() - from) * factor })
  globalThis.setTimeout = Object.assign(
    (work, ms = 0, ...more) => set(work, ms / factor, ...more),
    set,
  )
}
if (always) warp(Number(times))

/** Runs `work` without counting what node calls of itself in it. */
export function quietly(work) {
  inside++
  try {
    return work()
  } finally {
    inside--
  }
}

export const isInside = () => inside > 0
