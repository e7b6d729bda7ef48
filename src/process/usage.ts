// What the agents cost this machine, all together with their descendants: memory and CPU by pidusage, disk by /proc.
// Promises: processes may vanish at any moment; the first sample gives null, for a rate needs two.
import { readFileSync } from 'node:fs'
import type { Processes, ProcessInfo } from '../types.ts'

const MB = 1024 * 1024
/** pidusage forgets a process, and with it the base of its CPU rate, when it was not asked about for so long. */
const MEMORY_MS = 10 * 60_000

/** Ages are told in hundredths of a second. */
const TICKS_MS = 20

interface Sample {
  at: number
  /** Bytes read and written since its start, by process. */
  bytes: Map<string, number>
}

export function createUsage(
  list: () => ProcessInfo[],
  ageMs: (pid: number) => number | null,
): Processes['usage'] {
  let last: Sample | null = null
  return async (pids) => {
    const before = last
    const now: Sample = { at: performance.now(), bytes: new Map() }
    last = now
    const family = descendants(pids, list())
    const { memory, cpu } = await load(family.map((one) => one.pid))
    let moved = 0
    for (const one of family) {
      const key = `${one.pid} ${one.started}`
      const bytes = diskBytes(one.pid)
      now.bytes.set(key, bytes)
      // What is new since the last sample moved all of its bytes since then. Its age is that of now: a pass takes a while.
      const since = performance.now() - (before?.at ?? 0)
      const isNew = before !== null && (ageMs(one.pid) ?? 0) <= since + TICKS_MS
      moved += Math.max(0, bytes - (before?.bytes.get(key) ?? (isNew ? 0 : bytes)))
    }
    if (before === null) return null
    const seconds = Math.max(0.001, (now.at - before.at) / 1000)
    return { memoryMb: memory / MB, cpuPercent: cpu, diskMbps: moved / MB / seconds }
  }
}

function descendants(pids: number[], all: ProcessInfo[]): ProcessInfo[] {
  const family = new Set(pids)
  // A Set gives out what is added while it is walked.
  for (const pid of family) {
    for (const one of all) if (one.parent === pid) family.add(one.pid)
  }
  return all.filter((one) => family.has(one.pid))
}

/** Resident bytes (a page that two share counts twice) and percent of one core, summed. */
async function load(pids: number[]): Promise<{ memory: number; cpu: number }> {
  if (pids.length === 0) return { memory: 0, cpu: 0 }
  const { default: pidusage } = await import('pidusage')
  // It rejects when none of them lives any more.
  const stats = await pidusage(pids, { maxage: MEMORY_MS }).catch(() => ({}))
  const sum = { memory: 0, cpu: 0 }
  for (const one of Object.values(stats)) {
    if (!one) continue // this one has vanished
    sum.memory += one.memory
    sum.cpu += one.cpu
  }
  return sum
}

/** 0 where the system does not tell. */
function diskBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/io`, 'latin1')
    const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? 0)
    return of('read_bytes') + of('write_bytes')
  } catch {
    return 0
  }
}
