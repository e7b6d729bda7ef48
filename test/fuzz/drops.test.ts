// The same texts, dropped to a running orchestrator: it lives, has a sentence for each file, runs nothing that is none, and
// touches nothing outside of its workspace.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { open, type Stage } from '../acceptance/stage.ts'
import { CONFIG, inputs, prefixes, SHAPES, TASK } from './texts.ts'

const full = process.env.ORCHESTRATE_FULL === '1'
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const some = (n: number, good: string) => fc.sample(inputs(good), { seed, numRuns: n })

/** A reader that does nothing: what is a task by chance is no script. */
const QUIET = `agents:
  reader: { command: cat, max_instances: 4 }
task_queue: { retry_delay_seconds: 0, settle_ms: 50 }
`
/** An edited configuration is read when it was the same in two looks, a second apart. */
const READ_MS = 2200

/** All there is beside the workspace, `home` left out: a program that is asked for its version may write there. */
function outside(stage: Stage): string[] {
  const top = dirname(stage.root)
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^(work|home)(\/|$)/.test(name))
    .sort()
    .map((name) => {
      const seen = lstatSync(join(top, name))
      return `${name} ${seen.ino} ${seen.mtimeMs} ${seen.isFile() ? readFileSync(join(top, name), 'utf8') : ''}`
    })
}
async function begun(): Promise<{ stage: Stage; pid: number | null; before: string[] }> {
  const stage = open(QUIET)
  // As inviting as can be for what begins with `../`.
  for (const name of ['docs', 'tasks', 'context'])
    mkdirSync(join(dirname(stage.root), name), { recursive: true })
  writeFileSync(join(dirname(stage.root), 'docs/a.md'), 'mine\n')
  await stage.must('orchestrate start')
  return { stage, pid: stage.pid(), before: outside(stage) }
}
async function unharmed({ stage, pid, before }: Awaited<ReturnType<typeof begun>>) {
  stage.drop('last.yaml', 'description: after all that\nid: last\n')
  await stage.until('the next task', () => existsSync(join(stage.at.state.completed, 'last.yaml')))
  expect(stage.pid()).toBe(pid)
  expect(outside(stage)).toEqual(before)
  expect(stage.log()).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m)
  const { code, stdout } = await stage.type('orchestrate verify')
  expect({ code, stdout }).toMatchObject({ code: 0 })
}

it(`tasks: each gets a sentence or runs (seed ${seed})`, async () => {
  const house = await begun()
  const { stage } = house
  const texts = [
    ...some(full ? 2000 : 50, TASK),
    ...(full ? prefixes(TASK) : []),
    ...Object.values(SHAPES).map((text) => Buffer.from(text)),
  ]
  for (let from = 0; from < texts.length; from += 50) {
    const batch = texts
      .slice(from, from + 50)
      .map((bytes, n) => ({ bytes, name: `f${from + n}.yaml` }))
    for (const [n, { bytes, name }] of batch.entries()) {
      const path = join(stage.at.state.pending, name)
      if (n % 2) writeFileSync(path, bytes)
      else {
        writeFileSync(join(stage.at.tasks, name), bytes)
        renameSync(join(stage.at.tasks, name), path)
      }
    }
    await stage.until(
      'a verdict on each',
      async () => {
        const rows = new Map((await stage.tasks()).map((row) => [row.file, row]))
        return batch.every(({ name }) => {
          const row = rows.get(`tasks/pending/${name}`)
          if (row) return row.reason && !/settle|written|changed/.test(row.reason)
          return ['completed', 'failed'].some((state) => rows.has(`tasks/${state}/${name}`))
        })
      },
      60_000,
    )
    for (const { bytes, name } of batch) {
      const [at] = stage.files().filter((file) => file.endsWith(`/${name}`))
      expect(at, name).toBeDefined()
      expect(Buffer.compare(readFileSync(join(stage.at.tasks, at as string)), bytes), name).toBe(0)
      rmSync(join(stage.at.tasks, at as string))
    }
  }
  await unharmed(house)
}, 1_200_000)

it(`configurations: the last good one counts (seed ${seed})`, async () => {
  const house = await begun()
  const { stage } = house
  for (const bytes of some(full ? 200 : 3, CONFIG)) {
    writeFileSync(`${stage.at.config}.new`, bytes)
    renameSync(`${stage.at.config}.new`, stage.at.config)
    await new Promise((resolve) => setTimeout(resolve, READ_MS))
    expect((await stage.status()).active).toBeDefined()
  }
  expect(stage.log()).toMatch(/config\.yaml/)
  writeFileSync(stage.at.config, QUIET)
  await unharmed(house)
}, 1_200_000)
