// Processes as Linux tells them: synchronous reads of /proc, one pass, this user's living ones only.
// Promises: a process that vanishes between two reads is left out, never an error; zombies are not living.
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import type { ProcessInfo } from '../types.ts'

/** USER_HZ: 100 on every Linux that Node runs on, whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100
/** PF_KTHREAD among the flags (field 9 of proc(5)); they belong to root, and a pass of root need not read further. */
const KERNEL_THREAD = 0x200000
const MARK = 'ORCHESTRATE_RUN='

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()

export const started = (pid: number): string | null => readStat(pid)?.started ?? null

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

export function list(): ProcessInfo[] {
  const found: ProcessInfo[] = []
  for (const pid of pids()) {
    const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
    if (owner !== me() && owner !== 0) continue
    const stat = readStat(pid)
    if (stat === null || (owner !== me() && !hidden(pid))) continue
    found.push({ pid, ...stat, mark: markIn(read(`/proc/${pid}/environ`)) })
  }
  return found
}

/** Newest first: a chain of short forks is met at its end, before it has hopped on. */
export const pids = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .sort((a, b) => b - a)

export const me = (): number | undefined => process.getuid?.()

/** Ours, though root owns its /proc folder: it has made itself undumpable (ssh-agent). */
function hidden(pid: number): boolean {
  const status = read(`/proc/${pid}/status`)?.toString('latin1') ?? ''
  return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) === me()
}

function readStat(pid: number): Omit<ProcessInfo, 'pid' | 'mark'> | null {
  const text = read(`/proc/${pid}/stat`)?.toString('latin1')
  if (!text) return null
  // The program's name stands in brackets and may hold brackets and spaces itself: proc(5).
  const field = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parent, group, session] = field
  if (Number(field[6]) & KERNEL_THREAD) return null
  // A main thread that has ended shows as a zombie while its other threads (field 20) work on.
  if (state === 'X' || (state === 'Z' && Number(field[17]) < 2)) return null
  return {
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    started: field[19] ?? '',
  }
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
  } catch {
    return null // vanished, or another user's
  }
  try {
    let length = 0
    for (;;) {
      length += readSync(fd, buffer, length, buffer.length - length, null)
      // The kernel fills what it is given: a short read is the end.
      if (length < buffer.length) return buffer.subarray(0, length)
      buffer = Buffer.concat([buffer], length * 2)
    }
  } catch {
    return null // ESRCH: ended while we read
  } finally {
    closeSync(fd)
  }
}
