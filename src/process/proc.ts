// Processes as Linux tells them: synchronous reads of /proc, one pass, this user's living ones only.
// Promises: a process that vanishes between two reads is left out, never an error, and one that we
// cannot read because we ran out of files is never taken for gone; zombies are not living.
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { orNull } from '../files/files.ts'
import type { ProcessInfo } from '../types.ts'

/** USER_HZ: 100 on every Linux that Node runs on, whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100
/** PF_KTHREAD among the flags (field 9 of proc(5)); they belong to root, and a pass of root need not read further. */
const KERNEL_THREAD = 0x200000
const MARK = 'ORCHESTRATE_RUN='

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()

export function started(pid: number): string | null {
  const field = fields(pid)
  return field && isLiving(field) ? identity(field).started : null
}

/** `T` by a signal, `t` by a tracer. */
export const suspended = (pid: number): boolean => /^t$/i.test(fields(pid)?.[0] ?? '')

/** By the boot clock, which also counts sleep, and which no one can set. */
export function ageMs(pid: number): number | null {
  const ticks = started(pid)
  return ticks === null ? null : Math.max(0, bootClock() - Number(ticks) / TICKS_PER_SECOND) * 1000
}

/** Seconds since boot. Some containers show an uptime of their own (lxcfs): then our own start is the measure. */
function bootClock(): number {
  const uptime = Number.parseFloat(readFileSync('/proc/uptime', 'latin1'))
  const ownStart = Number(started(process.pid)) / TICKS_PER_SECOND
  return Math.max(uptime, ownStart + process.uptime())
}

export const list = (): ProcessInfo[] => look().all

/**
 * One pass; `met` hears of each process at once, before it can do much. `changing`: how many could not be judged: one
 * in the middle of an `exec` shows no environment for a moment, which is long on a busy machine; one that ends while
 * we look may leave a child that was born behind our back, so who is new is looked at too, until nobody ended.
 */
export function look(met: (one: ProcessInfo) => void = () => {}): Sight {
  const all: ProcessInfo[] = []
  const seen = new Set<number>()
  let changing = 0
  for (let round = 0; round < ROUNDS; round++) {
    let ended = 0
    for (const pid of pids().filter((one) => !seen.has(one))) {
      seen.add(pid)
      const one = describe(pid)
      if (one === 'ended') ended++
      if (typeof one === 'string') continue
      const mark = markOf(pid)
      if (mark === undefined) changing++
      all.push({ ...one, mark: mark ?? null })
      met({ ...one, mark: mark ?? null })
    }
    if (ended === 0) return { all, changing }
  }
  return { all, changing: changing + 1 }
}

/** A chain of forks that outruns so many rounds outruns us altogether. */
const ROUNDS = 50

interface Sight {
  all: ProcessInfo[]
  changing: number
}

/** Newest first: a chain of short forks is met at its end. Numbers start again from below when they are used up. */
export function pids(): number[] {
  const newest = Number(/\d+\s*$/.exec(readFileSync('/proc/loadavg', 'latin1'))?.[0])
  const age = (pid: number) => (pid > newest ? newest + HIGHEST - pid : newest - pid)
  const kernel = kernelThreads()
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && !kernel.has(pid))
    .sort((a, b) => age(a) - age(b))
}

/**
 * Of which a machine has some hundreds, told in one read: what kthreadd started. It adopts nobody, so that none of a run is
 * among them. Those that are left out of a list that changes while it is read are looked at as all others; in a container 2 may
 * be anyone, and where the kernel does not tell children, all are looked at.
 */
function kernelThreads(): Set<number> {
  const its = read(`/proc/${KTHREADD}/task/${KTHREADD}/children`)?.toString('latin1')
  if (!its || !isKernel(fields(KTHREADD) ?? [])) return new Set()
  return new Set(its.split(' ').map(Number))
}
const KTHREADD = 2
/** PID_MAX_LIMIT of the kernel. */
const HIGHEST = 2 ** 22

/** It does not change while we live. */
export const me = process.getuid?.()

/** Whether anyone of another user is in a group: root may signal them, and a pass leaves them out. */
export const strangersIn = (group: number): boolean =>
  pids().some(
    (pid) =>
      Number(fields(pid)?.[2]) === group &&
      statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid !== me,
  )

function describe(pid: number): Omit<ProcessInfo, 'mark'> | 'foreign' | 'ended' {
  const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
  if (owner === undefined) return 'ended'
  if (owner !== me && owner !== 0) return 'foreign'
  const field = fields(pid)
  if (field === null) return 'ended'
  if (isKernel(field) || (owner !== me && !hidden(pid))) return 'foreign'
  return isLiving(field) ? { pid, ...identity(field) } : 'ended'
}

/** Undefined: cannot be known now. */
function markOf(pid: number): string | null | undefined {
  const path = `/proc/${pid}/environ`
  const environ = read(path)
  if (environ?.length !== 0) return markIn(environ)
  // An `env -i`, or the middle of an `exec` (then its memory has no place for an environment either), or of its end.
  return fields(pid)?.[48] === '0' ? undefined : markIn(read(path))
}

/** Ours, though root owns its /proc folder: it has made itself undumpable (ssh-agent). */
function hidden(pid: number): boolean {
  const status = read(`/proc/${pid}/status`)?.toString('latin1') ?? ''
  return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) === me
}

const isKernel = (field: string[]): boolean => (Number(field[6]) & KERNEL_THREAD) !== 0

/** A main thread that has ended shows as a zombie while its other threads (field 20) work on. */
const isLiving = ([state, ...rest]: string[]): boolean =>
  state !== 'X' && (state !== 'Z' || Number(rest[16]) > 1)

const identity = ([, parent, group, session, ...rest]: string[]) => ({
  parent: Number(parent),
  group: Number(group),
  session: Number(session),
  started: rest[15] ?? '',
})

/** Those of /proc/<pid>/stat from the third on: number 3 of proc(5) is [0]. */
function fields(pid: number): string[] | null {
  const text = read(`/proc/${pid}/stat`)?.toString('latin1')
  // The program's name stands in brackets and may hold brackets and spaces itself.
  return text ? text.slice(text.lastIndexOf(')') + 2).split(' ') : null
}

function markIn(environ: Buffer | null): string | null {
  for (let at = environ?.indexOf(MARK) ?? -1; environ && at >= 0; ) {
    if (at === 0 || environ[at - 1] === 0) {
      const end = environ.indexOf(0, at)
      return environ.toString('utf8', at + MARK.length, end < 0 ? environ.length : end)
    }
    at = environ.indexOf(MARK, at + 1)
  }
  return null
}

/** Grows to the largest environment seen, and is used again: a pass reads hundreds of these files. */
let buffer = Buffer.alloc(64 * 1024)

/** A view that is valid until the next read. Null: gone, or not ours to read. */
function read(path: string): Buffer | null {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    return orNull(error) // vanished, or another user's
  }
  try {
    let length = 0
    for (;;) {
      length += readSync(fd, buffer, length, buffer.length - length, null)
      // The kernel fills what it is given: a short read is the end.
      if (length < buffer.length) return buffer.subarray(0, length)
      buffer = Buffer.concat([buffer], length * 2)
    }
  } catch (error) {
    return orNull(error) // ESRCH: ended while we read
  } finally {
    closeSync(fd)
  }
}
