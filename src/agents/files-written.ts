// Which files an agent's own tool events say it wrote.
// Promises: a path is listed only after its tool call succeeded; null (git decides) as soon as anything ran that can write unseen.

/** More than this is no list for a person; git tells it better. */
const MAX_FILES = 1000
const MAX_PATH = 4096

export interface FilesWritten {
  /** A call that will write `path` began; `ended` tells how it went. */
  began(id: string, path: string): void
  ended(id: string, ok: boolean): void
  wrote(path: string): void
  /** A shell command, a subagent, a foreign tool: from here on the events no longer tell everything. */
  unseen(): void
  list(): string[] | null
}

export function filesWritten(): FilesWritten {
  const open = new Map<string, string>()
  const files = new Set<string>()
  let told = true
  const unseen = () => {
    told = false
    open.clear()
    files.clear()
  }
  const fits = (path: string) =>
    path !== '' && path.length <= MAX_PATH && open.size + files.size < MAX_FILES
  return {
    unseen,
    began(id, path) {
      if (!told) return
      if (fits(path) && id.length <= MAX_PATH) open.set(id, path)
      else unseen()
    },
    ended(id, ok) {
      const path = open.get(id)
      open.delete(id)
      if (ok && path !== undefined) files.add(path)
    },
    wrote(path) {
      if (!told || files.has(path)) return
      if (fits(path)) files.add(path)
      else unseen()
    },
    // A call without its end (the run was killed) may have written or not.
    list: () => (told && open.size === 0 ? [...files] : null),
  }
}
