// Finding a program and asking its version, with real programs; nothing may be left running.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { needsSandboxNote, version, which } from '../../src/agents/index.ts'

let folder: string
const env = { PATH: process.env.PATH ?? '' }
const program = async (name: string, script: string, mode = 0o755) => {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode })
  return path
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'probe-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('which: on PATH, by path, and not at all', async () => {
  const here = await program('here', 'exit 0')
  await program('not-executable', 'exit 0', 0o644)
  expect(which('here', `/nowhere:${folder}`)).toBe(here)
  expect(which(here, '')).toBe(here)
  expect(which('not-executable', folder)).toBeNull()
  expect(which('absent', folder)).toBeNull()
  expect(which(folder, '')).toBeNull()
})

test('version: the first line, asked without the person’s own arguments', async () => {
  const claude = await program('claude', 'echo "1.2.3 ($*)"; echo more')
  expect(await version([claude, '--model', 'x'], env, 5000)).toBe('1.2.3 (--version)')
  expect(await version(['env', 'A=1', claude, '-p'], env, 5000)).toBe('1.2.3 (--version)')
})

test('version: null for what is absent, fails, or is silent for too long', async () => {
  expect(await version([join(folder, 'absent')], env, 5000)).toBeNull()
  expect(await version([await program('broken', 'echo 1.0; exit 1')], env, 5000)).toBeNull()
  expect(await version([], env, 5000)).toBeNull()
  expect(await version([await program('mute', 'exit 0')], env, 5000)).toBe('unknown')
})

test('version: a hanging program and its children are gone afterwards', async () => {
  const pids = join(folder, 'pids')
  const hangs = await program('hangs', `sleep 60 & echo "$$ $!" > ${pids}; wait`)
  const began = Date.now()
  expect(await version([hangs], env, 500)).toBeNull()
  expect(Date.now() - began).toBeLessThan(5000)
  for (const pid of (await readFile(pids, 'utf8')).trim().split(' ')) await gone(Number(pid))
})

test('version: a grandchild that holds the pipe open delays nothing and is ended', async () => {
  const pid = join(folder, 'pid')
  const leaves = await program('leaves', `sleep 60 & echo $! > ${pid}; echo 2.0`)
  const began = Date.now()
  expect(await version([leaves], env, 20_000)).toBe('2.0')
  expect(Date.now() - began).toBeLessThan(5000)
  await gone(Number(await readFile(pid, 'utf8')))
})

test('claude as root needs to be told that this is a sandbox', () => {
  expect(needsSandboxNote('claude', {}, 0)).toMatch(/IS_SANDBOX: "1"/)
  expect(needsSandboxNote('claude', { IS_SANDBOX: '1' }, 0)).toBeNull()
  expect(needsSandboxNote('claude', {}, 1000)).toBeNull()
  expect(needsSandboxNote('codex', {}, 0)).toBeNull()
  expect(needsSandboxNote('claude', {}, 0, ['claude', '--permission-mode', 'plan'])).toBeNull()
  expect(
    needsSandboxNote('claude', {}, 0, ['claude', '--dangerously-skip-permissions']),
  ).not.toBeNull()
})

/** A killed orphan is a zombie until init takes it: not living. */
async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (stat === '' || / Z /.test(stat)) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error(`process ${pid} is still there`)
}
