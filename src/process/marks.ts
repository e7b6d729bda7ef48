// Which processes belong to a run. Pure. Promises: never a process of someone else that has got a dead shim's number,
// never this process, never pid 1.
import type { ProcessInfo } from '../types.ts'

/**
 * Those that carry the mark; and those in a group or session that is the run's, for they may have dropped their
 * environment (`env -i`). A group or session is the run's when its leader carries the mark. That of the shim also
 * when any member does (a number is not given out again while a group or session bears it), or when no process of
 * that number lives and no member carries another run's mark.
 */
export function ofRun(nonce: string, shim: number | null, all: ProcessInfo[]): number[] {
  const ids = new Set(all.filter((one) => nonce !== '' && one.mark === nonce).map((one) => one.pid))
  if (shim !== null && shim > 1) {
    const members = all.filter((one) => one.group === shim || one.session === shim)
    const told = members.some((one) => ids.has(one.pid))
    const untold = members.every((one) => one.pid !== shim && one.mark === null)
    if (told || untold) ids.add(shim)
  }
  return all
    .filter((one) => one.pid > 1 && one.pid !== process.pid)
    .filter((one) => [one.pid, one.group, one.session].some((id) => ids.has(id)))
    .map((one) => one.pid)
}

/** The groups that hold none but these. To signal a group is one act: nobody in it can fork away from it. */
export function wholeGroups(pids: number[], all: ProcessInfo[]): number[] {
  const ours = new Set(pids)
  const groups = new Set(all.filter((one) => ours.has(one.pid)).map((one) => one.group))
  const mixed = new Set(all.filter((one) => !ours.has(one.pid)).map((one) => one.group))
  return [...groups].filter((group) => group > 1 && !mixed.has(group))
}
