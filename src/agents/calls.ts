// The tool calls that began and did not end yet.
// Promises: bounded; an end without a beginning counts for nothing.

/** More at once is no agent at work; what lies above is not counted. */
const MOST = 1000

export interface Calls {
  began(id: string): void
  ended(id: string): void
  /** A turn is over, and with it all its calls. */
  over(): void
  open(): number
}

export function calls(): Calls {
  const open = new Set<string>()
  const key = (id: string) => id.slice(0, 200)
  return {
    began(id) {
      if (open.size < MOST) open.add(key(id))
    },
    ended: (id) => void open.delete(key(id)),
    over: () => open.clear(),
    open: () => open.size,
  }
}
