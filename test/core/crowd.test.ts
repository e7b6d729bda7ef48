// Who waits beyond max_size: whatever comes and goes, it is the last of the queue, and the look is told whose side is another.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Crowd } from '../../src/look/crowd.ts'
import { queueOrder } from '../../src/look/order.ts'
import type { Entry } from '../../src/types.ts'

const happens = fc.oneof(
  { weight: 3, arbitrary: fc.record({ what: fc.constant('add'), n: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('claim'), n: fc.nat() }) },
  fc.record({ what: fc.constant('back'), n: fc.nat() }),
  fc.record({ what: fc.constant('most'), n: fc.nat({ max: 6 }) }),
)

it('the late are the last, and those that changed sides are told', () => {
  fc.assert(
    fc.property(fc.array(happens, { minLength: 1, maxLength: 40 }), (events) => {
      const waiting = new Set<Entry>()
      const away: Entry[] = []
      const crowd = new Crowd()
      let most = 3
      for (const [now, { what, n }] of events.entries()) {
        const before = new Set(crowd.late)
        const one = [...waiting][n % waiting.size]
        if (what === 'add') waiting.add(entryOf(n, now))
        else if (what === 'most') most = n
        else if (what === 'back') {
          const [entry] = away.splice(n % away.length, 1)
          if (entry) waiting.add(entry)
        } else if (one) {
          waiting.delete(one)
          away.push(one)
        }
        const told = crowd.update(waiting, most, what === 'add', now)
        const last = queueOrder(waiting, now).slice(most)
        expect([...crowd.late]).toEqual(last.map(({ entry }) => entry))
        const other = [...before, ...crowd.late].filter(
          (each) => before.has(each) !== crowd.late.has(each) && waiting.has(each),
        )
        expect(new Set(told.filter((each) => waiting.has(each)))).toEqual(new Set(other))
      }
    }),
    { numRuns: 1000 },
  )
})

const PRIORITIES = ['high', 'normal', 'low'] as const
function entryOf(n: number, now: number): Entry {
  const id = `t${now}`
  const file = `tasks/pending/${id}.yaml`
  return {
    ...{ state: 'pending', name: `${id}.yaml`, path: `/w/${file}`, file, id, problem: null },
    ...{ body: '', stamp: '', ctimeMs: now, since: 0, ours: true, goneSince: null },
    ...{ edited: false, learnt: null },
    task: {
      ...{ id, description: id, priority: PRIORITIES[n] ?? 'low', createdAt: now },
      ...{ dependencies: [], contextFiles: [], contextRequired: false, subtasks: [], labels: [] },
      remarks: [],
    },
  }
}
