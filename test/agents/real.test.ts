// The real CLIs through the cases, a quick part of them; all of them under `npm run test:agents` (AGENTS_SET says which set).
// Promises: no network, no key, no trace outside a temporary folder; skipped, with the reason in the name, where they are not installed.
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kinds } from '../../src/agents/index.ts'
import { CASES, type Case } from './cases.ts'
import { type MockModel, mockModel } from './mock-model.ts'
import { absent, type Cli, clis, HOW_TO_INSTALL, SETS } from './real-agents.ts'
import { runCase, type Seen } from './run-case.ts'

const { AGENTS_SET, AGENTS_ROWS, AGENTS_ONLY } = process.env
const set = SETS.find((name) => name === AGENTS_SET) ?? 'pinned'
const whole = AGENTS_SET !== undefined

let model: MockModel
let top: string
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'real-agents-'))
  model = await mockModel()
})
afterAll(async () => {
  await model.stop()
  await rm(top, { recursive: true, force: true })
})

for (const name of absent(set)) test.skip(`${name}: not installed: ${HOW_TO_INSTALL}`, () => {})

for (const cli of clis(set).filter(({ name }) => kinds[name] && wanted(name))) {
  const version = `${cli.name} ${cli.version}`
  for (const one of CASES.filter((one) => whole || one.quick?.includes(cli.name))) {
    const why = one.not?.[cli.name]
    if (why) {
      test.skip(`${version}: ${one.name}: ${why}`, () => {})
      continue
    }
    const [outcome, because] = one.but?.[cli.name] ?? [one.outcome, '']
    const name = `${version}: ${one.name} is ${outcome}${because && ` (${because})`}`
    const go = async () => {
      const all = await runCase(one, cli, model, top)
      const wrong = all.flatMap((seen) => faults(one, outcome, seen))
      if (AGENTS_ROWS) await appendFile(AGENTS_ROWS, row(cli, one, outcome, all, wrong))
      expect(
        wrong,
        all
          .map((seen) => seen.stdout + seen.stderr)
          .join('\n')
          .slice(-3000),
      ).toEqual([])
    }
    if (whole) test.concurrent(name, go, 120_000)
    else test(name, go)
  }
}

function wanted(name: string) {
  return !AGENTS_ONLY || AGENTS_ONLY.split(',').includes(name)
}

function faults(one: Case, outcome: string, seen: Seen): string[] {
  const said = `${seen.evidence}: ${seen.error}`
  const faults = []
  if (seen.outcome !== outcome)
    faults.push(`it is ${seen.outcome}, not ${outcome} (exit ${seen.exit}, ${said})`)
  if (one.says && !one.says.test(said)) faults.push(`${said} does not say ${one.says}`)
  const more = one.check?.(seen)
  if (more) faults.push(more)
  if (seen.left.length > 0) faults.push(`left running: ${seen.left}`)
  return faults
}

const row = (cli: Cli, one: Case, expected: string, all: Seen[], wrong: string[]) => {
  const [seen] = all
  const { outcome, evidence, error, exit, seconds } = seen as Seen
  const { name, version } = cli
  const about = { cli: name, version, set: cli.set, case: one.name, expected, wrong }
  const requests = all.map((seen) => seen.asked.length)
  return `${JSON.stringify({ ...about, outcome, evidence, error, exit, seconds, requests })}\n`
}
