// An orchestrator that stood still, and whose workspace another has taken meanwhile, starts nothing when it wakes up.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { kindOf } from '../../src/agents/index.ts'
import { createContext } from '../../src/context/context.ts'
import { AgentProcess } from '../../src/core/run.ts'
import { agentSettings, open, processes, shell } from './harness.ts'

it('its lock gone between the claim and the start: no agent is started', async () => {
  const house = open()
  const context = createContext({
    root: house.at.root,
    directory: 'context',
    updateOnCompletion: true,
  })
  const asleep = house.again({
    context: {
      ...context,
      async prompt(task, run) {
        rmSync(house.at.lock, { recursive: true })
        return context.prompt(task, run)
      },
    },
  })
  await asleep.start()
  house.drop('a.yaml', shell('echo >ran'))
  await house.until('it finds out', house.lost)
  expect(house.files()).toEqual(['assigned/a.yaml'])
  expect(readdirSync(house.at.root)).not.toContain('ran')
  expect(readdirSync(join(house.at.runs, 'a/1'))).not.toContain('pid')
})

it('an empty run folder that two find is the attempt of one', async () => {
  const house = open()
  mkdirSync(join(house.at.runs, 'a/1'), { recursive: true })
  const settings = agentSettings()
  const kind = kindOf('shell', settings)
  const parts = { root: house.at.root, runs: house.at.runs, kind, settings, processes, ended() {} }
  const two = ['agent_01', 'agent_02'].map((id) => new AgentProcess('shell', id, parts))
  const ends = await Promise.allSettled(two.map((run) => run.prepare('a', 'a.yaml', 'true')))
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(readdirSync(join(house.at.runs, 'a'))).toEqual(['1'])
})
