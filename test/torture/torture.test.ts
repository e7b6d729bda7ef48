// The short form of the torture: a sample by chance of every kind of fault, on the built program. Promises: the seed stands in
// each failure, and gives the same cases again; what this machine cannot do is skipped by name.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'

interface Row {
  suite: string
  name: string
  violations: { kind: string; text: string }[]
  skipped?: string
  reached: boolean
}

const TORTURE = fileURLToPath(new URL('torture.mjs', import.meta.url))
/** The same cases each time; `npm run torture` draws others. */
const seed = process.env.TORTURE_SEED ?? '20261125'
const SUITES = {
  points: 'a fault at a step, by name',
  pairs: 'a crash in the look that follows a crash',
  stalled: 'a process that stalls and wakes up',
  syscalls: 'a fault of the kernel at a system call',
  blind: 'kill -9 at moments by chance',
}

describe(`torture, seed ${seed} (npm run torture -- --short --seed ${seed})`, () => {
  let rows: Row[] = []
  beforeAll(async () => {
    rows = await torture()
  }, 600_000)

  for (const [suite, what] of Object.entries(SUITES))
    it(`${suite}: after ${what}, nothing is lost, repeated or left`, (context) => {
      const mine = rows.filter((row) => row.suite === suite)
      const bad = mine.filter((row) => row.violations.length > 0)
      expect(bad.map(({ name, violations }) => ({ name, violations }))).toEqual([])
      const skipped = mine.find((row) => row.skipped)
      if (skipped) context.skip(`${skipped.name}: ${skipped.skipped}`)
      expect(mine.filter((row) => row.reached).length).toBeGreaterThan(0)
    })
})

function torture(): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const args = [TORTURE, '--short', '--json', '--seed', seed]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
    })
    child.on('error', reject).on('close', () => {
      const lines = said.split('\n').filter(Boolean)
      resolve(lines.map((line) => JSON.parse(line) as Row))
    })
  })
}
