// Agents that end while something of them goes on, or before anything has begun. Each leaves nothing, and is what its end says.
import { expect, it } from 'vitest'
import { checked, drop, ledger, neighbours, over, working, yard } from './yard.ts'

it('forks away twice, holds stdout, ends before its prompt is read: done, and nothing is left', async () => {
  const types = {
    'forks-away': { run: 'forks-away.sh' },
    'holds-stdout': { run: 'holds-stdout.sh' },
    'leaves-at-once': { run: 'leaves-at-once.sh' },
  }
  const stage = await yard(types)
  const names = Object.keys(types)
  drop(stage, ...names)
  await working(stage, 'forks-away', 'holds-stdout')
  await neighbours(stage)
  for (const name of names) {
    expect(await over(stage, name), name).toMatchObject({ status: 'success', attempt: 1 })
  }
  // What lingers is given ten seconds; the neighbours need not wait for that.
  expect(ledger(stage).slice(-2).sort()).toEqual(['forks-away', 'holds-stdout'])
  expect(stage.read('context/agent_outputs/holds-stdout_output.md')).toContain('the work is done')
  await checked(stage, 'what forks away and holds on', ...names)
})
