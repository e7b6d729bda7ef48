// The last moment of an orchestrator: what still happens then is left to the next one.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { open } from './harness.ts'

it('what changes while it puts its papers away is no take-over, and holds nothing up', async () => {
  const house = open(() => {}, {
    // As an agent's end does, or a SIGHUP: look again.
    closing: async () => house.orchestrator.poke(),
  })
  await house.orchestrator.start()
  await house.orchestrator.stop('wait')
  await sleep(100) // a look begins in a millisecond
  expect(house.log).toEqual([])
  expect(house.lost()).toBe(false)
})
