// What a start leaves behind is given back: V8 collects garbage when more is asked for, and who only waits asks for nothing.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** ms after which it is done, once. */
const LATER_MS = 30_000

/** Does not hold the process open. Not by `node:inspector`, whose session stops the thread that begins it. */
export function collectLater(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    setFlagsFromString('--no-expose-gc')
    collect()
  }, LATER_MS).unref()
}
