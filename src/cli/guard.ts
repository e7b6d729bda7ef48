// What the agents together may use (`performance.*`, DESIGN 6). Promises: above a limit nothing is claimed; only memory
// that stays above for 30 s ends a run, and then the newest one, one at a time.
import type { Processes, Settings } from '../types.ts'

/** ms of too much memory before a run is ended: builds have short peaks. */
const PATIENCE_MS = 30_000

export interface Verdict {
  /** Why nothing may be claimed; null when all is well. */
  claims: string | null
  /** The newest run must end. */
  end: boolean
}

export function createGuard(
  usage: Processes['usage'],
  now: () => number = () => performance.now(),
): (pids: (number | null)[], limits: Settings['limits']) => Promise<Verdict> {
  let overSince: number | null = null
  return async (pids, { memoryMb, cpuPercent, diskMbps }) => {
    const used = await usage(pids.filter((pid) => pid !== null))
    if (!used) return { claims: null, end: false }
    const over = (name: string, is: number, most: number | undefined, unit: string) =>
      most !== undefined && is > most
        ? `the agents use ${Math.round(is)} ${unit} (${name} is ${most})`
        : null
    const memory = over('performance.max_memory_mb', used.memoryMb, memoryMb, 'MB of memory')
    overSince = memory ? (overSince ?? now()) : null
    const end = overSince !== null && now() - overSince > PATIENCE_MS
    // The next one, if it comes to that, is given its own time.
    if (end) overSince = now()
    const claims =
      memory ??
      over('performance.max_cpu_percent', used.cpuPercent, cpuPercent, '% of one core') ??
      over('performance.max_disk_io_mbps', used.diskMbps, diskMbps, 'MB/s of disk')
    return { claims, end }
  }
}
