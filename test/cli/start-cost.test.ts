// What the commands that people and scripts type all day load: that is their cost, and it creeps in one import at a time.
// Promises: counts files and node's own modules, never times.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import { MAIN, orchestrate, workspace } from './program.ts'

/** Runs the program in its own process, and tells at its end which files it had, and what it made node load. */
const TRACE = `
  const before = new Set(process.moduleLoadList)
  process.argv.splice(1, 0, ${JSON.stringify(MAIN)})
  process.on('exit', () => {
    const node = process.moduleLoadList.filter((one) => !before.has(one))
    require('fs').writeSync(2, '\\n' + JSON.stringify({ files: Object.keys(require.cache), node }))
  })
  require(${JSON.stringify(MAIN)})`

/** Modules of node that cost a command from a hundredth to a tenth of a bare start each. */
const COSTLY =
  /^NativeModule (net|https?|http2|tls|dns|crypto|stream|worker_threads|child_process|fs\/promises|internal\/modules\/esm\/loader)$/

function loaded(root: string, ...words: string[]) {
  const args = ['-e', TRACE, '--', ...words]
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  const told = JSON.parse(stderr.split('\n').at(-1) ?? '') as { files: string[]; node: string[] }
  return {
    stdout,
    files: told.files.map((path) => basename(path)).sort(),
    costly: told.node.flatMap((name) => COSTLY.exec(name)?.[1] ?? []),
  }
}

it('where nothing runs, status loads one file, and add two more to write', async () => {
  const root = await workspace()
  // The first ones read config.yaml, and leave what they need of it in a cache.
  while (!existsSync(join(root, '.orchestrate/config.json'))) await orchestrate(root, ['add', 'x'])

  const status = loaded(root, 'status')
  expect(status.stdout).toContain('not running')
  expect(status.files).toEqual(['main.js'])
  expect(status.costly).toEqual([])

  const add = loaded(root, 'add', 'y')
  expect(add.stdout).toMatch(/^task_\d+\n$/)
  expect(add.files).toEqual(['main.js', 'rolldown-runtime.js', 'write.js'])
  expect(add.costly).toEqual([])
})

it('asking a running orchestrator loads one file, and of node what a socket needs', async () => {
  const root = await workspace()
  expect(await orchestrate(root, ['start'])).toMatchObject({ status: 0 })
  try {
    for (const words of [['status'], ['add', 'x'], ['tasks'], ['tasks', '--json']]) {
      const { files, costly, stdout } = loaded(root, ...words)
      expect(stdout, words.join(' ')).toMatch(/running \(pid|^task_001\n|TASK|"id": "task_001"/)
      expect(files, words.join(' ')).toEqual(['main.js'])
      const asking = ['net', 'stream']
      expect(
        costly.filter((name) => !asking.includes(name)),
        words.join(' '),
      ).toEqual([])
    }
  } finally {
    await orchestrate(root, ['stop', '--now'])
  }
})
