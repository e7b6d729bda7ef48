// What must hold though everyone is in the way: writers, lingering agents, removed run folders, a stop in mid-claim.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { TaskDistributor } from '../../src/look/agents.ts'
import { type House, living, open, shell, simulated } from './harness.ts'

const runs = (house: House, id: string) =>
  house.until(
    `${id} runs`,
    () => house.files().includes(`assigned/${id}.yaml`) && living(house, id).length > 0,
  )

it('an agent that said its success and does not leave is ended, and its success stands', async () => {
  const house = open((settings) => {
    settings.agents = { claude: simulated(1) }
  })
  await house.orchestrator.start()
  house.drop('a.yaml', 'description: Create a.txt SIM:linger SIM:ignore-int\n')
  await house.until('the end', () => house.result('a') !== null, 40_000)
  expect(house.result('a')).toMatchObject({ status: 'success', attempt: 1 })
  expect(living(house, 'a')).toEqual([])
})

it('thirty files that a program holds open: none runs, and what is whole does not wait for them', async () => {
  const house = open()
  await house.orchestrator.start()
  const names = Array.from({ length: 30 }, (_, n) => `held-${n}`)
  const program = `const fs = require('fs'); for (const path of process.argv.slice(1)) { const fd = fs.openSync(path, 'w'); fs.writeSync(fd, 'priority: high\\npreferred_agent: shell\\ndescription: echo >>ran\\n') } setInterval(() => {}, 1000)`
  const paths = names.map((name) => join(house.at.state.pending, `${name}.yaml`))
  const writer = spawn(process.execPath, ['-e', program, ...paths], { stdio: 'ignore' })
  try {
    await house.until('they wait', () =>
      Object.values(house.views()).some((view) => /open for writing/.test(view.reason ?? '')),
    )
    house.drop('whole.yaml', shell('true'))
    await house.until('the whole one', () => house.files().includes('completed/whole.yaml'))
    expect(existsSync(join(house.at.root, 'ran'))).toBe(false)
    expect(house.files()).toHaveLength(31)
  } finally {
    writer.kill('SIGKILL')
  }
  await house.until(
    'all',
    () => house.files().every((file) => file.startsWith('completed/')),
    60_000,
  )
}, 90_000)

it('a task that is cancelled by hand, its run folder removed at once, leaves no process and blocks nobody', async () => {
  const house = open((settings) => {
    settings.agents.shell = { ...(settings.agents.shell as object), maxInstances: 1 } as never
  })
  await house.orchestrator.start()
  house.drop('a.yaml', shell('sleep 600'))
  await runs(house, 'a')
  renameSync(join(house.at.state.assigned, 'a.yaml'), join(house.at.state.failed, 'a.yaml'))
  // Until no file is written into it just then.
  await house.until('it is removed', () =>
    rm(join(house.at.runs, 'a'), { recursive: true }).then(
      () => true,
      (error) => error.code === 'ENOENT',
    ),
  )
  await house.until('it is gone', () => living(house, 'a').length === 0)
  house.drop('b.yaml', shell('true'))
  await house.until('b', () => house.files().includes('completed/b.yaml'))
  await house.until('all is over', () => house.orchestrator.active().length === 0)
  expect(house.orchestrator.halted()).toBeNull()
})

it('stop --now also ends the run that was just being begun', async () => {
  const house = open((settings) => {
    settings.agents.shell = { ...(settings.agents.shell as object), maxInstances: 4 } as never
  })
  await house.orchestrator.start()
  for (const id of ['a', 'b', 'c', 'd']) house.drop(`${id}.yaml`, shell('sleep 600'))
  await house.until('the first begins', () => house.orchestrator.active().length > 0)
  await house.orchestrator.stop('now')
  expect(house.files().every((file) => file.startsWith('pending/'))).toBe(true)
  for (const id of ['a', 'b', 'c', 'd']) expect(living(house, id)).toEqual([])
  expect(house.lost()).toBe(false)
}, 60_000)

it('an edit that comes while the folders are being read is seen by the next look', async () => {
  const house = open((settings) => {
    settings.healthCheckMs = 60_000 // it looks at everything, too
  })
  await house.orchestrator.start()
  for (let n = 0; n < 300; n++) {
    house.drop(`wait-${n}.yaml`, shell('true', 'not_before: 2999-01-01\n'))
  }
  const read = () =>
    Object.values(house.views()).filter(({ reason }) => reason?.startsWith('not before'))
  await house.until('all are read', () => read().length === 300)
  for (let round = 0; round < 30; round++) {
    house.orchestrator.poke()
    await new Promise((resolve) => setTimeout(resolve, round))
    const words = `echo ${round}`
    const name = 'wait-0.yaml' // the first that is read, so the edit comes after that
    writeFileSync(join(house.at.state.pending, name), shell(words, 'not_before: 2999-01-01\n'))
    await house.until(
      'the edit',
      () => house.views()[`pending/${name}`]?.description.trim() === words,
      10_000, // a full scan, which needs no hint, comes every 15 s
    )
  }
})

it('a run that is over frees only its own agent', () => {
  const agents = new TaskDistributor()
  agents.registerAgent('agent_01', 'shell')
  agents.busy('agent_01', 'a', 1)
  agents.release('agent_01', 'a', false)
  agents.busy('agent_01', 'b', 2)
  agents.busy('agent_01', 'a', 1) // its move is tried again
  agents.release('agent_01', 'a', false)
  expect(agents.getAgentStatus()).toMatchObject({
    agent_01: { state: 'busy', taskId: 'b', pid: 2 },
  })
})

it('cancel says it when a file of that name is in failed/ already, and leaves both', async () => {
  const house = open()
  await house.orchestrator.start()
  house.drop('a.yaml', 'description: old\nid: other\n', 'failed')
  house.drop('a.yaml', shell('true', 'not_before: 2999-01-01\n'))
  await house.until('both', () => house.files().length === 2)
  await expect(house.orchestrator.cancel('a')).rejects.toMatchObject({ code: 'IN_THE_WAY' })
  expect(house.files()).toEqual(['failed/a.yaml', 'pending/a.yaml'])
  expect(house.records()).toEqual([])
  expect(readFileSync(join(house.at.state.failed, 'a.yaml'), 'utf8')).toContain('old')
})
