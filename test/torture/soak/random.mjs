// Chance that can be had again: the same seed gives the same sequence of choices. Promises: no other source of chance is
// used by the soak, so what it chose can be read off its seed (when things happen is the machine's own).

/** mulberry32, by Tommy Ettinger (public domain). */
export function chance(seed) {
  let state = seed >>> 0
  function next() {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const between = (low, high) => low + (high - low) * next()
  return {
    between,
    whole: (low, high) => Math.floor(between(low, high + 1)),
    maybe: (part) => next() < part,
    one: (list) => list[Math.floor(next() * list.length)],
    /** A waiting time of this mean, never longer than four times it. */
    wait: (mean) => Math.min(-Math.log(1 - next()) * mean, 4 * mean),
    /** @param weights `{ name: weight }` */
    pick(weights) {
      const all = Object.entries(weights)
      let at = next() * all.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [name, weight] of all) {
        at -= weight
        if (at < 0) return name
      }
      return all[0][0]
    },
  }
}
