// The real CLIs through the cases, a quick part of them; all of them under `npm run test:agents` (AGENTS_SET says which set).
// Promises: no network, no key, no trace outside a temporary folder; skipped, with the reason in the name, where they are not installed.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { version } from '../../src/agents/index.ts'
import { CASES, type Case } from './cases.ts'
import { type MockModel, mockModel } from './mock-model.ts'
import { absent, type Cli, clis, HOW, type Name, SETS } from './real-agents.ts'
import { rows } from './rows.ts'
import { runCase } from './run-case.ts'
import type { Seen } from './seen.ts'
import { setUp } from './set-up.ts'

const { AGENTS_SET, AGENTS_ROWS, AGENTS_ONLY, AGENTS_CASES } = process.env
const set = SETS.find((name) => name === AGENTS_SET) ?? 'pinned'
const whole = AGENTS_SET !== undefined
const tell = rows(AGENTS_ROWS)
/** `a,b`, or all. */
const among = (list: string | undefined, name: string) => !list || list.split(',').includes(name)

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

for (const name of absent(set).filter((name) => among(AGENTS_ONLY, name))) {
  test.skip(`${name}: not installed: ${HOW[set]}`, () => {})
  tell.absent(name, set, 0)
}

for (const cli of clis(set).filter(({ name }) => among(AGENTS_ONLY, name)))
  for (const [at, one] of CASES.entries())
    if (among(AGENTS_CASES, one.name) && (whole || one.quick?.includes(cli.name)))
      define(cli, one, at)

for (const cli of clis(set))
  if (!whole)
    test(`${cli.name} ${cli.version} tells its version`, async () => {
      const { command, env } = await setUp(cli, model.url, await mkdtemp(join(top, 'home-')))
      const path = { PATH: process.env.PATH ?? '' }
      const told = await version(command.split(' '), { ...path, ...env }, 30_000)
      expect(told).toContain(cli.version)
    })

function define(cli: Cli, one: Case, at: number) {
  const title = `${cli.name} ${cli.version}: ${one.name}`
  const why = one.not?.[cli.name]
  if (why) {
    test.skip(`${title}: ${why}`, () => {})
    tell.skipped(cli, one, at, why)
    return
  }
  const version = `${cli.name} ${cli.version}` as `${Name} ${number}.${number}.${number}`
  const [outcome, because] = one.but?.[version] ?? one.but?.[cli.name] ?? [one.outcome, '']
  const name = `${title} is ${outcome}${because && ` (${because})`}`
  const go = async () => {
    const all = await runCase(one, cli, model, top)
    const wrong = [...new Set(all.flatMap((seen) => faults(one, outcome, seen, cli.name)))]
    tell.seen(cli, one, at, all, wrong)
    expect(wrong, all.map(lastWords).join('\n')).toEqual([])
  }
  if (whole) test.concurrent(name, go, 120_000)
  else test(name, go)
}

function faults(one: Case, outcome: string, seen: Seen, name: Cli['name']): string[] {
  const said = `${seen.evidence}: ${seen.error}`
  const faults = []
  if (seen.outcome !== outcome)
    faults.push(`it is ${seen.outcome}, not ${outcome} (exit ${seen.exit}, ${said})`)
  if (one.says && !one.says.test(said)) faults.push(`${said} does not say ${one.says}`)
  const more = one.check?.(seen, name)
  if (more) faults.push(more)
  if (seen.left.length > 0) faults.push(`left running: ${seen.left}`)
  return faults
}

const lastWords = ({ stdout, stderr }: Seen) =>
  [stdout, stderr].map((text) => (text.trim().split('\n').at(-1) ?? '').slice(0, 500)).join('\n')
