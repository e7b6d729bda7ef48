// The word a person probably meant. Pure, no imports: any layer may use it.
// Promises: a suggestion only when about two thirds of the letters agree; the first of equals wins.

/** `prioirty` among [`priority`, …] → `priority`; undefined when nothing is near. Compares without case. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined // no key is that long, and the distance is quadratic
  let best: string | undefined
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1
  for (const candidate of candidates) {
    const far = distance(word.toLowerCase(), candidate.toLowerCase())
    if (far >= least) continue
    least = far
    best = candidate
  }
  return best
}

/** Damerau-Levenshtein (optimal string alignment): insert, remove, replace, swap neighbours; each costs 1. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(get(last, j) + 1, get(row, j - 1) + 1, get(last, j - 1) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, get(before, j - 2) + 1)
      }
      row.push(cost)
    }
    before = last
    last = row
  }
  return get(last, b.length)
}

const get = (row: number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY
