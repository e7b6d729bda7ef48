// Who waits beyond `task_queue.max_size`: the last in queue order. Promises: a look costs what came and went, not what waits.
import type { Entry } from '../types.ts'
import type { Folders } from './folders.ts'
import { queueOrder } from './order.ts'

export class Crowd {
  /** Those that are too many, in queue order. */
  readonly late = new Set<Entry>()
  readonly #admitted = new Set<Entry>()
  #most = 0

  /**
   * Brings it up to date, before the news are heeded; returns those whose side is another now.
   * @param came whether a waiting file was read: any place may be another. @param now epoch ms.
   */
  update(queue: Pick<Folders, 'in' | 'news'>, most: number, came: boolean, now: number): Entry[] {
    const waiting = queue.in('pending')
    const { late } = this
    const full = waiting.size > most
    if (!full && late.size === 0) return []
    if (!full || came || most !== this.#most || late.size === 0) {
      const before = new Set(late)
      const order = full ? queueOrder(waiting, now).map(({ entry }) => entry) : []
      this.#most = most
      this.#admitted.clear()
      late.clear()
      for (const [n, entry] of order.entries()) (n < most ? this.#admitted : late).add(entry)
      return [...before, ...late].filter((entry) => before.has(entry) !== late.has(entry))
    }
    for (const entry of [...queue.news.changed, ...queue.news.dropped]) {
      if (waiting.has(entry)) continue
      this.#admitted.delete(entry)
      late.delete(entry)
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
