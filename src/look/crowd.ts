// Who waits beyond `task_queue.max_size`: the last in queue order. Promises: no more than that many are admitted, and no fewer while others
// wait; where there is room for all, a look costs nothing.
import type { Entry } from '../types.ts'
import { queueOrder } from './order.ts'

export class Crowd {
  /** Those that are too many, in queue order. */
  readonly late = new Set<Entry>()
  readonly #admitted = new Set<Entry>()
  #most = 0

  /**
   * Brings it up to date; returns those whose side is another now.
   * @param came whether a waiting file was read: any place may be another. @param now epoch ms.
   */
  update(waiting: ReadonlySet<Entry>, most: number, came: boolean, now: number): Entry[] {
    const { late } = this
    const full = waiting.size > most
    if (!full && late.size === 0) return []
    for (const side of [late, this.#admitted])
      for (const entry of side) if (!waiting.has(entry)) side.delete(entry)
    const back = [...waiting].some((one) => one.task && !late.has(one) && !this.#admitted.has(one))
    if (!full || came || back || most !== this.#most) {
      const before = new Set(late)
      const order = full ? queueOrder(waiting, now).map(({ entry }) => entry) : []
      this.#most = most
      this.#admitted.clear()
      late.clear()
      for (const [n, entry] of order.entries()) (n < most ? this.#admitted : late).add(entry)
      return [...before, ...late].filter((entry) => before.has(entry) !== late.has(entry))
    }
    const free: Entry[] = []
    for (const entry of late) {
      if (this.#admitted.size >= most) break
      late.delete(entry)
      this.#admitted.add(entry)
      free.push(entry)
    }
    return free
  }
}
