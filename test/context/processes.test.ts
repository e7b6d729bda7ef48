// The context under several processes and on a full disk, for real.
// Promises: two processes that finish at once lose nothing; ENOSPC surfaces and publishes no half file.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createContext } from '../../src/context/context.ts'
import { end, folder, put } from './sample.ts'

const home = resolve(import.meta.dirname, '../..')

/** src/context as JavaScript: Node 20 runs no TypeScript in a child. */
function compiled(): string {
  const at = folder()
  symlinkSync(join(home, 'node_modules'), join(at, 'node_modules'))
  put(at, {
    'package.json': '{"type":"module"}',
    'tsconfig.json': JSON.stringify({
      extends: join(home, 'tsconfig.json'),
      compilerOptions: { noEmit: false, outDir: 'out', rootDir: join(home, 'src') },
      include: [],
      files: [join(home, 'src/context/context.ts')],
    }),
    'finish.mjs': `
      import { createContext } from './out/context/context.js'
      const [root, ...ends] = JSON.parse(process.argv[2])
      const context = createContext({ root, directory: 'context', updateOnCompletion: true })
      await Promise.all(ends.map((end) => context.finish(end)))
    `,
  })
  execFileSync(join(home, 'node_modules/.bin/tsc'), ['-p', at], { stdio: 'pipe' })
  return join(at, 'finish.mjs')
}

test('two processes, ten each, at once: nothing is lost', async () => {
  const root = folder()
  put(root, { 'context/current_state.md': '# Mine\n' })
  const program = compiled()
  const all = Array.from({ length: 20 }, (_, n) => end(n + 1))
  const codes = await Promise.all(
    [0, 1].map(async (half) => {
      const ends = all.filter((_, n) => n % 2 === half)
      const child = spawn(process.execPath, [program, JSON.stringify([root, ...ends])], {
        stdio: 'inherit',
      })
      return (await once(child, 'exit'))[0]
    }),
  )
  expect(codes).toEqual([0, 0])
  const json = readFileSync(join(root, 'context/completed_tasks.json'), 'utf8')
  const expected = all.map((one) => one.task.id).reverse()
  expect(JSON.parse(json).map((one: { task_id: string }) => one.task_id)).toEqual(expected)
  const state = readFileSync(join(root, 'context/current_state.md'), 'utf8')
  expect(state.startsWith('# Mine\n')).toBe(true)
  expect(state.match(/^- \[x\]/gm)).toHaveLength(20)
  expect(readdirSync(join(root, 'context/agent_outputs'))).toHaveLength(20)
  expect(readdirSync(join(root, '.orchestrate'))).toEqual([])
})

/** A file system of 128 KiB, where this user may mount one. */
function smallDisk(): string | null {
  const at = folder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', at], { stdio: 'pipe' })
  } catch {
    return null // not root
  }
  onTestFinished(() => {
    execFileSync('umount', [at])
  })
  return at
}

test('a full disk surfaces, publishes nothing cut short, and is forgotten once there is room', async ({
  skip,
}) => {
  const root = smallDisk()
  if (root === null) return skip('no right to mount')
  const context = createContext({ root, directory: 'context', updateOnCompletion: true })
  await context.finish(end(1))
  const before = readFileSync(join(root, 'context/completed_tasks.json'), 'utf8')
  const large = end(2, {}, 'x'.repeat(200_000))
  await expect(context.finish(large)).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(readFileSync(join(root, 'context/completed_tasks.json'), 'utf8')).toBe(before)
  expect(readdirSync(join(root, 'context/agent_outputs'))).toEqual(['task_001_output.md'])
  expect(await context.finish(end(2))).toBe('context/agent_outputs/task_002_output.md')
})
