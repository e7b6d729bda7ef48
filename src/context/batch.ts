// Many that arrive together are done in one go. Promises: one batch at a time, in order of arrival;
// each caller's promise settles with its own batch.

export function batched<T>(work: (batch: T[]) => Promise<void>): (one: T) => Promise<void> {
  let waiting: T[] = []
  let next: Promise<void> | null = null
  let current: Promise<void> = Promise.resolve()
  return (one) => {
    waiting.push(one)
    if (!next) {
      next = current.then(() => {
        const batch = waiting
        waiting = []
        next = null
        return work(batch)
      })
      current = next.catch(() => {}) // its callers are told; the batch after it starts all the same
    }
    return next
  }
}
