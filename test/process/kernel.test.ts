// The kernel's own threads are no processes of anyone: a pass leaves them out, and nobody else.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { pids } from '../../src/process/proc.ts'

const KERNEL_THREAD = 0x200000

it.skipIf(process.platform !== 'linux')('whoever is no kernel thread is looked at', () => {
  const before = new Set(readdirSync('/proc'))
  const seen = new Set(pids())
  const missed = readdirSync('/proc').filter((name) => {
    if (!(Number(name) > 0) || !before.has(name) || seen.has(Number(name))) return false
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const flags = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6])
      return (flags & KERNEL_THREAD) === 0
    } catch {
      return false // it has ended meanwhile
    }
  })
  expect(missed).toEqual([])
  expect(seen.has(process.pid)).toBe(true)
})
