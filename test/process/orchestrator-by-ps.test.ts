// A whole orchestrator that knows processes by `ps` alone, as on a system without /proc: it starts, follows, ends and
// adopts runs, and leaves nothing.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createProcesses } from '../../src/process/index.ts'
import { open, processes, shell } from '../core/harness.ts'

it('runs, cancels and adopts', async () => {
  const house = open(() => {}, { processes: createProcesses('freebsd') })
  const left = async (id: string) =>
    (await house.runs(id)).flatMap(({ nonce }) => processes.ofRun(nonce, null))
  await house.orchestrator.start()
  house.drop('away.yaml', shell(`setsid sh -c 'trap "" INT; sleep 600' & sleep 600`))
  house.drop('stays.yaml', shell('while ! test -e go; do sleep 0.1; done'))
  await house.until(
    'both at work',
    async () => (await left('away')).length > 2 && (await left('stays')).length > 1,
  )
  renameSync(join(house.at.state.assigned, 'away.yaml'), join(house.at.state.failed, 'away.yaml'))
  await house.until('its end', () => house.result('away')?.status === 'cancelled', 60_000)
  expect(await left('away')).toEqual([])
  expect((await left('stays')).length).toBeGreaterThan(1)

  await house.orchestrator.stop('detach')
  await house.again().start()
  writeFileSync(join(house.at.root, 'go'), '')
  await house.until('the end', () => house.result('stays')?.status === 'success')
  expect(await house.runs('stays')).toHaveLength(1)
  expect(await left('stays')).toEqual([])
}, 120_000)
