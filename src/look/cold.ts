// Settled tasks that nothing asks for: of what was done long ago the name, the id and the stamp are remembered, and no more.
// Promises: whoever asks by id or name gets an entry that is read anew; two of one id are never both here.
import { stem } from '../files/names.ts'
import { isSettled, type Settled, type State } from '../types.ts'

const low = (text: string) => text.toLowerCase()

export class ColdTasks {
  /** By id and by the stem of the name, in lower case. */
  readonly #by = new Map<string, Settled>()
  readonly #count = { completed: 0, failed: 0 }
  #unsure: Settled[] = []

  /** `false`: another one has its id or name. */
  add(one: Settled): boolean {
    const [id, name] = [low(one.id), low(stem(one.name))]
    if (this.#by.has(id) || this.#by.has(name)) return false
    this.#by.set(id, one)
    if (name !== id) this.#by.set(name, one)
    this.#count[one.state]++
    if (one.learnt !== null) this.#unsure.push(one)
    return true
  }

  /** @param key an id or the stem of a name, in lower case. */
  at(key: string): Settled | undefined {
    return this.#by.get(key)
  }

  get(state: string, name: string): Settled | undefined {
    const one = this.#by.get(low(stem(name)))
    return one?.name === name && one.state === state ? one : undefined
  }

  /** All of a folder. */
  *in(state: string): Iterable<Settled> {
    for (const [key, one] of this.#by) if (one.state === state && key === low(one.id)) yield one
  }

  count(state: State): number {
    return isSettled(state) ? this.#count[state] : 0
  }

  /** It is one of these. */
  take(one: Settled): void {
    this.#count[one.state]--
    this.#by.delete(low(one.id))
    this.#by.delete(low(stem(one.name)))
  }

  /** The next of those whose runs were not looked at since they were taken for what a row says. */
  unsure(most: number): Settled[] {
    return this.#unsure.splice(-most).filter((one) => this.get(one.state, one.name) === one)
  }

  get behind(): boolean {
    return this.#unsure.length > 0
  }
}
