// The house rules of src: who may import whom, the purity of what decides, and the line budget of the core (DESIGN 4).
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

const SRC = resolve(import.meta.dirname, '../src')
const BUDGET = 1000

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)
const text = (file: string) => readFileSync(join(SRC, file), 'utf8')
const layer = (file: string) => (file.includes('/') ? (file.split('/')[0] as string) : file)
const imports = (file: string) =>
  [...text(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] as string)
const inner = (file: string) =>
  imports(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(SRC, resolve(SRC, dirname(file), name)))

/** What each layer may import besides itself. `cli` and the library's door join all. */
const MAY: Record<string, string[]> = {
  'types.ts': [],
  files: ['types.ts'],
  look: ['types.ts', 'files'],
  core: ['types.ts', 'files', 'look'],
  process: ['types.ts', 'files'],
  config: ['types.ts', 'files'],
  context: ['types.ts', 'files'],
  agents: ['types.ts', 'files'],
  index: ['types.ts', 'files'],
  server: ['types.ts', 'files'],
  verify: ['types.ts', 'files', 'look', 'process', 'config', 'context', 'index', 'server'],
}
/** The look's factories are handed the core's objects: types only, so nothing runs backwards. */
const TYPES_ONLY: Record<string, string[]> = { look: ['core'], files: ['core'] }

it('layers import only what lies below them', () => {
  const wrong: string[] = []
  for (const file of files) {
    const may = MAY[layer(file)]
    if (!may) continue
    for (const name of inner(file)) {
      const to = layer(name)
      if (to === layer(file) || may.includes(to)) continue
      const typed = new RegExp(`import type [^;]*?from '[^']*${to}/${name.split('/').pop()}'`).test(
        text(file),
      )
      if (!(TYPES_ONLY[layer(file)]?.includes(to) && typed)) wrong.push(`${file} imports ${name}`)
    }
  }
  expect(wrong).toEqual([])
})

it('what decides is pure: no disk, no process, no clock', () => {
  for (const file of [
    'core/decide.ts',
    'core/distribute.ts',
    'look/pace.ts',
    'look/words.ts',
    'look/blocked.ts',
    'look/suits.ts',
    'look/learned.ts',
    'look/verdict.ts',
    'look/duplicates.ts',
    'files/task.ts',
  ]) {
    expect(
      imports(file).filter((name) => name.startsWith('node:')),
      file,
    ).toEqual([])
    expect(text(file), file).not.toMatch(
      /Date\.now\(|performance\.now\(|process\.(env|cwd|pid)|Math\.random/,
    )
  }
})

it('every process starts through cross-spawn', () => {
  const others = files.filter(
    (file) =>
      /from 'node:child_process'/.test(text(file)) &&
      !/import type [^;]*from 'node:child_process'/.test(text(file)),
  )
  expect(others).toEqual([])
})

it('a vendor is known to src/agents alone', () => {
  const core = files.filter((file) =>
    ['core', 'look', 'files', 'process', 'context', 'index', 'server'].includes(layer(file)),
  )
  const named = core.filter((file) =>
    /\bclaude\b|\bcodex\b|\bgemini\b|\bcursor\b/i.test(
      code(text(file)).replace(/install [^'`]*/g, ''),
    ),
  )
  expect(named).toEqual([])
})

const code = (source: string) =>
  source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
const count = (file: string) =>
  code(text(file))
    .split('\n')
    .filter((line) => line.trim() !== '').length

it(`the core stays under ${BUDGET} lines of code`, () => {
  const sum = (some: string[]) => some.reduce((total, file) => total + count(file), 0)
  const lines = sum(files.filter((file) => layer(file) === 'core'))
  console.log(`core: ${lines} of ${BUDGET} lines of code; all of src: ${sum(files)}`)
  expect(lines).toBeLessThan(BUDGET)
})
