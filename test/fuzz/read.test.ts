// Task and configuration files full of anything: no crash, a verdict each time, and never a long block of the event loop.
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { readTask } from '../../src/files/task.ts'
import { OrchestrateError } from '../../src/types.ts'
import { CAP, CONFIG, inputs, prefixes, SHAPES, TASK } from './texts.ts'

const full = process.env.ORCHESTRATE_FULL === '1'
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const RUNS = (full ? 10_000 : 1000) / 2
/** ms of this thread's own work: other programs on a busy machine are not the parser's fault. */
const MOST = 250
let [slowest, of] = [0, '']

/** ms of CPU that `work` took, at best of a few: the first may have compiled or collected garbage. */
function cost(name: string, work: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let n = 0; n < 3 && best > MOST; n++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  if (best > slowest) [slowest, of] = [best, name]
  return best
}
afterAll(() => console.log(`fuzz: seed ${seed}; the slowest took ${Math.round(slowest)} ms: ${of}`))

function task(bytes: Uint8Array): void {
  const read = readTask(bytes, 'a.yaml', 0)
  if ('message' in read) expect(read.message).not.toBe('')
  else {
    expect(read.id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)
    expect(read.description).toMatch(/\S/)
  }
}
function config(bytes: Uint8Array): void {
  try {
    parseConfig(Buffer.from(bytes).toString(), 'config.yaml', '/w')
  } catch (error) {
    if (!(error instanceof OrchestrateError)) throw error
    expect(error.code).toBe('CONFIG')
  }
}
const READERS = [
  { what: 'a task', good: TASK, read: task },
  { what: 'a configuration', good: CONFIG, read: config },
] as const

for (const { what, good, read } of READERS) {
  it(`${what}: anything at all gets a verdict in time (seed ${seed})`, () => {
    fc.assert(
      fc.property(inputs(good), (bytes) => {
        expect(cost(`${what}, at random`, () => read(bytes))).toBeLessThan(MOST)
      }),
      { seed, numRuns: RUNS },
    )
  }, 1_200_000)

  it(`${what}: so does every prefix of a good one`, () => {
    for (const bytes of prefixes(good))
      expect(cost(`${what}, a prefix`, () => read(bytes))).toBeLessThan(MOST)
  }, 120_000)

  it.each(Object.entries(SHAPES))(
    `${what}: in time, %s`,
    (name, text) => {
      expect(cost(`${what}, ${name}`, () => read(Buffer.from(text).subarray(0, CAP)))).toBeLessThan(
        MOST,
      )
    },
    120_000,
  )
}
