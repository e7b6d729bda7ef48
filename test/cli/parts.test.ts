// Small parts of the composition root that can be seen alone.
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGuard } from '../../src/cli/guard.ts'
import { logFile } from '../../src/cli/log-file.ts'
import { tree } from '../../src/cli/tree.ts'
import type { Settings } from '../../src/types.ts'
import { folder } from './program.ts'

describe('the log', () => {
  it('keeps its level, is private, and is one line for each event', () => {
    const path = join(folder(), 'log')
    let level: Settings['logLevel'] = 'warn'
    const heard: string[] = []
    const log = logFile(
      path,
      () => level,
      (_, text) => heard.push(text),
    )
    log('info', 'unheard')
    log('error', 'two\nlines \u001b[31m')
    level = 'info'
    log('info', 'heard')
    expect(heard).toEqual(['two\nlines \u001b[31m', 'heard'])
    expect(readFileSync(path, 'utf8')).toMatch(/^\S+Z error two lines\n\S+Z info {2}heard\n$/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('stays small', () => {
    const path = join(folder(), 'log')
    writeFileSync(path, 'x'.repeat(5 * 1024 * 1024 + 1))
    const log = logFile(path, () => 'info')
    log('info', 'new')
    expect(statSync(`${path}.1`).size).toBe(5 * 1024 * 1024 + 1)
    expect(readFileSync(path, 'utf8')).toMatch(/new\n$/)
    expect(statSync(path).size).toBeLessThan(100)
  })

  it('does without a disk', () => {
    const log = logFile(join(folder(), 'gone', 'log'), () => 'info')
    expect(() => log('error', 'x')).not.toThrow()
  })

  it('writes and cuts nothing through a link, its own or that of its folder', () => {
    const top = folder()
    mkdirSync(join(top, 'home'))
    mkdirSync(join(top, 'elsewhere'))
    writeFileSync(join(top, 'elsewhere/log'), 'precious')
    const path = join(top, 'home/log')
    const log = logFile(path, () => 'info')
    symlinkSync('../elsewhere/log', path)
    log('info', 'one')
    rmSync(join(top, 'home'), { recursive: true })
    symlinkSync('elsewhere', join(top, 'home'))
    log('info', 'two')
    expect(readFileSync(join(top, 'elsewhere/log'), 'utf8')).toBe('precious')
    rmSync(join(top, 'home'))
    mkdirSync(join(top, 'home'))
    log('info', 'three')
    expect(readFileSync(path, 'utf8')).toMatch(/one\n.*two\n.*three\n$/)
  })

  it('brings along what had no room, the newest hundred, in order', () => {
    const path = join(folder(), 'later', 'log')
    const log = logFile(path, () => 'info')
    for (let n = 1; n <= 120; n++) log('info', `line ${n}`)
    mkdirSync(join(path, '..'))
    log('info', 'room')
    log('info', 'once')
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    expect(lines.map((line) => line.split('info  ')[1])).toEqual([
      ...Array.from({ length: 99 }, (_, n) => `line ${n + 22}`),
      ...['room', 'once'],
    ])
  })
})

describe('the guard', () => {
  it('stops claims above a limit, and ends a run only after 30 s of too much memory', async () => {
    let now = 0
    const used = { memoryMb: 100, cpuPercent: 50, diskMbps: 0 }
    const guard = createGuard(
      async () => used,
      () => now,
    )
    const ask = () => guard([1, null], { memoryMb: 200, cpuPercent: 80 })
    expect(await ask()).toEqual({ claims: null, end: false })
    used.cpuPercent = 90
    expect(await ask()).toEqual({
      claims: 'the agents use 90 % of one core (performance.max_cpu_percent is 80)',
      end: false,
    })
    used.memoryMb = 300
    expect(await ask()).toMatchObject({
      claims: expect.stringContaining('performance.max_memory_mb is 200'),
      end: false,
    })
    now = 29_000
    expect(await ask()).toMatchObject({ end: false })
    now = 31_000
    expect(await ask()).toMatchObject({ end: true })
    now = 32_000
    expect(await ask()).toMatchObject({ end: false })
    used.memoryMb = used.cpuPercent = 1
    expect(await ask()).toEqual({ claims: null, end: false })
  })
})

it('a tree is sorted and leaves out what it is told', () => {
  const root = folder()
  mkdirSync(join(root, 'b'))
  for (const path of ['b/c', 'a', '.hidden']) writeFileSync(join(root, path), '')
  expect(tree(root, new Set(['.hidden']))).toEqual(['├── a', '└── b/', '    └── c'])
})
