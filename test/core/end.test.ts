// The end of a run: which files it changed, who else changed them, and what is left when something is in the way.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { release } from '../../src/files/run-folder.ts'
import { agentSettings, living, open, processes, shell, simulated } from './harness.ts'

describe('files_modified', () => {
  it("is what the agent's own events say", async () => {
    const house = open((settings) => {
      settings.agents = { claude: simulated(1) }
    })
    await house.orchestrator.start()
    house.drop('a.yaml', 'description: Create notes.md\n')
    await house.until('the end', () => house.result('a') !== null)
    expect(house.result('a')?.files_modified).toEqual(['notes.md'])
  })

  it('is what git says of a run that was alone, and unknown of runs that overlapped', async () => {
    const house = open()
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: house.at.root,
        stdio: 'ignore',
      })
    git('init')
    writeFileSync(join(house.at.root, 'old.txt'), 'old\n')
    git('add', '-A')
    git('commit', '-m', 'one')
    await house.orchestrator.start()
    house.drop('alone.yaml', shell('echo new >new.txt; echo more >>old.txt'))
    await house.until('the end', () => house.result('alone') !== null)
    expect(house.result('alone')?.files_modified).toEqual(['new.txt', 'old.txt'])
    house.drop('b.yaml', shell('sleep 1; echo b >b.txt'))
    house.drop('c.yaml', shell('sleep 1; echo c >c.txt'))
    await house.until('both', () => house.result('b') !== null && house.result('c') !== null)
    expect(house.result('b')?.files_modified).toBe('unknown')
    expect(house.result('c')?.files_modified).toBe('unknown')
  })

  it('two overlapping runs that report one path are in conflict: both stay completed and need a person', async () => {
    const house = open((settings) => {
      settings.agents = { claude: simulated(2) }
    })
    await house.orchestrator.start()
    house.drop('a.yaml', 'description: Create same.txt SIM:sleep 1\n')
    house.drop('b.yaml', 'description: Create same.txt SIM:sleep 1\n')
    await house.until(
      'both are marked',
      () => house.result('a')?.needs_review === true && house.result('b')?.needs_review === true,
    )
    expect(house.files()).toEqual(['completed/a.yaml', 'completed/b.yaml'])
    expect(house.result('a')).toMatchObject({
      status: 'success',
      error: expect.stringContaining('same.txt was also changed by b'),
    })
    await house.until('it is shown', () => house.views()['completed/a.yaml']?.needsReview === true)
  })

  it('a conflict leaves in run.json what a person did to it meanwhile', async () => {
    const house = open((settings) => {
      settings.agents = { claude: simulated(2) }
    })
    await house.orchestrator.start()
    house.drop('a.yaml', 'description: Create same.txt\n')
    house.drop('b.yaml', 'description: Create same.txt SIM:sleep 3\n')
    await house.until('the end of a', () => house.files().includes('completed/a.yaml'))
    expect(house.files()).toContain('assigned/b.yaml')
    await release(house.at.runs, 'a')
    await house.until('a is marked', () => house.result('a')?.needs_review === true)
    expect(await house.runs('a')).toMatchObject([{ released: true, needs_review: true }])
  })
})

it('a file of its name in the way is not overwritten, and stops nobody else', async () => {
  const house = open()
  await house.orchestrator.start()
  house.drop('a.yaml', shell('while ! test -e go; do sleep 0.05; done'))
  await house.until('it runs', () => house.files().includes('assigned/a.yaml'))
  house.drop('a.yaml', '# a person put this here\n', 'completed')
  writeFileSync(join(house.at.root, 'go'), '')
  await house.until('the sentence', () =>
    house.log.some((line) => /a cannot be moved: .*completed\/a.yaml is there already/.test(line)),
  )
  house.drop('b.yaml', shell('true'))
  await house.until('b', () => house.files().includes('completed/b.yaml'))
  expect(readFileSync(join(house.at.state.completed, 'a.yaml'), 'utf8')).toBe(
    '# a person put this here\n',
  )
  renameSync(join(house.at.state.completed, 'a.yaml'), join(house.at.drafts, 'theirs.yaml'))
  await house.until(
    'a',
    () =>
      house.files().join() === 'completed/a.yaml,completed/b.yaml' &&
      house.result('a')?.status === 'success',
  )
  expect(await house.runs('a')).toHaveLength(1)
})

it('leaves when its lock was taken over, and touches nothing more', async () => {
  const house = open()
  await house.orchestrator.start()
  house.drop('a.yaml', shell('while ! test -e go; do sleep 0.05; done'))
  await house.until(
    'it runs',
    () => house.files().includes('assigned/a.yaml') && house.agents().some((agent) => agent.pid),
  )
  renameSync(house.at.lock, `${house.at.lock}.theirs`)
  mkdirSync(house.at.lock)
  writeFileSync(join(house.at.lock, 'owner.json'), JSON.stringify({ nonce: 'another' }))
  writeFileSync(join(house.at.root, 'go'), '')
  house.drop('b.yaml', shell('true'))
  await house.until('it leaves', () => house.lost())
  expect(house.files()).toEqual(['assigned/a.yaml', 'pending/b.yaml'])
  renameSync(house.at.lock, `${house.at.lock}.gone`)
  await house.again().start()
  await house.until('both', () => house.files().join() === 'completed/a.yaml,completed/b.yaml')
  expect(await house.runs('a')).toHaveLength(1)
})

it('stop --now interrupts, sends back, and leaves no process; the next start runs it again', async () => {
  const house = open()
  await house.orchestrator.start()
  house.drop('a.yaml', shell('test -e again && exit 0; touch again; sleep 600'))
  await house.until('it is under way', () => existsSync(join(house.at.root, 'again')))
  await house.orchestrator.stop('now')
  expect(house.files()).toEqual(['pending/a.yaml'])
  expect(living(house, 'a')).toEqual([])
  await house.again().start()
  await house.until('the end', () => house.files().join() === 'completed/a.yaml')
  expect((await house.runs('a')).map((run) => run.outcome)).toEqual(['cancelled', 'success'])
})

it('an agent that failed three times in a row rests, is probed, and comes back', async () => {
  let well = false
  const house = open(
    (settings) => {
      settings.agents = { mine: agentSettings({ command: ['sh'] }) }
    },
    { probe: async () => well },
  )
  await house.orchestrator.start()
  for (const id of ['a', 'b', 'c', 'd']) house.drop(`${id}.yaml`, 'description: exit 1\n')
  await house.until('it rests', () => house.agents()[0]?.state === 'failed')
  expect(house.files().filter((file) => file.startsWith('failed/'))).toHaveLength(3)
  await house.until('the reason', () =>
    Object.values(house.views()).some((view) => /rests after failures/.test(view.reason ?? '')),
  )
  well = true
  await house.until(
    'the fourth',
    () => house.files().filter((file) => file.startsWith('failed/')).length === 4,
  )
})

it('after a reboot, the pid of a run is a stranger: its session is left alone', async () => {
  const house = open()
  await house.orchestrator.start()
  await house.orchestrator.stop('wait')
  // A session whose leader is gone, as `env -i` children of a dead shim look, too.
  const leader = spawn('sh', ['-c', 'sleep 600 & exit'], { detached: true, stdio: 'ignore' })
  const session = leader.pid ?? 0
  const strangers = () => processes.list().filter((one) => one.session === session)
  try {
    await house.until(
      'the orphan',
      () => strangers().length === 1 && processes.started(session) === null,
    )
    house.drop('a.yaml', shell('true'), 'assigned')
    const folder = join(house.at.runs, 'a/1')
    mkdirSync(folder, { recursive: true })
    const run = { task_id: 'a', attempt: 1, agent_id: 'agent_01', agent_type: 'shell', argv: [] }
    const before = { nonce: `a.1.${'0'.repeat(36)}`, boot_id: 'another', file: 'a.yaml' }
    const assigned_at = '2026-01-01T00:00:00.000Z'
    writeFileSync(join(folder, 'run.json'), JSON.stringify({ ...run, ...before, assigned_at }))
    writeFileSync(join(folder, 'pid'), `${session}\n`)
    await house.again().start()
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
    expect((await house.runs('a')).map(({ outcome }) => outcome)).toEqual([
      'interrupted',
      'success',
    ])
    expect(strangers()).toHaveLength(1)
  } finally {
    for (const { pid } of strangers()) process.kill(pid, 'SIGKILL')
  }
})
