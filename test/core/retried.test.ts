// `retry` and `cancel` right after a move by hand, when the queue still remembers the file where it was.
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { open, shell } from './harness.ts'

it('retry of a task that was moved to failed/ a moment ago loses nothing', async () => {
  const house = open((settings) => {
    settings.queue.settleMs = 3000
  })
  const [pending, failed] = [house.at.state.pending, house.at.state.failed]
  const text = shell('true', 'not_before: 2099-01-01\n')
  await house.orchestrator.start()
  house.drop('a.yaml', text)
  await house.until('it waits', () =>
    /not before/.test(house.views()['pending/a.yaml']?.reason ?? ''),
  )
  renameSync(join(pending, 'a.yaml'), join(failed, 'a.yaml'))
  await house.orchestrator.retry('a')
  expect(house.files()).toEqual(['pending/a.yaml'])
  renameSync(join(pending, 'a.yaml'), join(failed, 'a.yaml'))
  await expect(house.orchestrator.cancel('a')).rejects.toMatchObject({ code: 'NO_TASK' })
  expect(house.files()).toEqual(['failed/a.yaml'])
})

it('retry beside a second file of the id that was removed a moment ago runs it again', async () => {
  const house = open((settings) => {
    settings.queue.settleMs = 2000
  })
  await house.orchestrator.start()
  house.drop('a.yaml', shell('echo again >> said'))
  await house.until('its end', () => house.result('a') !== null)
  house.drop('other.yaml', shell('true', 'id: A\n'))
  await house.until('it is held', () => house.views()['pending/other.yaml']?.status === 'held')
  rmSync(join(house.at.state.pending, 'other.yaml'))
  await house.orchestrator.retry('a')
  await house.until('its second end', async () => (await house.runs('a')).length === 2)
})
