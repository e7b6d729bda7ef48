// What waits is planned again when what it waits for comes, and no sooner: the stories behind look/standing.ts.
import { readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeFolders } from '../../src/files/make-folders.ts'
import { open, shell } from './harness.ts'

it('those that lack their context, however many, are in no one’s way', async () => {
  const house = open((settings) => {
    settings.agents.shell = { ...settings.agents.shell, maxInstances: 1 } as never
  })
  const lacking = 'priority: high\ncontext_files: [gone.md]\ncontext_required: true\n'
  await makeFolders(house.at)
  for (let n = 0; n < 200; n++) house.drop(`lacking-${n}.yaml`, shell('true', lacking))
  house.drop('last.yaml', shell('true', 'priority: low\n'))
  await house.orchestrator.start()
  await house.until('the last', () => house.files().includes('completed/last.yaml'))
  await house.until('all reasons', () =>
    Object.values(house.views()).every(
      ({ status, reason }) => status !== 'pending' || /waits for gone\.md/.test(reason ?? ''),
    ),
  )
  writeFileSync(join(house.at.root, 'gone.md'), 'here\n')
  await house.until('one of them', () => house.files().some((one) => /completed.lacking/.test(one)))
})

it('a context file that led outside is looked at again: no event tells that its link was put right', async () => {
  const house = open()
  const link = join(house.at.root, 'notes.md')
  symlinkSync('/etc/hostname', link)
  await house.orchestrator.start()
  house.drop('a.yaml', shell('true', 'context_files: [notes.md]\n'))
  await house.until('it is held', () =>
    /outside/.test(house.views()['pending/a.yaml']?.reason ?? ''),
  )
  unlinkSync(link)
  writeFileSync(link, 'inside\n')
  await house.until('its end', () => house.files().join() === 'completed/a.yaml')
})

it('what succeeded and is moved to assigned/ goes back and is held: it does not run twice', async () => {
  const house = open()
  await house.orchestrator.start()
  house.drop('a.yaml', shell('true'))
  await house.until('its end', () => house.result('a') !== null)
  await house.orchestrator.finished()
  renameSync(join(house.at.state.completed, 'a.yaml'), join(house.at.state.assigned, 'a.yaml'))
  await house.until('it is held', () =>
    /succeeded before/.test(house.views()['pending/a.yaml']?.reason ?? ''),
  )
  await house.orchestrator.finished()
  expect(await house.runs('a')).toHaveLength(1)
  // Until a person takes its past away.
  rmSync(join(house.at.runs, 'a'), { recursive: true })
  await house.until('its second end', () => house.files().join() === 'completed/a.yaml')
})

it('what waits for a time is not kept from it by a reason to be held that ends before', async () => {
  const house = open((settings) => {
    settings.queue.maxSize = 1
  })
  await house.orchestrator.start()
  const soon = new Date(Date.now() + 1500).toISOString()
  house.drop('first.yaml', shell('true', `not_before: ${soon}\npriority: high\n`))
  house.drop('second.yaml', shell('true', `not_before: ${soon}\n`))
  await house.until('the second is too many', () =>
    /queue is full/.test(house.views()['pending/second.yaml']?.reason ?? ''),
  )
  await house.until('both', () => house.files().every((one) => one.startsWith('completed/')))
})

it('those beyond max_size follow one by one', async () => {
  const house = open((settings) => {
    settings.queue.maxSize = 2
  })
  await makeFolders(house.at)
  for (let n = 0; n < 7; n++) house.drop(`t${n}.yaml`, shell('true'))
  await house.orchestrator.start()
  await house.until('all', () => house.files().filter((one) => /^completed/.test(one)).length === 7)
})

it('an agent that becomes free takes the head of a long line, in order', async () => {
  const house = open((settings) => {
    settings.agents.shell = { ...settings.agents.shell, maxInstances: 1 } as never
  })
  await house.orchestrator.start()
  house.drop('gate.yaml', shell('while ! test -e go; do sleep 0.05; done'))
  await house.until('it runs', () => house.files().join() === 'assigned/gate.yaml')
  const order = ['low-1', 'normal-1', 'high-1', 'low-2', 'normal-2', 'high-2']
  for (const [n, name] of order.entries()) {
    const at = new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString()
    const more = `priority: ${name.split('-')[0]}\ncreated_at: ${at}\n`
    house.drop(`${name}.yaml`, shell(`echo ${name} >>order`, more))
  }
  await house.until('all wait', () => Object.keys(house.views()).length === 7)
  writeFileSync(join(house.at.root, 'go'), '')
  await house.until('all', () => house.files().filter((one) => /^completed/.test(one)).length === 7)
  expect(readFileSync(join(house.at.root, 'order'), 'utf8').trim().split('\n')).toEqual(
    order.toSorted((a, b) => rank(a) - rank(b)),
  )
})
const rank = (name: string) =>
  ['high-1', 'high-2', 'normal-1', 'normal-2', 'low-1', 'low-2'].indexOf(name)
