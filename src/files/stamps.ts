// What tells whether a file is the same as before. Pure.
import type { Stats } from 'node:fs'

/** ms that something must have stood still before it was read, for its time stamp to tell whether it is the same now: that of some file systems is coarse. */
export const SURE_MS = 3000

/** `body`: the same file with the same bytes; `stamp`: nor was it moved or touched. */
export function stamps(seen: Stats): { body: string; stamp: string } {
  const { ino, size, mtimeMs, ctimeMs } = seen
  // Joined, not put together: of that, V8 keeps the parts, which is three times as much.
  const body = [ino.toString(36), size.toString(36), micros(mtimeMs)].join(':')
  // Mostly it is the same: of a hundred thousand, nobody keeps it twice.
  return { body, stamp: [body, ctimeMs === mtimeMs ? '' : micros(ctimeMs)].join(':') }
}

/** More is not told of a time. */
const micros = (ms: number) => Math.round(ms * 1000).toString(36)
