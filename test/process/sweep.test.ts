// The end of a run: signals reach its group only, the sweep reaches everything, and says so when it cannot.
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { createProcesses } from '../../src/process/index.ts'
import { sweep } from '../../src/process/sweep.ts'
import { end, ended, leaveNothing, printed, run, start, until, ways } from './world.ts'

afterEach(leaveNothing)

const CHAIN = new URL('../../fixtures/programs/proc-fork-chain.sh', import.meta.url).pathname

describe.each(ways)('by %s', (way, processes) => {
  it('ends an agent that ignores TERM', async () => {
    const { pid, child } = run(
      `trap '' TERM INT; echo $$; while :; do sleep 1; done`,
      `sweep-1-${way}`,
    )
    await printed(child)
    processes.signal(`sweep-1-${way}`, pid, 'SIGTERM')
    await until('sleep was ended by TERM, the agent was not', () => processes.started(pid) !== null)
    expect(child.signalCode).toBeNull()
    await processes.sweep(`sweep-1-${way}`, pid)
    expect(processes.ofRun(`sweep-1-${way}`, pid)).toEqual([])
    await ended(child)
    expect(child.signalCode).toBe('SIGKILL')
  })

  it('signals the whole group of the shim and nothing else', async () => {
    const { pid, child } = run('setsid sleep 1000 & echo $!; sleep 1000 & wait', `sweep-2-${way}`)
    const apart = await printed(child)
    await until('three', () => processes.ofRun(`sweep-2-${way}`, pid).length === 3)
    await until('setsid', () => processes.list().some((one) => one.session === apart))
    processes.signal(`sweep-2-${way}`, pid, 'SIGTERM')
    await until('the rest', () => processes.ofRun(`sweep-2-${way}`, pid).length === 1)
    expect(processes.ofRun(`sweep-2-${way}`, pid)).toEqual([apart])
    processes.signal(`sweep-2-${way}`, null, 'SIGTERM') // no shim: nobody
    expect(processes.started(apart)).not.toBeNull()
    processes.signal(`sweep-2-${way}`, pid, 'SIGTERM') // the group is gone: fine
    await processes.sweep(`sweep-2-${way}`, pid)
  })

  it('signals the group when its shim is dead and only a bare child is left', async () => {
    const { pid, child } = run('env -i sleep 1000 & exit 0', `sweep-3-${way}`)
    await ended(child)
    processes.signal(`sweep-3-${way}`, pid, 'SIGINT')
    processes.signal(`sweep-3-${way}`, pid, 'SIGTERM')
    await until('its end', () => processes.ofRun(`sweep-3-${way}`, pid).length === 0)
  })

  it('ends what one of many has left that end in one turn', async () => {
    const marks = Array.from({ length: 6 }, (_, n) => `sweep-5-${way}-${n}`)
    const runs = marks.map((mark, n) => run(n === 3 ? 'setsid sleep 1000 & echo $!' : 'true', mark))
    const left = await printed(runs[3]?.child as never)
    for (const { child } of runs) await ended(child)
    await until('setsid', () => processes.list().some((one) => one.session === left))
    const alive = marks.map((mark, n) => processes.ofRun(mark, runs[n]?.pid ?? null))
    expect(alive).toEqual(marks.map((_, n) => (n === 3 ? [left] : [])))
    await Promise.all(marks.map((mark, n) => processes.sweep(mark, runs[n]?.pid ?? null)))
    expect(processes.started(left)).toBeNull()
  })

  it.skipIf(process.getuid?.() !== 0)(
    'leaves the group of another user that has the number',
    async () => {
      const child = spawn('sleep', ['1000'], { uid: 65534, detached: true, stdio: 'ignore' })
      const pid = child.pid as number
      await until('it is theirs', () => statSync(`/proc/${pid}`).uid === 65534)
      await processes.sweep(`sweep-6-${way}`, pid)
      expect(child.signalCode).toBeNull()
      expect(child.kill(0)).toBe(true)
      child.kill('SIGKILL')
      await ended(child)
      expect(child.signalCode).toBe('SIGKILL')
    },
  )

  it('ends a stopped process', async () => {
    const { pid, child } = run('sleep 1000', `sweep-4-${way}`)
    child.kill('SIGSTOP')
    await processes.sweep(`sweep-4-${way}`, pid)
    await ended(child)
  })

  // In one group too fast to be caught one by one; in a session each only as fast as luck can catch.
  for (const [name, args] of [
    ['in one group', ['100000', '0']],
    ['in a new session each', ['2000', '0.02', 'apart']],
  ] as const) {
    // A pass of `ps` takes longer than such a process lives: nobody could end it that way.
    if (way === 'ps' && args.length > 2) continue
    it(`ends a chain of forks ${name}`, async () => {
      const mark = `chain-${way}-${name}-${process.pid}`.replaceAll(' ', '-')
      const { pid } = start('sh', [CHAIN, ...args], mark)
      await until('the first has gone', () => processes.started(pid) === null)
      await processes.sweep(mark, pid)
      // Ten more looks: had one slipped away, it would be back.
      for (let look = 0; look < 10; look++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        const all = processes.list()
        const left = processes.ofRun(mark, pid, all)
        expect(all.filter((one) => left.includes(one.pid))).toEqual([])
      }
    })
  }

  it('ends what carries the mark in a group of others, and leaves the others', async () => {
    const marked = `ORCHESTRATE_RUN=sweep-5-${way} sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done'`
    const { pid, child } = run(`${marked} & wait; exec sleep 1000`)
    const apart = await printed(child)
    await processes.sweep(`sweep-5-${way}`, apart)
    expect(processes.started(apart)).toBeNull()
    expect(processes.started(pid)).not.toBeNull()
    await end(child)
  })
})

it('returns without waiting when there is nothing, and looks twice', async () => {
  let looks = 0
  let turns = 0
  const counting = setImmediate(function again() {
    turns++
    setImmediate(again)
  })
  const look = () => {
    looks++
    return { all: [], changing: 0 }
  }
  await sweep(look, 'nobody', null)
  clearImmediate(counting)
  expect(looks).toBe(2)
  expect(turns).toBe(0)
})

it('looks again while a process is in the middle of an exec, but not for ever', async () => {
  const changing = [0, 3, 1, 0, 0]
  await sweep(() => ({ all: [], changing: changing.shift() ?? 9 }), 'nobody', null)
  expect(changing).toEqual([])
  await sweep(() => ({ all: [], changing: 1 }), 'nobody', null, 100)
})

it('says which processes it could not end', async () => {
  const undying = { pid: 0x7ffffff0, parent: 1, group: 0, session: 0, started: '1', mark: 'stone' }
  const failed = sweep(() => ({ all: [undying], changing: 0 }), 'stone', null, 300)
  await expect(failed).rejects.toMatchObject({
    code: 'NOT_SWEPT',
    message: expect.stringContaining('2147483632'),
  })
})

it('`ps` tells of no open files: then nobody is taken for a writer', () => {
  expect(createProcesses('freebsd').writers(['/tmp/x'])).toEqual(new Set())
})
