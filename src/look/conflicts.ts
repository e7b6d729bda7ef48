// Two runs at one time that report one path (DESIGN 2): which. Holds only runs that one still at work may overlap.
import type { RunRecord } from '../types.ts'

export function createConflicts() {
  let recent: RunRecord[] = []
  /** The earlier runs that overlapped `run` and share paths with it. @param begun when the oldest living run began (epoch ms). */
  return function meet(run: RunRecord, begun: number): { other: RunRecord; shared: string }[] {
    recent = recent.filter((other) => Date.parse(other.ended_at ?? '') > begun)
    if (run.outcome !== 'success' || !Array.isArray(run.files_modified)) return []
    const mine = new Set(run.files_modified)
    const found = recent.flatMap((other) => {
      const overlaps = other.task_id !== run.task_id && (other.ended_at ?? '') > run.assigned_at
      const shared =
        overlaps && Array.isArray(other.files_modified)
          ? other.files_modified.filter((path) => mine.has(path))
          : []
      return shared.length ? [{ other, shared: shared.join(', ') }] : []
    })
    recent.push(run)
    return found
  }
}
