// What happens between two steps of an action: each forced here, as it would need a very unlucky moment.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { kindOf } from '../../src/agents/index.ts'
import { TaskQueue } from '../../src/core/queue.ts'
import { AgentProcess } from '../../src/core/run.ts'
import { makeFolders } from '../../src/files/make-folders.ts'
import { nextAttempt, readShim } from '../../src/files/run-folder.ts'
import type { Entry, RunRecord } from '../../src/types.ts'
import { agentSettings, type House, open, processes, shell } from './harness.ts'

afterEach(() => vi.unstubAllEnvs())

const agent = (house: House) => {
  const settings = agentSettings()
  const kind = kindOf('shell', settings)
  const parts = { root: house.at.root, runs: house.at.runs, kind, settings, processes, ended() {} }
  return new AgentProcess('shell', 'agent_01', parts)
}
const onDisk = (house: House): RunRecord =>
  JSON.parse(readFileSync(join(house.at.runs, 'a/1/run.json'), 'utf8'))

/** Begun, and working until there is a file `go`. */
async function working(house: House, script = '') {
  const run = agent(house)
  await run.prepare('a', 'a.yaml', `${script}\n: >begun; while [ ! -e go ]; do sleep 0.02; done`)
  run.launch()
  // Not when its shim begins: that starts nothing after a signal.
  await house.until('it works', () => existsSync(join(house.at.root, 'begun')))
  expect((await run.look()).phase).toBe('running')
  return run
}
const exit = async (house: House) => (await readShim(join(house.at.runs, 'a/1'))).exit

it('ends by itself while its interrupt is being written: it was not stopped', async () => {
  const house = open()
  const run = await working(house)
  const save = run.save.bind(run)
  vi.spyOn(run, 'save').mockImplementation(async (more) => {
    await save(more)
    if (existsSync(join(house.at.root, 'go'))) return
    expect(onDisk(house).stopping).toBe('stop')
    writeFileSync(join(house.at.root, 'go'), '')
    await house.until('its end', async () => (await exit(house)) === 0)
  })
  await run.interrupt('stop')
  expect(run.record).not.toHaveProperty('stopping')
  expect(onDisk(house)).not.toHaveProperty('stopping')
})

it('does not end by itself: it was stopped', async () => {
  const house = open()
  const run = await working(house)
  await run.interrupt('stop')
  expect(onDisk(house).stopping).toBe('stop')
  await house.until('its end', async () => (await exit(house)) === 130)
})

it('stands still between its prompt and its record, and the attempt is another’s by then: that stays', async () => {
  const house = open()
  const run = agent(house)
  const folder = join(house.at.runs, 'a/1')
  const argv = vi.fn(() => {
    writeFileSync(join(folder, 'run.json'), 'another’s')
    return ['true']
  })
  const kind = { ...kindOf('shell', agentSettings()), argv }
  const settings = agentSettings()
  const parts = { root: house.at.root, runs: house.at.runs, kind, settings, processes, ended() {} }
  const sleeper = new AgentProcess('shell', 'agent_02', parts)
  await expect(sleeper.prepare('a', 'a.yaml', 'true')).rejects.toMatchObject({ code: 'EEXIST' })
  expect(sleeper.record).toBeNull()
  expect(readFileSync(join(folder, 'run.json'), 'utf8')).toBe('another’s')
  expect(readdirSync(folder).sort()).toEqual(['prompt.md', 'run.json'])
  await run.prepare('a', 'a.yaml', 'true')
  expect(run.record?.attempt).toBe(2)
})

it('a prompt that a dead one left is written anew; what anyone began since is not', async () => {
  const house = open()
  const folder = join(house.at.runs, 'a/1')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'prompt.md'), 'of a dead one')
  await agent(house).prepare('a', 'a.yaml', 'mine')
  expect(readFileSync(join(folder, 'prompt.md'), 'utf8')).toBe('mine')
  rmSync(join(folder, 'run.json'))
  writeFileSync(join(folder, 'pid'), '')
  expect(await nextAttempt(house.at.runs, 'a')).toMatchObject({ attempt: 2 })
  expect(readFileSync(join(folder, 'prompt.md'), 'utf8')).toBe('mine')
})

it('takes the place of a shim whose folder a person removed: no late shim begins', async () => {
  const house = open()
  const run = agent(house)
  await run.prepare('a', 'a.yaml', 'touch ran')
  rmSync(join(house.at.runs, 'a'), { recursive: true })
  await run.fence()
  expect(await readShim(join(house.at.runs, 'a/1'))).toEqual({ pid: 0, exit: null })
  writeFileSync(join(house.at.runs, 'a/1/prompt.md'), 'touch ran')
  const late = run.launch()
  await new Promise((resolve) => late.once('exit', resolve))
  expect(existsSync(join(house.at.root, 'ran'))).toBe(false)
})

it('changed in the moment of its claim, and written again before it goes back: both stay, and it is told', async () => {
  const house = open()
  await makeFolders(house.at)
  const path = house.drop('a.yaml', shell('echo old'))
  const queue = new TaskQueue(house.at.root, { settleMs: 0 })
  await queue.scan([])
  const seen = queue.find('a') as Entry
  const meanwhile = {
    ...seen,
    get body() {
      writeFileSync(path, shell('echo new'))
      return 'what it was'
    },
  }
  expect(await queue.claim(meanwhile)).toBe(false)
  expect(readFileSync(path, 'utf8')).toContain('new')
  expect(readFileSync(join(house.at.state.assigned, 'a.yaml'), 'utf8')).toContain('old')
  await house.orchestrator.start()
  await house.until('the older one is queued or told', () =>
    Object.values(house.views()).some((view) => /a\.yaml/.test(view.reason ?? '')),
  )
  expect(house.files()).toHaveLength(2)
})

it('an agent has the variables that it was given, also those of one letter', async () => {
  for (const name of ['d', 's', 'w']) vi.stubEnv(name, 'a person’s')
  const house = open()
  const run = await working(house, 'echo "$d $s $w" >told; pwd >>told')
  writeFileSync(join(house.at.root, 'go'), '')
  await house.until('its end', async () => (await exit(house)) === 0)
  await run.sweep()
  const told = `a person’s a person’s a person’s\n${realpathSync(house.at.root)}\n`
  expect(readFileSync(join(house.at.root, 'told'), 'utf8')).toBe(told)
})

it('its shim was killed while nobody looked: its time is counted from the start of what is left', async () => {
  const house = open()
  const run = await working(house)
  process.kill(run.pid as number, 'SIGKILL')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const adopted = agent(house).adopt(run.record as RunRecord)
  const { alive, phase, ageMs } = await adopted.look()
  expect({ alive, phase }).toEqual({ alive: true, phase: 'running' })
  expect(ageMs).toBeGreaterThanOrEqual(290)
  expect((await adopted.look()).ageMs).toBeGreaterThan(ageMs)
  await adopted.sweep()
})
