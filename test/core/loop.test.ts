// The loop on real files and real processes: drops, moves by hand, failures, time-outs, what a restart finds.
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentSettings, living, open, processes, shell, simulated } from './harness.ts'

describe('a dropped file', () => {
  it('is done, and arrives in completed/ byte for byte, inode and all', async () => {
    const house = open()
    await house.orchestrator.start()
    const text = shell('echo hello')
    const path = house.drop('task_001.yaml', text)
    const { ino } = statSync(path)
    await house.until('the end', () => house.files().includes('completed/task_001.yaml'))
    const done = join(house.at.state.completed, 'task_001.yaml')
    expect(readFileSync(done, 'utf8')).toBe(text)
    expect(statSync(done).ino).toBe(ino)
    await house.until(
      'a quiet folder',
      () => house.records().join() === 'completed/task_001_result.yaml',
    )
    expect(house.result('task_001')).toMatchObject({
      status: 'success',
      outcome: 'success',
      agent_id: 'agent_01',
      agent_type: 'shell',
      attempt: 1,
    })
    expect(
      readFileSync(join(house.at.root, 'context/agent_outputs/task_001_output.md'), 'utf8'),
    ).toContain('hello')
    await house.until(
      'its row',
      () => house.views()['completed/task_001.yaml']?.outcome === 'success',
    )
  })

  it('runs once, when it comes in pieces while its writer has it open', async () => {
    const house = open()
    await house.orchestrator.start()
    const path = join(house.at.state.pending, 'slow.yaml')
    const { spawn } = await import('node:child_process')
    const writer = spawn('sh', [
      '-c',
      `exec 3>"$0"; printf 'preferred_agent: shell\\ndescription: |\\n  echo half\\n' >&3; sleep 1; printf '  echo whole\\n' >&3`,
      path,
    ])
    const closed = new Promise((resolve) => writer.on('exit', resolve))
    await house.until('the reason', () =>
      /open for writing/.test(house.views()['pending/slow.yaml']?.reason ?? ''),
    )
    await closed
    await house.until('the end', () => house.files().includes('completed/slow.yaml'))
    expect(await house.runs('slow')).toHaveLength(1)
  })

  it('waits in drafts/ for ever', async () => {
    const house = open()
    await house.orchestrator.start()
    writeFileSync(join(house.at.drafts, 'a.yaml'), shell('true'))
    house.drop('b.yaml', shell('true'))
    await house.until('b', () => house.files().includes('completed/b.yaml'))
    expect(readdirSync(house.at.drafts)).toEqual(['a.yaml'])
  })
})

describe('by hand', () => {
  const running = async (script: string) => {
    const house = open()
    await house.orchestrator.start()
    house.drop('a.yaml', shell(script))
    await house.until(
      'it runs',
      () =>
        (house.agents().find((agent) => agent.state === 'busy')?.pid ?? 0) > 0 &&
        readdirSync(join(house.at.runs, 'a', '1')).includes('pid'),
    )
    return house
  }
  const move = (
    house: Awaited<ReturnType<typeof running>>,
    from: 'assigned' | 'failed' | 'pending' | 'completed',
    to: typeof from,
  ) => renameSync(join(house.at.state[from], 'a.yaml'), join(house.at.state[to], 'a.yaml'))
  const outcome = async (house: Awaited<ReturnType<typeof running>>, n = 0) =>
    (await house.runs('a'))[n]?.outcome

  it('mv assigned → failed cancels', async () => {
    const house = await running('sleep 600')
    move(house, 'assigned', 'failed')
    await house.until('the end', async () => (await outcome(house)) === 'cancelled')
    await house.until('the record', () => house.result('a')?.status === 'cancelled')
    expect(house.files()).toEqual(['failed/a.yaml'])
  })

  it('rm of a running task cancels', async () => {
    const house = await running('sleep 600')
    rmSync(join(house.at.state.assigned, 'a.yaml'))
    await house.until('the end', async () => (await outcome(house)) === 'cancelled')
    await house.until('no records', () => house.records().length === 0)
  })

  it('mv assigned → pending stops the run and queues it again', async () => {
    const house = await running('test -e again && exit 0; touch again; sleep 600')
    move(house, 'assigned', 'pending')
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
    expect((await house.runs('a')).map((run) => run.outcome)).toEqual(['cancelled', 'success'])
  })

  it('mv assigned → completed marks it done by a person', async () => {
    const house = await running('sleep 600')
    move(house, 'assigned', 'completed')
    await house.until('the end', async () => (await outcome(house)) === 'cancelled')
    expect(house.files()).toEqual(['completed/a.yaml'])
  })

  it('mv failed → pending is a retry, with its full number of attempts', async () => {
    const house = await running('test -e again && exit 0; touch again; exit 3')
    await house.until(
      'failure',
      () => house.files().join() === 'failed/a.yaml' && house.result('a') !== null,
    )
    expect(house.result('a')).toMatchObject({
      status: 'failed',
      needs_review: true,
      error: expect.stringContaining('3'),
    })
    move(house, 'failed', 'pending')
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
    await house.until(
      'the old record joins its run',
      () => house.records().join() === 'completed/a_result.yaml',
    )
    expect(readdirSync(join(house.at.runs, 'a', '1'))).toContain('a_result.yaml')
  })

  it('a success that turns up again is held, until its run folder is removed', async () => {
    const house = await running('true')
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
    move(house, 'completed', 'pending')
    await house.until('it is held', () => house.views()['pending/a.yaml']?.status === 'held')
    expect(house.views()['pending/a.yaml']?.reason).toMatch(
      /succeeded before \(attempt 1\).*orchestrate retry a/,
    )
    rmSync(join(house.at.runs, 'a'), { recursive: true })
    house.orchestrator.poke()
    await house.until('it ran again', () => house.files().join() === 'completed/a.yaml')
  })
})

describe('failures', () => {
  it('goes back to pending, to another agent, and at last to failed/ with needs_review', async () => {
    const house = open((settings) => {
      settings.queue.maxRetries = 2
      settings.agents = { sim: agentSettings({ command: ['sh'], maxInstances: 3 }) }
    })
    await house.orchestrator.start()
    house.drop('a.yaml', 'description: exit 4\n')
    await house.until(
      'the end',
      () => house.files().join() === 'failed/a.yaml' && house.result('a') !== null,
    )
    const runs = await house.runs('a')
    expect(runs.map((run) => run.outcome)).toEqual(['failed', 'failed', 'failed'])
    expect(new Set(runs.map((run) => run.agent_id)).size).toBe(3)
    expect(house.result('a')).toMatchObject({ needs_review: true, retry_count: 2, attempt: 3 })
  })

  it('exit 0 without the end event of a kind that has one is no success', async () => {
    const house = open((settings) => {
      settings.agents = { claude: agentSettings({ command: ['true'] }) }
    })
    await house.orchestrator.start()
    house.drop('a.yaml', 'description: x\n')
    await house.until(
      'the end',
      () => house.files().join() === 'failed/a.yaml' && house.result('a') !== null,
    )
    expect(house.result('a')).toMatchObject({ status: 'failed', outcome: 'no-result' })
  })

  it('a time-out interrupts, and what ignores that is killed with all its children', async () => {
    const house = open()
    await house.orchestrator.start()
    house.drop(
      'a.yaml',
      shell(
        'trap "exit 5" INT; setsid sleep 600 & while :; do sleep 0.1; done',
        'timeout_minutes: 0.01\n',
      ),
    )
    await house.until(
      'the end',
      () => house.files().join() === 'failed/a.yaml' && house.result('a') !== null,
    )
    expect(house.result('a')).toMatchObject({ status: 'timeout', outcome: 'timeout' })
    expect(living(house, 'a')).toEqual([])
  }, 90_000)
})

describe('a restart', () => {
  it('adopts what runs, and repeats nothing', async () => {
    const house = open()
    await house.orchestrator.start()
    house.drop('a.yaml', shell('echo x >>ledger; while ! test -e go; do sleep 0.05; done'))
    await house.until(
      'it runs',
      () => house.files().join() === 'assigned/a.yaml' && house.agents().some((agent) => agent.pid),
    )
    await house.orchestrator.stop('detach')
    await house.again().start()
    writeFileSync(join(house.at.root, 'go'), '')
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
    expect(readFileSync(join(house.at.root, 'ledger'), 'utf8')).toBe('x\n')
    expect(await house.runs('a')).toHaveLength(1)
  })

  it('finalises what ended meanwhile', async () => {
    const house = open()
    await house.orchestrator.start()
    house.drop('a.yaml', shell('echo x >>ledger; sleep 0.3; echo bye'))
    await house.until(
      'it runs',
      () => house.files().join() === 'assigned/a.yaml' && house.agents().some((agent) => agent.pid),
    )
    await house.orchestrator.stop('detach')
    await house.until(
      'the exit',
      () => readFileSync(join(house.at.runs, 'a/1/exit'), 'utf8').trim() === '0',
    )
    await house.again().start()
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
    expect(readFileSync(join(house.at.root, 'ledger'), 'utf8')).toBe('x\n')
  })

  it('queues an interrupted run again, and asks a person the second time', async () => {
    const house = open()
    for (const attempt of [1, 2]) {
      await house.again().start()
      if (attempt === 1) house.drop('a.yaml', shell('sleep 600'))
      await house.until(
        'it runs',
        async () =>
          (await house.runs('a')).length === attempt &&
          readdirSync(join(house.at.runs, 'a', String(attempt))).includes('pid') &&
          readFileSync(join(house.at.runs, 'a', String(attempt), 'pid'), 'utf8') !== '',
      )
      const [run] = (await house.runs('a')).slice(-1)
      await house.orchestrator.stop('detach')
      // The shim first, so that it writes no exit status: as when the machine is switched off.
      const shim = Number(readFileSync(join(house.at.runs, 'a', String(attempt), 'pid'), 'utf8'))
      process.kill(shim, 'SIGKILL')
      await processes.sweep(run?.nonce ?? '', shim)
    }
    await house.again().start()
    await house.until(
      'a person is asked',
      () => house.files().join() === 'failed/a.yaml' && house.result('a') !== null,
    )
    expect(house.result('a')).toMatchObject({ outcome: 'interrupted', needs_review: true })
  })

  it('a claim without a run goes back, and runs', async () => {
    const house = open()
    await house.orchestrator.start()
    await house.orchestrator.stop('wait')
    house.drop('a.yaml', shell('true'), 'assigned')
    await house.again().start()
    await house.until('the end', () => house.files().join() === 'completed/a.yaml')
  })
})

it('several agents work at once, on a chain of dependencies', async () => {
  const house = open((settings) => {
    settings.agents = { claude: simulated(3), shell: agentSettings() }
  })
  await house.orchestrator.start()
  house.drop('c.yaml', shell('cat a.txt b.txt', 'dependencies: [a, b]\n'))
  house.drop('a.yaml', 'description: Create a.txt\n')
  house.drop('b.yaml', 'description: Create b.txt\n')
  await house.until('the reason', () =>
    /waits for/.test(house.views()['pending/c.yaml']?.reason ?? ''),
  )
  await house.until(
    'the end',
    () => house.files().join() === 'completed/a.yaml,completed/b.yaml,completed/c.yaml',
  )
  await house.orchestrator.finished()
})
