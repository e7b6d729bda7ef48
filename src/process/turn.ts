// One look at all processes for all that is asked of them in one turn of the event loop. What nothing of a run was seen of then
// has nothing later either: only what lives forks.

/** `make`, done once in a turn. */
export function inTurn<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => {
    if (!made) {
      made = { value: make() }
      setImmediate(() => {
        made = null
      })
    }
    return made.value
  }
}
