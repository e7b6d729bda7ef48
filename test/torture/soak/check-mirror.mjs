// `tasks --json` is what lies in the folders. Promises: only what stood still while we looked is compared.
import { sleep } from './command.mjs'

/** ms: a change must be in the answer within this. */
const LATE = 15_000

export function createMirror({ book, journal, command, keeper }) {
  const places = () =>
    new Map([...book.tasks.values()].map((task) => [task.name, book.places(task).join()]))

  async function compare() {
    const before = places()
    const pid = keeper.pid()
    const said = await command(['tasks', '--json'])
    const after = places()
    if (said.code !== 0 || !pid || keeper.pid() !== pid) return null
    const rows = JSON.parse(said.out)
    const files = new Map(rows.map((row) => [row.file, row]))
    const wrong = new Map()
    for (const task of book.tasks.values()) {
      const place = before.get(task.name)
      if (place !== after.get(task.name) || task.busy) continue
      for (const state of place ? place.split(',') : []) {
        const row = files.get(`tasks/${state}/${task.name}`)
        const fits =
          row && (row.status === state || row.status === 'held' || row.status === 'invalid')
        if (!fits) wrong.set(`${task.id} ${state}`, row ? `it says ${row.status}` : 'no row')
      }
    }
    for (const row of rows) {
      const [, state, name] = row.file.split('/')
      const place = before.get(name)
      if (place === undefined || place !== after.get(name)) continue
      if (!place.split(',').includes(state)) wrong.set(`${name} ${state}`, 'a row without its file')
    }
    return wrong
  }

  /** While it works: a difference that stays. */
  return async function check() {
    const from = Date.now()
    let wrong = null
    for (;;) {
      const now = await compare()
      const calm = now && !book.stormy(from, Date.now())
      if (!calm) return
      wrong = new Map([...now].filter(([key, what]) => !wrong || wrong.get(key) === what))
      if (!wrong.size) return
      if (Date.now() - from > LATE) break
      await sleep(1000)
    }
    for (const [key, what] of wrong)
      journal.violation('the index differs from the files', key, what)
  }
}
