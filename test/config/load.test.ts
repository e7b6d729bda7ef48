// loadConfig, reload, quickSettings and the template, on real files.
// Promises: each test has a workspace of its own and leaves nothing behind.
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { quickSettings } from '../../src/config/cache.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { configTemplate } from '../../src/config/template.ts'
import { reload } from '../../src/config/watch.ts'
import { type Workspace, workspace } from '../../src/files/workspace.ts'

let at: Workspace
beforeEach(() => {
  at = workspace(mkdtempSync(join(tmpdir(), 'config-')))
  mkdirSync(at.home)
})
afterEach(() => rmSync(at.root, { recursive: true }))

const write = (text: string) => writeFileSync(at.config, text)
const nothing = () => false
const installed = (...names: string[]) => ({ onPath: (name: string) => names.includes(name) })
async function counts(options: Parameters<typeof loadConfig>[1]) {
  const { settings } = await loadConfig(at, options)
  return Object.entries(settings.agents).map(
    ([type, { maxInstances }]) => `${type}:${maxInstances}`,
  )
}

describe('which agents there are', () => {
  it('without a config.yaml: what is on PATH, and shell', async () => {
    expect(await counts(installed('cursor-agent', 'claude'))).toEqual([
      'claude:2',
      'cursor:2',
      'shell:1',
    ])
    const { source, notes } = await loadConfig(at, installed('claude'))
    expect({ source, notes }).toEqual({ source: 'defaults', notes: [] })
  })
  it('with none on PATH says so', async () => {
    const { settings, notes } = await loadConfig(at, { onPath: nothing })
    expect(Object.keys(settings.agents)).toEqual(['shell'])
    expect(notes).toEqual([
      'no agent CLI is on PATH (claude, codex, gemini, cursor-agent, opencode): only `shell` tasks can run',
    ])
  })
  it('a file that says nothing of agents leaves that to PATH', async () => {
    write('task_queue: { max_size: 5 }')
    expect(await counts(installed('gemini'))).toEqual(['gemini:2', 'shell:1'])
    expect((await loadConfig(at)).source).toBe('file')
  })
  it('a file that lists agents does not ask', async () => {
    write('agents: { codex: }')
    expect(await counts(installed('claude'))).toEqual(['codex:2', 'shell:1'])
  })
  it.each<[string, Record<string, number>, string[]]>([
    ['', { claude: 2, codex: 2 }, ['claude:2', 'codex:2', 'shell:1']],
    ['', { claude: 1, shell: 0 }, ['claude:1']],
    ['', { claude: 1, shell: 4 }, ['claude:1', 'shell:4']],
    ['agents: { gemini: , shell: { max_instances: 3 } }', { claude: 1 }, ['claude:1', 'shell:1']],
    ['agents: { shell: { max_instances: 0 } }', { claude: 1 }, ['claude:1']],
    ['agents: { mine: { command: mine, max_instances: 0 } }', { mine: 3 }, ['mine:3', 'shell:1']],
  ])('%j with --agents %j', async (text, agents, expected) => {
    write(text)
    expect(await counts({ agents, onPath: nothing })).toEqual(expected)
  })
  it("--agents keeps the file's own settings of a type", async () => {
    write('agents: { claude: { command: "c x", timeout_seconds: 5 } }')
    const { settings } = await loadConfig(at, { agents: { claude: 4 }, onPath: nothing })
    expect(settings.agents.claude).toMatchObject({
      command: ['c', 'x'],
      timeoutMs: 5000,
      maxInstances: 4,
    })
  })
  it('--agents with a type that nobody knows is refused', async () => {
    await expect(loadConfig(at, { agents: { cladue: 1 }, onPath: nothing })).rejects.toMatchObject({
      code: 'USAGE',
      message: '--agents: `cladue` is not built in and has no `command`; did you mean `claude`?',
    })
  })
  it('no agent at all is told', async () => {
    const { notes } = await loadConfig(at, { agents: { shell: 0 }, onPath: nothing })
    expect(notes).toEqual(['no agent has an instance: no task can run'])
  })
})

describe('reading the file', () => {
  it.each<[string, () => void]>([
    ['is not valid UTF-8', () => writeFileSync(at.config, Buffer.from([0x61, 0x3a, 0xff]))],
    ['the limit is', () => write(`# ${'x'.repeat(256 * 1024)}`)],
    ['is not a regular file', () => mkdirSync(at.config)],
    ['is not a regular file', () => execFileSync('mkfifo', [at.config])],
  ])('%s', async (expected, make) => {
    make()
    await expect(loadConfig(at)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(expected),
    })
  })
  it('follows a link', async () => {
    writeFileSync(join(at.root, 'mine.yaml'), 'task_queue: { max_size: 7 }')
    symlinkSync('mine.yaml', at.config)
    expect((await loadConfig(at)).settings.queue.maxSize).toBe(7)
  })
})

describe('reload', () => {
  it('keeps the last good settings while an edit is broken', async () => {
    const options = { onPath: nothing }
    write('agents: { codex: }\ntask_queue: { max_size: 5 }')
    const { settings: first } = await loadConfig(at, options)
    expect(await reload(at, first, options)).toMatchObject({ settings: first, changed: false })
    write('agents: { codex: }\ntask_queue: { max_size: many }')
    const broken = await reload(at, first, options)
    expect(broken.settings).toBe(first)
    expect(broken).toMatchObject({
      changed: false,
      error: expect.stringContaining('config.yaml:2:'),
    })
    write('agents: { codex: }\ntask_queue: { max_size: 6 }')
    const good = await reload(at, first, options)
    expect(good).toMatchObject({ changed: true, settings: { queue: { maxSize: 6 } } })
    expect(good.error).toBeUndefined()
  })
})

describe('quickSettings', () => {
  const cache = () => join(at.home, 'config.json')
  const standStill = () => sleep(150) // longer than the tick within which nothing is cached
  const maxSize = async () => (await quickSettings(at)).maxSize
  /** Shows whether the next answer came from the mirror. */
  const mark = () =>
    writeFileSync(cache(), readFileSync(cache(), 'utf8').replace(/"maxSize":\d+/, '"maxSize":99'))

  it('without a file: the defaults, and no mirror', async () => {
    expect(await quickSettings(at)).toEqual({
      maxSize: 1000,
      defaultPriority: 'normal',
      types: ['claude', 'codex', 'gemini', 'cursor', 'opencode', 'shell'],
    })
    expect(() => readFileSync(cache())).toThrow('ENOENT')
  })
  it('reads the file once; an edit, a touch, and a removal are seen', async () => {
    write('task_queue: { max_size: 5, default_priority: low }\nagents: { codex: }')
    await standStill()
    const expected = { maxSize: 5, defaultPriority: 'low', types: ['codex', 'shell'] }
    expect(await quickSettings(at)).toEqual(expected)
    expect(await quickSettings(at)).toEqual(expected)
    mark()
    expect(await maxSize()).toBe(99)
    utimesSync(at.config, 1, 1) // touched
    await standStill()
    expect(await maxSize()).toBe(5)
    mark()
    write('task_queue: { max_size: 6 }') // edited
    expect(await maxSize()).toBe(6)
    writeFileSync(cache(), '{"key": "damaged')
    expect(await maxSize()).toBe(6)
    unlinkSync(at.config)
    expect(await maxSize()).toBe(1000)
  })
  it('a file that was changed just now is not mirrored: a second edit may have the same stat', async () => {
    write('task_queue: { max_size: 5 }')
    const { ctimeMs } = statSync(at.config)
    const clock = vi.spyOn(Date, 'now')
    try {
      // However long it takes to read it.
      clock.mockReturnValueOnce(ctimeMs + 100).mockReturnValue(ctimeMs + 10_000)
      expect(await maxSize()).toBe(5)
      expect(() => readFileSync(cache())).toThrow('ENOENT')
      clock.mockReturnValue(ctimeMs + 101)
      expect(await maxSize()).toBe(5)
      expect(readFileSync(cache(), 'utf8')).toContain('"maxSize":5')
    } finally {
      clock.mockRestore()
    }
  })
  it('works where it cannot write', async () => {
    rmSync(at.home, { recursive: true })
    write('task_queue: { max_size: 5 }')
    await standStill()
    expect(await maxSize()).toBe(5)
    expect(() => readFileSync(cache())).toThrow('ENOENT')
  })
  it('a broken file is refused', async () => {
    write('nope: 1')
    await expect(quickSettings(at)).rejects.toMatchObject({ code: 'CONFIG' })
  })
  it('imports nothing heavy', () => {
    const text = readFileSync(new URL('../../src/config/cache.ts', import.meta.url), 'utf8')
    const from = [...text.matchAll(/^import (?!type).* from '(.+)'/gm)].map(([, name]) => name)
    expect(from).toEqual(['node:path', '../files/fs.ts', './defaults.ts'])
    const defaults = readFileSync(new URL('../../src/config/defaults.ts', import.meta.url), 'utf8')
    expect(defaults).not.toMatch(/^import/m)
  })
})

describe('the template', () => {
  const bare = parseConfig('', 'config.yaml', '/w')
  it('changes nothing as it is', () => {
    expect(parseConfig(configTemplate('x.json', []), 'config.yaml', '/w')).toEqual(bare)
  })
  it('lists the agents that were found', () => {
    const text = configTemplate('./schema.json', ['codex', 'cursor'])
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./schema.json')
    expect(Object.keys(parseConfig(text, 'c', '/w').settings.agents)).toEqual([
      'codex',
      'cursor',
      'shell',
    ])
  })
  it('with every comment mark removed is the defaults still, but where there is none', () => {
    const lines = configTemplate('x', ['claude']).split('\n').slice(3)
    const text = lines.map((line) => line.replace(/^# /, '')).join('\n')
    const { agents, limits, budget, ...rest } = parseConfig(text, 'config.yaml', '/w').settings
    const { agents: _agents, limits: _limits, budget: _budget, ...defaults } = bare.settings
    expect(rest).toEqual(defaults)
    expect(Object.keys(agents)).toEqual([
      'claude',
      'codex',
      'gemini',
      'cursor',
      'opencode',
      'shell',
      'my-agent',
    ])
    expect(budget).toEqual({
      task: { tokens: 500_000, usd: 5 },
      day: { tokens: 20_000_000, usd: 100 },
    })
    expect(limits).toEqual({ memoryMb: 8192, cpuPercent: 400, diskMbps: 100 })
  })
})
