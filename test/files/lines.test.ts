// The output of a run, read while it grows: whatever its size, a read comes to an end, and holds a bounded part of it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Lines } from '../../src/files/run-folder.ts'

let path = ''
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'lines-')), 'stdout')
})
afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }))

function reader(many?: boolean) {
  const seen: string[] = []
  return { seen, lines: new Lines(path, (line) => seen.push(line), many) }
}

it('reads in steps, no line twice and none left out, wherever a step ends', async () => {
  const { seen, lines } = reader()
  const all = Array.from({ length: 3000 }, (_, n) => `${n} ${'é'.repeat(n % 50)}`)
  writeFileSync(path, `${all.join('\n')}\nhalf`)
  let steps = 1
  while (!(await lines.read(false, 997))) steps++
  expect(steps).toBeGreaterThan(statSync(path).size / 997)
  expect(seen).toEqual(all)
  appendFileSync(path, ' and half')
  expect(await lines.read(false)).toBe(true)
  expect(seen).toHaveLength(all.length)
  await lines.read(true)
  expect(seen.at(-1)).toBe('half and half')
})

it('gives many lines in one text where that is asked for, whole ones', async () => {
  const { seen, lines } = reader(true)
  const all = Array.from({ length: 9000 }, (_, n) => (n % 7 ? `${n} ${'é'.repeat(n % 50)}` : ''))
  writeFileSync(path, `${all.join('\n')}\nhalf`)
  while (!(await lines.read(false, 9970)));
  expect(seen.join('\n')).toBe(all.join('\n'))
  expect(seen.length).toBeLessThan(100)
  appendFileSync(path, ' and half')
  await lines.read(true)
  expect(seen.at(-1)).toBe('half and half')
})

it.each([false, true])(
  'comes back with a part of what is large, and holds no line beyond 1 MiB (many: %s)',
  async (many) => {
    const { seen, lines } = reader(many)
    writeFileSync(path, Buffer.alloc(20 << 20, 'x'))
    expect(await lines.read(false)).toBe(many)
    while (!(await lines.read(false)));
    appendFileSync(path, 'y\nthe last line\n')
    expect(await lines.read(true)).toBe(true)
    expect(seen).toHaveLength(2)
    expect(seen[0]?.length).toBeLessThan(2 << 20)
    expect(seen[1]).toBe('the last line')
  },
)

it('catches up with a text at its end, of which it holds 1 MiB', async () => {
  const { seen, lines } = reader(true)
  const some = (word: string) => `${word} é\n`.repeat(4096)
  writeFileSync(path, some('first'))
  expect(await lines.read(false)).toBe(true)
  for (let n = 0; n < 1000; n++) appendFileSync(path, some('more'))
  appendFileSync(path, 'the last line\n')
  seen.length = 0
  expect(await lines.read(false)).toBe(true)
  // Where it begins, a letter may be cut in two.
  const text = seen.join('\n').slice(1)
  const all = `${some('more').repeat(40)}the last line`
  expect(Buffer.byteLength(text) >> 4).toBe((1 << 16) - 1)
  expect(text === all.slice(-text.length)).toBe(true)
})

it('comes to an end though the writer never does', async () => {
  const { seen, lines } = reader()
  const writer = spawn('sh', ['-c', `exec yes 'a line' >"${path}"`], { stdio: 'ignore' })
  try {
    while ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < 1 << 20)
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await lines.read(false, Number.POSITIVE_INFINITY)).toBeTypeOf('boolean')
    expect(writer.exitCode).toBeNull()
    expect(seen[0]).toBe('a line')
  } finally {
    writer.kill('SIGKILL')
    await once(writer, 'exit')
  }
})

it('follows no link, and waits for no FIFO, that an agent has put there', async () => {
  const { seen, lines } = reader()
  spawnSync('mkfifo', [path])
  expect(await lines.read(true)).toBe(true)
  rmSync(path)
  symlinkSync('/etc/passwd', path)
  expect(await lines.read(true)).toBe(true)
  expect(seen).toEqual([])
})
