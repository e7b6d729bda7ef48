// The loop where much happens at once: a start in a storm of changes, a run that is found late on an agent that has begun
// another. Both were found by the soak.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { agentSettings, open, shell } from './harness.ts'

it('is ready, and answers, though something changes all the time', async () => {
  const house = open()
  let storm = true
  const change = () => {
    house.orchestrator.poke()
    if (storm) setImmediate(change)
  }
  change()
  let answered = false
  const work = house.orchestrator
    .start()
    .then(() => house.orchestrator.add([{ description: 'true', preferred_agent: 'shell' }]))
    .then(([id]) => house.orchestrator.cancel(id as string).catch(() => 'it was quicker'))
    .finally(() => {
      answered = true
    })
  try {
    await house.until('an answer', () => answered, 10_000)
  } finally {
    storm = false
    await work
  }
})

it('a run that is found late frees no agent that has begun another', async () => {
  const house = open((settings) => {
    settings.agents = { shell: agentSettings({ maxInstances: 1 }) }
  })
  const gate = (name: string) => join(house.at.root, name)
  const waits = (name: string) => shell(`while ! test -e '${gate(name)}'; do sleep 0.02; done`)
  await house.orchestrator.start()
  house.drop('a.yaml', waits('one'))
  await house.until('it runs', () => existsSync(join(house.at.runs, 'a/1/pid')))
  await house.orchestrator.stop('detach')
  // Ended and removed while nobody looked: its record in assigned/ leads to it, once that has stood still.
  rmSync(join(house.at.state.assigned, 'a.yaml'))
  writeFileSync(gate('one'), '')
  await house.until('its end', () =>
    /\d/.test(readFileSync(join(house.at.runs, 'a/1/exit'), 'utf8')),
  )
  house.drop('b.yaml', waits('two'))
  house.drop('c.yaml', shell('true'))
  await house.again().start()
  const outcome = async (id: string) => (await house.runs(id)).at(-1)?.outcome
  await house.until('it is found', async () => (await outcome('a')) === 'cancelled')
  writeFileSync(gate('two'), '')
  await house.until('all is done', () =>
    house.files().join().includes('completed/b.yaml,completed/c'),
  )
  const [[first], [second]] = [await house.runs('b'), await house.runs('c')]
  const order = [first, second].sort((x, y) => (x && y && x.assigned_at < y.assigned_at ? -1 : 1))
  expect(Date.parse(order[1]?.assigned_at ?? '')).toBeGreaterThanOrEqual(
    Date.parse(order[0]?.ended_at ?? ''),
  )
})
