// The end: no more load and faults, all that can run runs, and then everything is checked once more at rest. Promises:
// returns the figures of the tasks; what it cannot bring to rest is a violation.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from './command.mjs'
import { quietly, STATES } from './world.mjs'

/** ms: the retries, time-outs and graces of what is still under way. */
const LONGEST = 180_000
/** Why a task may wait for ever: what it needs failed or was removed; or it was moved back when it had succeeded. */
const EXPECTED = /depends on|waits for|it succeeded before/

export function createDrain(parts) {
  const { world, book, journal, command, keeper, hands, places, runs, processes, mirror } = parts

  async function rested() {
    const end = Date.now() + LONGEST
    for (;;) {
      const said = await command(['status', '--json'])
      const status = said.code === 0 ? JSON.parse(said.out) : null
      const stuck = status?.waiting.filter(({ reason }) => !EXPECTED.test(reason))
      if (status && !status.active.length && !stuck.length) return
      if (Date.now() > end) {
        const about = status ? JSON.stringify([status.active, stuck.slice(0, 20)]) : said.err
        journal.violation('it does not come to rest', `within ${LONGEST / 1000} s`, about)
        return
      }
      await sleep(1000)
    }
  }

  /** The same answer without its index, after another start. */
  async function rebuilt() {
    const before = await command(['tasks', '--json'])
    await command(['stop'])
    rmSync(world.database, { force: true })
    const stopped = await command(['tasks', '--json'])
    await keeper.up({ calmly: true })
    const after = await command(['tasks', '--json'])
    const rows = ({ code, out }) =>
      code === 0
        ? JSON.parse(out)
            .map(({ file, status }) => `${file} ${status}`)
            .sort()
            .join('\n')
        : ''
    if (rows(before) !== rows(after))
      journal.violation(
        'the rebuilt index differs',
        'tasks --json',
        differ(rows(before), rows(after)),
      )
    if (rows(before) !== rows(stopped))
      journal.violation(
        'the answer without an orchestrator differs',
        'tasks --json',
        differ(rows(before), rows(stopped)),
      )
  }
  function differ(one, other) {
    const [a, b] = [new Set(one.split('\n')), new Set(other.split('\n'))]
    const only = (x, y) =>
      [...x]
        .filter((line) => !y.has(line))
        .slice(0, 5)
        .join(', ')
    return `only before: ${only(a, b)}; only after: ${only(b, a)}`
  }

  /** What the program itself says of its promises. A draft that a kill left half written breaks none. */
  async function verified() {
    const { code, out, err } = await command(['verify', '--json'])
    const findings = quietly(() => JSON.parse(out).findings) ?? [{ level: 'broken', code: err }]
    const broken = findings.filter((one) => one.level === 'broken' && one.code !== 'draft-old')
    for (const one of broken) journal.violation('verify', `${one.code} ${one.file}`, one.message)
    return {
      code,
      broken: broken.length,
      drafts: findings.filter((one) => one.code === 'draft-old').length,
    }
  }

  function figures(ran) {
    const all = [...book.tasks.values()]
    const inState = (state) =>
      all.filter((task) => task.archived === state || existsSync(book.path(task, state)))
    const isCancelled = (task) => {
      const folder = task.archived ? world.archive : join(world.root, 'tasks')
      const path = join(folder, 'failed', `${task.id}_result.yaml`)
      const record = existsSync(path) ? readFileSync(path, 'utf8') : ''
      return record === '' || /^status: cancelled$/m.test(record)
    }
    const failed = inState('failed')
    const cancelled = failed.filter(isCancelled).length
    return {
      ...{ given: journal.counts.given ?? 0, completed: inState('completed').length },
      ...{ failed: failed.length - cancelled, cancelled },
      removed: all.filter((task) => task.removed).length,
      waiting: inState('pending').length,
      ...ran,
    }
  }

  return async function drain() {
    journal.did('drain')
    await hands.resolveAll()
    await keeper.up({ calmly: true })
    await rested()
    await hands.resolveAll()
    await rested()
    await places()
    await processes.check()
    await mirror()
    processes.measure()
    processes.sample()
    await rebuilt()
    const verify = await verified()
    await command(['stop'])
    await places()
    const ran = runs.check()
    runs.settled()
    const left = await processes.none()
    for (const state of STATES)
      if (!existsSync(world.state[state])) journal.violation('a folder is gone', state)
    return { ...figures(ran), left, verify }
  }
}
