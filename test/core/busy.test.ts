// The loop where much happens at once: a start in a storm of changes.
import { it } from 'vitest'
import { open } from './harness.ts'

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
