// No zombie, and no descriptor that stays open, after a thousand runs of four agents in one orchestrator. 100 of them are
// always on; ORCHESTRATE_FULL=1 does the thousand.
import { readdirSync, readlinkSync } from 'node:fs'
import { expect, it } from 'vitest'
import { childrenOf, shell, started, stateOf } from '../acceptance/stage.ts'
import { FULL, peakMb } from './yard.ts'

const RUNS = FULL ? 1000 : 100

it(`leaves no zombie and no open descriptor after ${RUNS} runs`, async () => {
  const stage = await started('agents: { shell: { max_instances: 4 } }\n')
  const pid = stage.pid() as number
  const waste = () => childrenOf(pid).map((child) => `${child} ${stateOf(child)}`)
  let added = 0
  const add = (count: number) => {
    for (const end = added + count; added < end; added++)
      stage.drop(`t${added}.yaml`, shell('true'))
  }
  const completed = (count: number) =>
    stage.until(
      `${count} tasks`,
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 200)) // a poll costs the machine, too
        return (await stage.status()).tasks.completed === count
      },
      550_000,
    )
  // The first runs open what stays open.
  add(8)
  await completed(8)
  await stage.until('no children', () => waste().length === 0)
  const before = descriptors(pid)
  add(RUNS)
  await completed(RUNS + 8)
  await stage.until('no children', () => waste().length === 0)
  await stage
    .until('no descriptor more', () => descriptors(pid).length <= before.length)
    .catch(() => {}) // which it is, the next line tells
  expect(descriptors(pid)).toEqual(before)
  console.log(
    `${RUNS} runs: ${before.length} descriptors before and after, at most ${peakMb(pid).toFixed(0)} MB`,
  )
  expect(peakMb(pid)).toBeLessThan(200)
}, 600_000)

/** What they lead to, without the numbers of sockets and pipes. */
function descriptors(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder)
    .flatMap((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`).replace(/:\[\d+\]$/, '')
      } catch {
        return [] // closed while we looked
      }
    })
    .sort()
}
