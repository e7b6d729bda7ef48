// index = files: after any work by hand and by agents, what SQL answers is what lies in the folders.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openIndex } from '../../src/index/index.ts'
import { createShow } from '../../src/index/picture.ts'
import { STATES } from '../../src/types.ts'
import { open, shell } from '../core/harness.ts'

const IDS = ['a', 'b', 'c', 'd']
const anyStep = fc.oneof(
  fc.record({
    do: fc.constant('drop' as const),
    id: fc.constantFrom(...IDS),
    text: fc.constantFrom(
      shell('true'),
      shell('exit 1'),
      shell('sleep 0.2'),
      'description: [broken\n',
      'description: x\n',
      shell('true', 'dependencies: [a]\n'),
    ),
  }),
  fc.record({ do: fc.constant('add' as const), id: fc.constantFrom(...IDS) }),
  fc.record({
    do: fc.constant('move' as const),
    id: fc.constantFrom(...IDS),
    from: fc.constantFrom(...STATES),
    to: fc.constantFrom(...STATES),
  }),
  fc.record({
    do: fc.constant('remove' as const),
    id: fc.constantFrom(...IDS),
    from: fc.constantFrom(...STATES),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(120) }),
)

it('after random drops, moves and removals', async () => {
  const quietly = (act: () => void) => {
    try {
      act()
    } catch {
      // the file is elsewhere by now: as when a person is late
    }
  }
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 3, maxLength: 10 }), async (steps) => {
      let index = null as Awaited<ReturnType<typeof openIndex>> | null
      const log = () => {}
      const house = open((settings) => {
        settings.queue.retryDelayMs = 0
      }, {})
      index = await openIndex({ file: house.settings.database, log })
      await house.again({ show: createShow(index, log) }).start()
      try {
        for (const step of steps) {
          const path = (state: (typeof STATES)[number]) =>
            join(house.at.state[state], `${'id' in step ? step.id : ''}.yaml`)
          if (step.do === 'drop')
            quietly(() => writeFileSync(path('pending'), step.text, { flag: 'wx' }))
          else if (step.do === 'add') {
            // What is there already refuses it.
            const task = { id: step.id, description: 'true', preferred_agent: 'shell' }
            await house.orchestrator.add([task]).catch(() => {})
          } else if (step.do === 'move') quietly(() => renameSync(path(step.from), path(step.to)))
          else if (step.do === 'remove') quietly(() => rmSync(path(step.from)))
          else await new Promise((resolve) => setTimeout(resolve, step.ms))
        }
        const inFiles = () => house.files().join()
        const inIndex = () =>
          (index?.dump().tasks ?? [])
            .map((row) => row.file.slice('tasks/'.length))
            .sort()
            .join()
        await house.until(
          'rest',
          () =>
            house.orchestrator.active().length === 0 &&
            inIndex() === inFiles() &&
            house.records().every((name) => !name.startsWith('assigned/')),
        )
        const status = index.status({ pid: 1 })
        const counts = Object.values(status.tasks).reduce((sum, n) => sum + n, 0)
        expect(counts).toBe(house.files().length)
        for (const row of index.dump().tasks) {
          expect(readdirSync(join(house.at.root, row.file, '..'))).toContain(
            row.file.split('/').at(-1),
          )
          if (row.status === 'held' || row.status === 'invalid') expect(row.reason).toBeTruthy()
          if (row.outcome === 'success' && row.status === 'completed') {
            expect(
              readFileSync(join(house.at.state.completed, `${row.id}_result.yaml`), 'utf8'),
            ).toContain('status: success')
          }
        }
        for (const { outcome, nonce } of index.dump().runs) expect(outcome, nonce).toBeTruthy()
      } finally {
        await house.orchestrator.stop('now')
        await index.close()
      }
    }),
    { numRuns: Number(process.env.ORCHESTRATE_RUNS ?? 12), endOnFailure: true },
  )
}, 180_000)
