// What was completed long ago and lies out of the way: `tasks/archive/YYYY-MM/`, each task with its record. What depends on
// it may still start. Promises: reading costs one `stat` for each month that did not change.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { orNull } from './files.ts'
import { RECORD_NAME } from './names.ts'
import { SURE_MS } from './stamps.ts'

export function createArchive(folder: string) {
  const months = new Map<string, { stamp: number; ids: ReadonlySet<string> }>()
  const ids = new Set<string>()

  return {
    /** In lower case. */
    ids: ids as ReadonlySet<string>,
    /** Brings `ids` up to date; returns those that came or went. */
    read(): string[] {
      const names = namesIn(folder)
      let other = false
      for (const month of months.keys()) if (!names.includes(month)) other = months.delete(month)
      for (const month of names) {
        const stamp = stampOf(join(folder, month))
        if (months.get(month)?.stamp === stamp) continue
        other = true
        const sure = Date.now() - stamp > SURE_MS
        const own = namesIn(join(folder, month)).flatMap((name) => resultOf(name) ?? [])
        months.set(month, { stamp: sure ? stamp : Number.NaN, ids: new Set(own) })
      }
      if (!other) return []
      const before = new Set(ids)
      ids.clear()
      for (const { ids: own } of months.values()) for (const id of own) ids.add(id)
      return [...before, ...ids].filter((id) => before.has(id) !== ids.has(id))
    },
  }
}

/** `<id>_result.yaml`: the id, in lower case. */
function resultOf(name: string): string | undefined {
  const [, id, what] = RECORD_NAME.exec(name) ?? []
  return what?.toLowerCase() === 'result' ? id?.toLowerCase() : undefined
}

/** Whether a record of that very id lies there. */
export const isArchived = (folder: string, id: string): boolean =>
  namesIn(folder).some((month) => existsSync(join(folder, month, `${id}_result.yaml`)))

/** Where the newest record of an id lies; null: it is not archived. @param id in any case. */
export function findArchived(folder: string, id: string): { month: string; name: string } | null {
  for (const month of namesIn(folder).sort().reverse()) {
    const name = namesIn(join(folder, month)).find((one) => resultOf(one) === id.toLowerCase())
    if (name) return { month, name }
  }
  return null
}

/** None where there is no such folder, or none to be had. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    return orNull(error) ?? []
  }
}

/** NaN: it cannot be told. */
function stampOf(folder: string): number {
  try {
    return statSync(folder).ctimeMs
  } catch (error) {
    return orNull(error) ?? Number.NaN
  }
}
