// Where the socket is, who may use it, and what becomes of an old one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { json } from '../../src/files/shown-json.ts'
import { ask, SHOWN } from '../../src/server/client.ts'
import { serve } from '../../src/server/serve.ts'
import { socketPath } from '../../src/server/socket.ts'
import { folder, stage } from './stage.ts'

const mode = async (path: string) => (await stat(path)).mode & 0o777
const idle = { operations: async () => ({ status: 200, body: {} }), log: () => {} }

it('lies in .orchestrate, also by way of a link', async () => {
  const home = await folder()
  const root = join(home, 'w')
  await mkdir(root)
  await symlink('w', join(home, 'link'))
  expect(socketPath(root)).toBe(join(root, '.orchestrate', 'orchestrate.sock'))
  expect(socketPath(join(home, 'link'))).toBe(socketPath(root))
  expect(socketPath(`${root}/../w/`)).toBe(socketPath(root))
})

it('lies in a short private folder when the path is too long, and works there', async () => {
  const home = await folder()
  const root = join(home, 'ü'.repeat(40), 'long')
  await mkdir(root, { recursive: true })
  await symlink(root, join(home, 'short'))
  const path = socketPath(root, home)
  expect(path).toMatch(/orchestrate-\d+\/[0-9a-f]{16}\.sock$/)
  expect(Buffer.byteLength(path)).toBeLessThanOrEqual(100)
  expect(socketPath(join(home, 'short'), home)).toBe(path)
  expect(socketPath(join(home, 'ü'.repeat(40)), home)).not.toBe(path)
  const served = await serve({ path, ...idle })
  onTestFinished(() => served.close())
  expect([await mode(dirname(path)), await mode(path)]).toEqual([0o700, 0o600])
  expect(socketPath(root, home)).toBe(path) // now that the folder is there
  expect(await ask(path, 'GET', '/')).toEqual({ status: 200, body: {} })
})

it('a short folder that others may enter, or that is none, is refused', async () => {
  const home = await folder()
  const root = join(home, 'x'.repeat(100))
  await mkdir(root)
  const short = dirname(socketPath(root, home))
  await mkdir(short)
  await chmod(short, 0o755)
  expect(() => socketPath(root, home)).toThrow(expect.objectContaining({ code: 'SOCKET_FOLDER' }))
  await rm(short, { recursive: true })
  await writeFile(short, '', { mode: 0o600 })
  expect(() => socketPath(root, home)).toThrow(expect.objectContaining({ code: 'SOCKET_FOLDER' }))
  await rm(short)
  await symlink(root, short)
  expect(() => socketPath(root, home)).toThrow(expect.objectContaining({ code: 'SOCKET_FOLDER' }))
})

it('closes the folder to others, and is gone after the end', async () => {
  const root = await folder()
  await mkdir(join(root, '.orchestrate'), { mode: 0o755 })
  const { path, served } = await stage({ root })
  expect([await mode(join(root, '.orchestrate')), await mode(path)]).toEqual([0o700, 0o600])
  await served.close()
  expect(await readdir(dirname(path))).toEqual([])
  expect(await ask(path, 'GET', '/status')).toBeNull()
})

it('replaces the socket of one that was killed, and no other', async () => {
  const root = await folder()
  const path = socketPath(root)
  await mkdir(dirname(path))
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('on'))`
  const other = spawn(process.execPath, ['-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void other.kill('SIGKILL'))
  await once(other.stdout, 'data')
  await expect(serve({ path, ...idle })).rejects.toMatchObject({ code: 'SOCKET_BUSY' })
  // Suspended: the kernel takes connections for it, and it never answers.
  other.kill('SIGSTOP')
  await expect(serve({ path, ...idle })).rejects.toMatchObject({ code: 'SOCKET_BUSY' })
  const mine = await serve({ path, ...idle, mine: true })
  expect(await ask(path, 'GET', '/status')).not.toBeNull()
  await mine.close()
  const again = spawn(process.execPath, ['-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void again.kill('SIGKILL'))
  await once(again.stdout, 'data')
  again.kill('SIGKILL')
  await once(again, 'exit')
  other.kill('SIGKILL')
  await once(other, 'exit')
  expect((await lstat(path)).isSocket()).toBe(true)
  expect(await ask(path, 'GET', '/status')).toBeNull() // nobody listens
  const { index } = await stage({ root })
  expect(await ask(path, 'GET', '/tasks')).toEqual({ status: 200, body: index.tasks() })
})

it('answers as it is to be printed, when that is asked for', async () => {
  const { path, index } = await stage()
  index.putTask({
    ...{ file: 'tasks/pending/a.yaml', id: 'a', status: 'pending', priority: 'normal' },
    ...{ description: 'é\u001b[31m\u009b\u202e"', createdAt: 1, agentId: null, attempt: 0 },
    ...{ outcome: null, needsReview: false, error: null, reason: null, stamp: null, learnt: null },
  })
  const shown = (route: string) => ask(path, 'GET', route, undefined, undefined, SHOWN)
  const reply = await shown('/tasks')
  expect(reply).toMatchObject({ status: 200, body: null })
  expect(String(reply?.shown)).toBe(`${json(index.tasks())}\n`)
  expect(await shown('/tasks/none')).toMatchObject({ status: 404, body: { error: {} } })
})

it('a file in its place is left alone', async () => {
  const path = socketPath(await folder())
  await mkdir(dirname(path))
  await writeFile(path, 'of a person')
  await expect(serve({ path, ...idle })).rejects.toMatchObject({ code: 'SOCKET_BUSY' })
  expect(await readFile(path, 'utf8')).toBe('of a person')
})

it('comes back when someone removes it; a folder that is gone does not', async () => {
  const { path, root, served } = await stage({ checkMs: 20 })
  for (let i = 0; i < 2; i++) {
    await rm(path)
    await vi.waitFor(async () => expect(await ask(path, 'GET', '/healthz')).not.toBeNull(), 30_000)
    expect(await mode(path)).toBe(0o600)
  }
  await rm(root, { recursive: true })
  await served.close()
  await expect(lstat(root)).rejects.toMatchObject({ code: 'ENOENT' })
})

it('ends although someone holds a connection open', async () => {
  const { path, served } = await stage()
  const silent = connect(path)
  await once(silent, 'connect')
  const kept = connect(path)
  kept.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(kept, 'data')
  const gone = [once(silent, 'close'), once(kept, 'close')]
  for (const socket of [silent, kept]) socket.on('error', () => {}).resume() // a reset is an end, too
  await served.close()
  await Promise.all(gone)
})
