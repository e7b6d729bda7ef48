// What runs cost, with everything that they have started.
import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { createProcesses } from '../../src/process/index.ts'
import { createUsage } from '../../src/process/usage.ts'
import { ended, folder, leaveNothing, printed, processes, run, until } from './world.ts'

afterEach(leaveNothing)

const TMPFS = 0x01021994

it('is unknown at first, then memory and CPU of the descendants too', async () => {
  const { usage } = createProcesses()
  const { pid } = run('(while :; do :; done) & sleep 1000', 'usage-1')
  expect(await usage([pid])).toBeNull()
  const busy = await until('a busy child', async () => {
    const now = await usage([pid])
    return now !== null && now.cpuPercent > 10 ? now : null
  })
  expect(busy.memoryMb).toBeGreaterThan(1)
  expect(busy.diskMbps).toBe(0)
  await processes.sweep('usage-1', pid)
  expect(await usage([pid])).toMatchObject({ memoryMb: 0, cpuPercent: 0 })
})

it('survives processes that vanish, and no processes at all', async () => {
  const { usage } = createProcesses()
  const { pid, child } = run('exit 0')
  await usage([pid])
  await ended(child)
  expect(await usage([pid, 0x7ffffff0])).toEqual({ memoryMb: 0, cpuPercent: 0, diskMbps: 0 })
  expect(await usage([])).toEqual({ memoryMb: 0, cpuPercent: 0, diskMbps: 0 })
})

it.skipIf(process.platform !== 'linux' || statfsSync(tmpdir()).type === TMPFS)(
  'counts what is written to disk, by a child that is new too',
  async () => {
    const { usage } = createProcesses()
    const big = join(folder(), 'big')
    const writing = 'for at in $(seq 5000); do echo "$at: a line to fill the disk with"; done'
    const { pid, child } = run(
      `read go; (${writing} > "${big}"; echo 1; sleep 1000) & wait`,
      'usage-3',
    )
    expect(await usage([pid])).toBeNull()
    child.stdin?.write('go\n')
    await printed(child)
    expect((await usage([pid]))?.diskMbps).toBeGreaterThan(0)
    expect(await usage([pid])).toMatchObject({ diskMbps: 0 }) // it has written before
    await processes.sweep('usage-3', pid)
  },
)

it.skipIf(process.platform !== 'linux' || statfsSync(tmpdir()).type === TMPFS)(
  'counts what is written by a child that began right after the last sample, however long a pass takes',
  async () => {
    let pass = 0
    const slow = () => {
      if (++pass === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
      return processes.list()
    }
    const usage = createUsage(slow, processes.ageMs)
    const { pid, child } = run(
      `read go; (seq 50000 > "${join(folder(), 'big')}"; echo 1; sleep 1000) & wait`,
      'usage-4',
    )
    expect(await usage([pid])).toBeNull()
    child.stdin?.write('go\n')
    await printed(child)
    expect((await usage([pid]))?.diskMbps).toBeGreaterThan(0)
    await processes.sweep('usage-4', pid)
  },
)
