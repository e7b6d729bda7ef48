// The soak in its shortest form, so that the harness itself is known to work: it passes over a sound program, and sees
// each kind of damage that is done behind its back.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { leftOf } from '../acceptance/stage.ts'

const SOAK = fileURLToPath(new URL('./soak.mjs', import.meta.url))
/** ms: 20 seconds of load, and then all that is under way comes to its end on a busy machine. */
const LONGEST = 400_000

interface Figures {
  seed: number
  tasks: Record<string, number>
  counts: Record<string, number>
  violations: { kind: string; about: string; last: unknown[] }[]
  processes: { peak: { rss: number; descriptors: number } }
}

const folder = mkdtempSync(join(tmpdir(), 'soak-test-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Its exit code, what it said, and its figures. It works below `folder`, so that what it leaves is found. */
async function soak(...words: string[]) {
  const json = join(folder, 'figures.json')
  mkdirSync(folder, { recursive: true })
  const child = spawn(process.execPath, [SOAK, '--minutes', '0.34', '--json', json, ...words], {
    env: { ...process.env, TMPDIR: folder },
  })
  let out = ''
  for (const pipe of [child.stdout, child.stderr])
    pipe.setEncoding('utf8').on('data', (text) => {
      out += text
    })
  const code = await new Promise((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  )
  expect(existsSync(json), out).toBe(true)
  return { code, out, figures: JSON.parse(readFileSync(json, 'utf8')) as Figures }
}

it(
  'loses, repeats and leaves nothing in twenty seconds of load and faults',
  async () => {
    const { code, out, figures } = await soak('--seed', '20')
    expect(figures.violations, out).toEqual([])
    expect(code).toBe(0)
    expect(out).toMatch(/^soak: seed 20, 0\.34 minutes/m)
    const { tasks, counts } = figures
    expect(tasks.given).toBeGreaterThan(5)
    expect(tasks.runs).toBeGreaterThan(5)
    expect(counts.starts).toBeGreaterThanOrEqual(2)
    expect(figures.processes.peak.descriptors).toBeGreaterThan(5)
    expect(leftOf(folder)).toEqual([])
    expect(readdirSync(folder)).toEqual(['figures.json'])
  },
  LONGEST,
)

it(
  'sees what is lost, changed, run twice and left running',
  async () => {
    const { code, out, figures } = await soak('--seed', '21', '--sabotage')
    expect(code, out).toBe(1)
    const kinds = new Set(figures.violations.map(({ kind }) => kind))
    for (const kind of ['lost', 'bytes changed', 'one attempt ran twice', 'left running'])
      expect(kinds, out).toContain(kind)
    expect(figures.violations[0]?.last.length).toBeGreaterThan(0)
    expect(leftOf(folder)).toEqual([])
  },
  LONGEST,
)
