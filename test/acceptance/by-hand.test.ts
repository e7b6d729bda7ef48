// The commands that act on what is there: cancel, retry, logs, show, stop in its three ways, run; and what a start finds
// after a crash. Through the command line, on real processes.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gate, leftOf, living, open, SHELLS, type Stage, shell, started } from './stage.ts'

/** Runs, its process is there, and has said something. */
async function running(stage: Stage, id = 'a', script = `echo begun; ${gate('go')}; echo over`) {
  stage.drop(`${id}.yaml`, shell(script))
  await stage.until('it runs', () => /begun/.test(readFileSync(said(stage, id), 'utf8')))
}
const said = (stage: Stage, id: string, attempt = 1) =>
  join(stage.at.runs, id, String(attempt), 'stdout')
const outcomes = (stage: Stage, id: string) => stage.runs(id).map(({ outcome }) => outcome)
const marked = (stage: Stage) => leftOf(stage.root).filter(({ pid }) => pid !== stage.pid())

describe('cancel', () => {
  it('a waiting task goes to failed/, and stays there', async () => {
    const stage = await started(SHELLS)
    stage.drop('a.yaml', shell('touch ran', 'not_before: 2099-01-01\n'))
    await stage.until('it waits', async () => (await stage.status()).tasks.pending === 1)
    expect((await stage.must('orchestrate cancel a')).stderr).toBe('a is cancelled\n')
    expect(stage.files()).toEqual(['failed/a.yaml'])
    expect(stage.result('a')).toMatchObject({ status: 'cancelled', outcome: 'cancelled' })
    const { stdout } = await stage.must('orchestrate tasks --status failed')
    expect(stdout).toMatch(/^a +failed/m)
    await stage.must('orchestrate stop')
    expect(existsSync(join(stage.root, 'ran'))).toBe(false)
  })

  it('a running task is stopped, with all its processes', async () => {
    const stage = await started(SHELLS)
    await running(stage, 'a', 'echo begun; setsid sleep 600 & sleep 600')
    expect(marked(stage).length).toBeGreaterThan(1)
    const { stderr } = await stage.must('orchestrate cancel A')
    expect(stderr).toMatch(/^a is cancelled; its agent is being stopped\n$/)
    await stage.until('the record', () => stage.result('a')?.status === 'cancelled')
    expect(marked(stage)).toEqual([])
    expect(stage.files()).toEqual(['failed/a.yaml'])
    await stage.must('orchestrate stop')
  }, 60_000)

  it('what is over or was never there is refused with a sentence', async () => {
    const stage = await started(SHELLS)
    stage.drop('a.yaml', shell('true'))
    await stage.until('the end', async () => (await stage.status()).tasks.completed === 1)
    const refused = await stage.type('orchestrate cancel a b')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/a is completed already\n[\s\S]*there is no task `b`/)
    await stage.must('orchestrate stop')
  })
})

describe('retry', () => {
  it('a failed task, a success and a held copy run again; a running one is refused', async () => {
    const stage = await started(SHELLS)
    stage.drop('a.yaml', shell('echo x >>ledger; test -e well'))
    const ended = (state: string, count: number) =>
      stage.until(
        `attempt ${count}`,
        async () =>
          outcomes(stage, 'a').filter(Boolean).length === count &&
          stage.files().join() === `${state}/a.yaml` &&
          (await stage.row(`${state}/a.yaml`))?.attempt === count,
      )
    await ended('failed', 1)
    stage.write('well', '')
    expect((await stage.must('orchestrate retry a')).stderr).toBe('a is back in pending/\n')
    await ended('completed', 2)
    await stage.must('orchestrate retry a')
    await ended('completed', 3)
    expect(outcomes(stage, 'a')).toEqual(['failed', 'success', 'success'])

    stage.drop('a.yaml', shell('echo copy >>ledger'))
    await stage.until('it is held', async () =>
      /same id/.test((await stage.row('pending/a.yaml'))?.reason ?? ''),
    )
    const { stderr } = await stage.must('orchestrate retry a')
    expect(stderr).toMatch(/^tasks\/pending\/a\.yaml will run; the completed copy is kept in /)
    await ended('completed', 4)
    expect(stage.read('ledger')).toBe('x\nx\nx\ncopy\n')
    expect(readdirSync(join(stage.at.runs, 'a/3'))).toContain('completed-a.yaml')

    await running(stage, 'b')
    expect((await stage.type('orchestrate retry b')).stderr).toMatch(
      /b has an agent at work\n.*cancel b/,
    )
    expect((await stage.type('orchestrate retry nobody')).code).toBe(1)
    stage.write('go', '')
    await stage.must('orchestrate stop')
  })

  it('works where nothing runs', async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    stage.drop('a.yaml', shell('test -e well'))
    expect((await stage.type('orchestrate run')).code).toBe(2)
    await stage.must('orchestrate retry a')
    expect(stage.files()).toEqual(['pending/a.yaml'])
    stage.write('well', '')
    await stage.must('orchestrate run')
    expect(stage.files()).toEqual(['completed/a.yaml'])
  })
})

describe('logs and show', () => {
  it('`logs -f` follows a running task to its end', async () => {
    const stage = await started(SHELLS)
    await running(stage)
    expect((await stage.must('orchestrate logs a')).stdout).toBe('begun\n')
    const following = stage.type('orchestrate logs a -f')
    stage.write('go', '')
    expect(await following).toEqual({
      ...{ code: 0, stdout: 'begun\nover\n' },
      stderr: 'a, attempt 1, agent_01 (shell)\nit ended: success\n',
    })
    await running(stage, 'b', 'echo begun; echo why >&2; exit 3')
    const failed = await stage.type('orchestrate logs b --follow')
    expect(failed).toMatchObject({ code: 2, stdout: 'begun\nwhy\n' })
    expect(failed.stderr).toMatch(/it ended: failed, .*(3|why)/)
    expect((await stage.type('orchestrate logs c')).code).toBe(1)
    await stage.must('orchestrate stop')
  })

  it('`show` tells of the file, the attempts and the answer; exit 2 when it failed', async () => {
    const stage = await started(SHELLS.replace('max_retries: 0', 'max_retries: 1'))
    stage.drop('bad.yaml', shell('echo to the end; exit 4'))
    stage.drop('good.yaml', shell('echo all is well'))
    await stage.until('both ends', async () => {
      const { tasks } = await stage.status()
      return tasks.completed === 1 && tasks.failed === 1
    })
    const good = await stage.must('orchestrate show good')
    expect(good.stdout).toMatch(
      /echo all is well[\s\S]*status +completed[\s\S]*completed\/good\.yaml/,
    )
    expect(good.stdout).toMatch(/\b1 +agent_0\d +success/)
    expect(good.stdout).toContain('### Result:\nall is well')
    const bad = await stage.type('orchestrate show bad --json')
    expect(bad.code).toBe(2)
    const json = JSON.parse(bad.stdout)
    expect(json).toMatchObject({ id: 'bad', status: 'failed', attempt: 2, needs_review: true })
    expect(json.runs).toHaveLength(2)
    expect(bad.stdout).not.toMatch(/nonce/)
    await stage.must('orchestrate stop')
  })
})

describe('stop', () => {
  it('waits for the running agents, says so, and is gone when it returns', async () => {
    const stage = await started(SHELLS)
    for (const id of ['a', 'b']) await running(stage, id) // both agents: nothing else begins before it stops
    stage.drop('later.yaml', shell('true', 'not_before: 2099-01-01\n'))
    await stage.until('it waits', async () => (await stage.status()).tasks.pending === 1)
    const pid = stage.pid() as number
    let over = false
    const stopping = stage.type('orchestrate stop').finally(() => {
      over = true
    })
    const stopped = (file: string) =>
      stage.until('the reason', async () =>
        /is stopping/.test((await stage.row(file))?.reason ?? ''),
      )
    stage.drop('late.yaml', shell('true'))
    await stopped('pending/late.yaml')
    expect((await stage.row('pending/later.yaml'))?.reason).toMatch(/^not before 2099/)
    expect(over).toBe(false)
    stage.write('go', '')
    const { code, stderr } = await stopping
    const alive = living(pid)
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^waiting for 2 running agents; `orchestrate stop --now`[\s\S]*stopped\n$/,
    )
    expect(stage.files().filter((file) => /^completed/.test(file))).toEqual([
      'completed/a.yaml',
      'completed/b.yaml',
    ])
    expect(stage.files().filter((file) => /^pending/.test(file))).toEqual([
      'pending/late.yaml',
      'pending/later.yaml',
    ])
    expect(alive, 'its process is still there').toBe(false)
    expect((await stage.type('orchestrate stop')).stderr).toBe('orchestrate is not running\n')
  })

  it('`--now` interrupts; the task goes back to pending, and the next start does it', async () => {
    const stage = await started(SHELLS)
    await running(stage)
    expect((await stage.must('orchestrate stop --now')).stderr).toMatch(/stopped\n$/)
    expect(stage.files()).toEqual(['pending/a.yaml'])
    expect(outcomes(stage, 'a')).toEqual(['cancelled'])
    expect(marked(stage).filter(({ command }) => !/dist\/cli/.test(command))).toEqual([])
    stage.write('go', '')
    await stage.must('orchestrate start')
    await stage.until('the end', () => stage.files().join() === 'completed/a.yaml')
    expect(outcomes(stage, 'a')).toEqual(['cancelled', 'success'])
    await stage.must('orchestrate stop')
  })

  it('`--detach` leaves them running, and the next start takes them up', async () => {
    const stage = await started(SHELLS)
    await running(stage, 'a', `echo begun; echo x >>ledger; ${gate('go')}; echo over`)
    const { stderr } = await stage.must('orchestrate stop --detach')
    expect(stderr).toMatch(/1 agent left running: `orchestrate start` takes over/)
    expect(stage.files()).toEqual(['assigned/a.yaml'])
    expect(marked(stage).length).toBeGreaterThan(0)
    await stage.must('orchestrate start')
    await stage.until('it is busy', async () => (await stage.status()).agents.busy === 1)
    expect((await stage.status()).active).toMatchObject([{ id: 'a', attempt: 1 }])
    stage.write('go', '')
    await stage.until('the end', () => stage.files().join() === 'completed/a.yaml')
    expect(stage.read('ledger')).toBe('x\n')
    expect(outcomes(stage, 'a')).toEqual(['success'])
    await stage.must('orchestrate stop')
  })
})

it('kill -9 with agents at work: the next start adopts them, and nothing is done twice', async () => {
  const stage = await started(SHELLS)
  const script = (id: string, file: string) =>
    `echo begun; echo ${id} >>ledger; ${gate(file)}; echo over`
  await running(stage, 'a', script('a', 'go'))
  await running(stage, 'b', script('b', 'go-b'))
  stage.drop('c.yaml', shell('echo c >>ledger'))
  await stage.until('c waits', async () => (await stage.status()).tasks.pending === 1)
  const pid = stage.pid() as number
  process.kill(pid, 'SIGKILL')
  await stage.until('it is dead', () => !living(pid))
  // b ends while nobody looks.
  stage.write('go-b', '')
  await stage.until('b is over', () => /over/.test(readFileSync(said(stage, 'b'), 'utf8')))
  expect((await stage.must('orchestrate status')).stdout).toMatch(/not running/)
  await stage.must('orchestrate start')
  await stage.until('b and c', () =>
    ['completed/b.yaml', 'completed/c.yaml'].every((file) => stage.files().includes(file)),
  )
  expect(stage.files()).toContain('assigned/a.yaml')
  stage.write('go', '')
  await stage.until('a', () => stage.files().includes('completed/a.yaml'))
  expect(stage.read('ledger')).toBe('a\nb\nc\n')
  for (const id of ['a', 'b', 'c']) expect(outcomes(stage, id)).toEqual(['success'])
  expect(stage.read('context/agent_outputs/a_output.md')).toContain('begun\nover')
  await stage.must('orchestrate stop')
})

describe('run', () => {
  it('exits 0 when all is done, and has stopped', async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    stage.drop('b.yaml', shell('test -e a.txt', 'dependencies: [a]\n'))
    stage.drop('a.yaml', shell('touch a.txt'))
    const { code, stdout } = await stage.type('orchestrate run')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '2 completed\n' })
    expect(stage.pid()).toBeNull()
  })

  it('exits 2 when a task failed, is held or cannot be read', async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    stage.drop('good.yaml', shell('true'))
    stage.drop('bad.yaml', shell('exit 1'))
    const said = await stage.type('orchestrate run')
    expect(said.code).toBe(2)
    expect(said.stdout).toMatch(/^1 completed, 1 task not:\n +bad +failed +.*\n$/)
    // What failed before is none of the next run's business.
    expect((await stage.type('orchestrate run')).code).toBe(0)
    stage.drop('broken.yaml', 'nonsense\n')
    const again = await stage.type('orchestrate run')
    expect(again.code).toBe(2)
    expect(again.stdout).toMatch(/broken +invalid +line 1/)
  })

  it.each(['stop', 'SIGTERM'])(
    'exits 2 when it is ended by %s, and says what is left',
    async (how) => {
      const stage = open(SHELLS.replace('max_instances: 2', 'max_instances: 1'))
      await stage.must('orchestrate init')
      stage.drop('a.yaml', shell('touch begun; sleep 600'))
      stage.drop('b.yaml', shell('true', 'priority: low\n'))
      const run = stage.type('orchestrate run')
      await stage.until('it works', () => existsSync(join(stage.root, 'begun')))
      await stage.until('it hears signals', () => /started \(pid/.test(stage.log()))
      if (how === 'SIGTERM') process.kill(stage.pid() ?? 0, how)
      await stage.must('orchestrate stop --now')
      const { code, stdout } = await run
      expect({ code, stdout }).toEqual({
        code: 2,
        stdout: expect.stringMatching(
          /^0 completed, 2 tasks not:\n +a +pending.*\n +b +pending.*\n$/,
        ),
      })
    },
  )
})

it('a second start is refused, and names the first', async () => {
  const stage = await started(SHELLS)
  const pid = stage.pid()
  for (const line of ['start', 'start --foreground', 'run']) {
    const refused = await stage.type(`orchestrate ${line}`)
    expect(refused, line).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr, line).toMatch(new RegExp(`running here already \\(pid ${pid} on `))
  }
  expect(stage.pid()).toBe(pid)
  stage.drop('a.yaml', shell('true'))
  await stage.until('it works on', () => stage.files().join() === 'completed/a.yaml')
  await stage.must('orchestrate stop')
})

it('curl over the socket answers /status', async () => {
  const stage = await started(SHELLS)
  const socket = '.orchestrate/orchestrate.sock'
  const { stdout } = await stage.must(`curl -sf --unix-socket ${socket} http://localhost/status`)
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ running: true, pid: stage.pid(), active: [], waiting: [] },
    tasks: { pending: 0, assigned: 0, completed: 0, failed: 0, held: 0, invalid: 0 },
    agents: { total: 2, busy: 0 },
  })
  const cli = await stage.must('orchestrate status --json')
  expect(JSON.parse(cli.stdout)).toEqual(JSON.parse(stdout))
  await stage.must('orchestrate stop')
  expect(existsSync(join(stage.root, socket))).toBe(false)
})
