// Which processes are a run's: by the mark, by the shim's session; and never anybody else's.
// Real processes throughout; the pure rules that would be dangerous to try are tried on invented lists.
import { afterEach, describe, expect, it } from 'vitest'
import { ofRun, wholeGroups } from '../../src/process/marks.ts'
import type { ProcessInfo } from '../../src/types.ts'
import { deadPid, end, ended, leaveNothing, printed, run, until, ways } from './world.ts'

afterEach(leaveNothing)

describe.each(ways)('by %s', (way, processes) => {
  const commandOf = (pid: number) => processes.list().find((one) => one.pid === pid)

  describe('a run', () => {
    it('is found by its mark, in children that left the session too', async () => {
      const { pid } = run('setsid sleep 1000 & sleep 1000 & wait', 'mark-1')
      const found = await until('three processes', () => {
        const pids = processes.ofRun('mark-1', null)
        const sessions = new Set(pids.map((one) => commandOf(one)?.session))
        return pids.length === 3 && sessions.size === 2 && pids
      })
      expect(found).toContain(pid)
      await processes.sweep('mark-1', pid)
    })

    it('is found by the session of its living shim, without an environment', async () => {
      const { pid, child } = run('env -i sleep 1000 & echo $!; wait', 'mark-2')
      const bare = await printed(child)
      await until('env -i', () => commandOf(bare)?.mark === null)
      expect(processes.ofRun('mark-2', pid)).toContain(bare)
      await processes.sweep('mark-2', pid)
    })

    it('is found by the session of its shim when the shim is gone', async () => {
      const { pid, child } = run('env -i sleep 1000 & echo $!; exit 0', 'mark-3')
      const bare = await printed(child)
      await ended(child)
      await until('env -i', () => commandOf(bare)?.mark === null)
      expect(processes.ofRun('mark-3', pid)).toEqual([bare])
      await processes.sweep('mark-3', pid)
    })

    it('is found by a marked leader of another session, which the bare child shares', async () => {
      const script = `setsid sh -c 'env -i sleep 1000 & echo $!; wait' & wait`
      const { pid, child } = run(script, 'mark-4')
      const bare = await printed(child)
      await until('env -i', () => commandOf(bare)?.mark === null)
      expect(processes.ofRun('mark-4', pid)).toContain(bare)
      await processes.sweep('mark-4', pid)
    })

    it('has the mark in its environment: its arguments are no mark', async () => {
      const { child } = run(`exec sh -c 'echo $$; sleep 1000; : ORCHESTRATE_RUN=mark-0 '`)
      const stranger = await printed(child)
      expect(commandOf(stranger)?.mark).toBeNull()
      expect(processes.ofRun('mark-0', null)).toEqual([])
      await end(child)
    })

    it('has the mark as a whole value of a whole variable', async () => {
      const { child } = run(
        'env -i NOT_ORCHESTRATE_RUN=mark-5 sleep 1000 & echo $!; wait',
        'mark-55',
      )
      const bare = await printed(child)
      await until('env -i', () => commandOf(bare)?.mark !== 'mark-55')
      expect(commandOf(bare)?.mark).toBeNull()
      expect(processes.ofRun('mark-5', null)).toEqual([])
      await end(child)
    })
  })

  describe('what is not of the run', () => {
    it('is not touched when it has got the number of a dead shim', async () => {
      const stranger = run('sleep 1000 & wait')
      await until('its child', () => sessionSize(stranger.pid) === 2)
      expect(processes.ofRun('mark-6', stranger.pid)).toEqual([])
      processes.signal('mark-6', stranger.pid, 'SIGKILL')
      await processes.sweep('mark-6', stranger.pid)
      expect(sessionSize(stranger.pid)).toBe(2)
      expect(stranger.child.signalCode).toBeNull()
      await end(stranger.child)
    })

    it('is not touched when another run has got the number, and its shim is dead too', async () => {
      const other = run('sleep 1000 & exit 0', 'mark-7')
      await ended(other.child)
      expect(processes.ofRun('mark-8', other.pid)).toEqual([])
      await processes.sweep('mark-8', other.pid)
      expect(sessionSize(other.pid)).toBe(1)
      await processes.sweep('mark-7', other.pid)
    })

    it('is a zombie: neither living, nor waited for', async () => {
      const { pid, child } = run('sleep 0.05 & echo $!; exec sleep 1000', 'mark-9')
      const zombie = await printed(child)
      await until('a zombie', () => processes.started(zombie) === null)
      process.kill(zombie, 0) // still a process to the kernel
      expect(processes.ageMs(zombie)).toBeNull()
      expect(processes.ofRun('mark-9', pid)).toEqual([pid])
      await processes.sweep('mark-9', pid)
    })
  })

  describe('identity', () => {
    it('is the start, which no other process of that number shares', async () => {
      const { pid, child } = run('exec sleep 1000')
      const started = processes.started(pid)
      expect(started).toMatch(/\d/)
      // `ps` works it out from the clocks of the moment, to the second.
      if (way === '/proc') expect(processes.started(pid)).toBe(started)
      expect(processes.started(await deadPid())).toBeNull()
      if (way === '/proc') expect(processes.bootId()).toMatch(/^[\da-f-]{36}$/)
      await end(child)
      expect(processes.started(pid)).toBeNull()
      expect(processes.ageMs(pid)).toBeNull()
    })

    it('grows in age by a clock that Date does not know', async () => {
      const before = performance.now()
      const { pid, child } = run('exec sleep 1000')
      const tick = way === '/proc' ? 20 : 2000 // hundredths of a second, or whole ones
      await until('some age', () => (processes.ageMs(pid) ?? 0) > 100)
      expect(processes.ageMs(pid)).toBeLessThanOrEqual(performance.now() - before + tick)
      await end(child)
    })
  })

  const sessionSize = (session: number) =>
    processes.list().filter((one) => one.session === session).length
})

it('is this process, process 1, and everything when the mark is empty', () => {
  const one = (pid: number, mark: string | null): ProcessInfo => ({
    ...{ pid, parent: 1, group: 50, session: 50, started: '1', mark },
  })
  const all = [one(1, 'm'), one(process.pid, 'm'), one(50, 'm'), one(51, null)]
  expect(ofRun('m', null, all)).toEqual([50, 51])
  expect(ofRun('', null, [one(60, ''), one(61, null)])).toEqual([])
  for (const shim of [0, 1, -1]) expect(ofRun('x', shim, [one(70, null)])).toEqual([])
  // Our own group is never signalled as a whole.
  expect(wholeGroups([50, 51], all)).toEqual([])
  expect(wholeGroups([50, 51], [one(50, 'm'), one(51, null)])).toEqual([50])
})
