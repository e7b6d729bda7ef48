// What a killed orchestrator had half done is done to its end by the next: found by the torture, each kept here as small as it gets.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { kindOf } from '../../src/agents/index.ts'
import { AgentProcess } from '../../src/core/run.ts'
import { makeFolders } from '../../src/files/make-folders.ts'
import { writeRun } from '../../src/files/run-folder.ts'
import type { RunRecord } from '../../src/types.ts'
import { agentSettings, open, processes, shell } from './harness.ts'

it('a task that a person moved while it ran, killed after run.json and before the record: the record is written', async () => {
  const house = open()
  await makeFolders(house.at)
  house.drop('a.yaml', shell('true'), 'failed')
  const record = {
    ...{ task_id: 'a', attempt: 1, agent_id: 'agent_01', agent_type: 'shell', argv: ['sh'] },
    ...{ nonce: 'a.1.00000000-0000-4000-8000-000000000000', boot_id: 'x', file: 'a.yaml' },
    ...{ assigned_at: '2026-01-01T00:00:00.000Z', ended_at: '2026-01-01T00:00:01.000Z' },
    ...{ outcome: 'cancelled', settled: 'failed', error: 'moved to failed/ while it ran' },
  } as RunRecord
  mkdirSync(join(house.at.runs, 'a/1'), { recursive: true })
  await writeRun(house.at.runs, record)
  writeFileSync(
    join(house.at.state.assigned, 'a_agent_01.yaml'),
    'task_id: a\nagent_id: agent_01\n',
  )
  await house.orchestrator.start()
  await house.until('the record', () => house.result('a') !== null)
  expect(house.result('a')).toMatchObject({ status: 'cancelled', attempt: 1 })
  await house.until('ours is away', () => readdirSync(house.at.state.assigned).length === 0)
  expect(house.files()).toEqual(['failed/a.yaml'])
  await house.until('it is over', () => house.orchestrator.active().length === 0)
})

it('an end that could not be written down is not known: it is written again', async () => {
  const house = open()
  const settings = agentSettings()
  const kind = kindOf('shell', settings)
  const parts = { root: house.at.root, runs: house.at.runs, kind, settings, processes, ended() {} }
  const run = new AgentProcess('shell', 'agent_01', parts)
  await run.prepare('a', 'a.yaml', 'true')
  // In the way of the rename, as a disk that fails would be.
  rmSync(join(house.at.runs, 'a/1/run.json'))
  mkdirSync(join(house.at.runs, 'a/1/run.json/x'), { recursive: true })
  await expect(run.save({ outcome: 'failed' })).rejects.toMatchObject({ code: 'EISDIR' })
  expect(run.record?.outcome).toBeUndefined()
})
