// What the model (test/model) found, kept as plain stories.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { living, open, shell } from './harness.ts'

it('a second file does not run once the first has succeeded and is taken away: the success is remembered', async () => {
  const house = open()
  await house.orchestrator.start()
  house.drop('a.yaml', shell('while ! test -e go; do sleep 0.05; done'))
  await house.until('it runs', () => house.files().join() === 'assigned/a.yaml')
  house.drop('a.yaml', shell('echo second'))
  await house.until('both are seen', () => house.views()['pending/a.yaml']?.status === 'held')
  writeFileSync(join(house.at.root, 'go'), '')
  await house.until('the end', () => house.files().join() === 'completed/a.yaml,pending/a.yaml')
  await house.until('its record', () => house.result('a') !== null)
  rmSync(join(house.at.state.completed, 'a.yaml'))
  await house.until('why it waits', () =>
    /succeeded before/.test(house.views()['pending/a.yaml']?.reason ?? ''),
  )
  expect(house.files()).toEqual(['pending/a.yaml'])
  expect(await house.runs('a')).toHaveLength(1)
})

it('an edit that came while its agent worked counts when it is queued again', async () => {
  const house = open((settings) => {
    settings.queue.maxRetries = 1
  })
  await house.orchestrator.start()
  house.drop('a.yaml', shell('while ! test -e go; do sleep 0.05; done; echo one >>ledger; exit 1'))
  // Not before: a file that changes between the claim and the start goes back.
  await house.until('it runs', () => living(house, 'a').length > 0)
  house.drop('a.yaml', shell('echo two >>ledger'), 'assigned')
  await house.until('it is told', () => house.log.some((line) => /was edited while/.test(line)))
  writeFileSync(join(house.at.root, 'go'), '')
  await house.until('the end', () => house.files().join() === 'completed/a.yaml')
  expect(readFileSync(join(house.at.root, 'ledger'), 'utf8')).toBe('one\ntwo\n')
})

it('an edit of what failed counts, however soon the retry follows', async () => {
  for (const pause of [0, 20, 100]) {
    const house = open()
    await house.orchestrator.start()
    house.drop('a.yaml', shell('echo one >>ledger; exit 1'))
    await house.until('its failure', () => house.views()['failed/a.yaml']?.status === 'failed')
    house.drop('a.yaml', shell('echo two >>ledger'), 'failed')
    await new Promise((resolve) => setTimeout(resolve, pause)) // the edit is seen, or it is not
    await house.orchestrator.retry('a')
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
    expect(readFileSync(join(house.at.root, 'ledger'), 'utf8')).toBe('one\ntwo\n')
    await house.orchestrator.stop('now')
  }
})
