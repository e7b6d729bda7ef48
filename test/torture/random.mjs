// Chance that can be replayed: the same seed gives the same numbers (mulberry32).

export function chance(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n) => Math.floor(next() * n)
  return {
    next,
    below,
    pick: (list) => list[below(list.length)],
    /** `count` of them, in an order by chance; all when there are no more. */
    some(list, count = list.length) {
      const all = [...list]
      for (let n = all.length - 1; n > 0; n--) {
        const other = below(n + 1)
        ;[all[n], all[other]] = [all[other], all[n]]
      }
      return all.slice(0, count)
    },
  }
}
