// An edit of a task that does not wait: heeded when the task is queued again (DESIGN 2).
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { open, shell } from './harness.ts'

it('an edit of a task at work counts for its next attempt', async () => {
  const house = open((settings) => {
    settings.queue.maxRetries = 1
  })
  const [gate, told] = ['gate', 'told'].map((name) => join(house.at.root, name))
  const script = (word: string, end: string) =>
    shell(`echo ${word} >>'${told}'; while ! test -e '${gate}'; do sleep 0.02; done; ${end}`)
  await house.orchestrator.start()
  house.drop('a.yaml', script('old', 'exit 1'))
  await house.until('it runs', () => existsSync(told as string))
  house.drop('a.yaml', script('new', 'true'), 'assigned')
  await house.until('the remark', () => house.log.some((line) => /was edited while/.test(line)))
  writeFileSync(gate as string, '')
  await house.until('the end', () => !house.files().some((file) => /pending|assigned/.test(file)))
  expect(readFileSync(told as string, 'utf8')).toBe('old\nnew\n')
  expect(house.files()).toEqual(['completed/a.yaml'])
})

it('an edit of a failed task counts for its retry', async () => {
  const house = open((settings) => {
    settings.healthCheckMs = 60_000 // which looks at all, and so forgets what was hinted at
  })
  await house.orchestrator.start()
  house.drop('a.yaml', shell('exit 1'))
  await house.until('it failed', () => house.files().join() === 'failed/a.yaml')
  house.drop('a.yaml', shell('echo mended'), 'failed')
  // Looks go by, as when a person thinks before they type.
  house.drop('b.yaml', shell('true'))
  await house.until('b is done', () => house.files().includes('completed/b.yaml'))
  await house.orchestrator.retry('a')
  await house.until('the end', () => house.files().join() === 'completed/a.yaml,completed/b.yaml')
})

it('also one that gives the file its size and time again', async () => {
  const house = open((settings) => {
    settings.healthCheckMs = 60_000
  })
  await house.orchestrator.start()
  const path = house.drop('a.yaml', shell('exit 1'))
  utimesSync(path, 1e9, 1e9)
  await house.until('it failed', () => house.files().join() === 'failed/a.yaml')
  utimesSync(house.drop('a.yaml', shell('exit 0'), 'failed'), 1e9, 1e9)
  house.drop('b.yaml', shell('true'))
  await house.until('b is done', () => house.files().includes('completed/b.yaml'))
  await house.orchestrator.retry('a')
  await house.until('the end', () => house.files().join() === 'completed/a.yaml,completed/b.yaml')
})

it('a file that cannot be read any more has the id of its name, as after a restart', async () => {
  const house = open()
  await house.orchestrator.start()
  const waits = 'not_before: 2099-01-01T00:00:00Z\n'
  house.drop('a.yaml', shell('true', `id: other\n${waits}`))
  const view = () => house.views()['pending/a.yaml']
  await house.until('it waits', () => view()?.id === 'other')
  house.drop('a.yaml', 'description: [\n')
  await house.until('it is invalid', () => view()?.status === 'invalid')
  expect(view()?.id).toBe('a')
})
