// What cannot be looked at or read for a moment is neither gone nor seen: the next scan sees it, without being told again.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { workspace } from '../../src/files/workspace.ts'
import { Folders } from '../../src/look/folders.ts'
import { STATES } from '../../src/types.ts'

const fail = vi.hoisted(() => ({ look: '', read: '' }))
const refuse = (path: string, part: string, code: string) => {
  if (part && path.endsWith(part)) throw Object.assign(new Error(code), { code })
}
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return {
    ...fs,
    lstatSync(path: string) {
      refuse(path, fail.look, 'EIO')
      return fs.lstatSync(path)
    },
  }
})
vi.mock('../../src/files/files.ts', async (original) => {
  const files = await original<typeof import('../../src/files/files.ts')>()
  return {
    ...files,
    async readRegular(path: string, most: number) {
      refuse(path, fail.read, 'EMFILE')
      return files.readRegular(path, most)
    },
  }
})
beforeEach(() => Object.assign(fail, { look: '', read: '' }))

function workspaceWith(...names: string[]) {
  const root = mkdtempSync(join(tmpdir(), 'orchestrate-unseen-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const at = workspace(root)
  for (const state of STATES) mkdirSync(at.state[state], { recursive: true })
  const put = (name: string, text = 'description: x\n') => {
    writeFileSync(join(at.state.pending, name), text)
    return join(at.state.pending, name)
  }
  for (const name of names) put(name)
  const folders = new Folders(at, { maxSize: 9, defaultPriority: 'normal', settleMs: 0 })
  return { folders, put, ids: () => [...folders.entries.values()].map(({ id }) => id).sort() }
}

it('a task that cannot be looked at is not gone', async () => {
  const { folders, ids } = workspaceWith('a.yaml', 'b.yaml')
  await folders.scan([])
  fail.look = 'a.yaml'
  for (const all of [false, true, true]) await folders.scan(['tasks/pending/a.yaml'], all)
  expect(ids()).toEqual(['a', 'b'])
  expect(folders.news.dropped.size).toBe(0)
})

it('a new task that cannot be looked at for a moment is looked at again', async () => {
  const { folders, ids, put } = workspaceWith('a.yaml')
  await folders.scan([])
  put('b.yaml')
  fail.look = 'b.yaml'
  for (const all of [false, true]) await folders.scan(['tasks/pending/b.yaml'], all)
  expect(ids()).toEqual(['a'])
  fail.look = ''
  await folders.scan([])
  expect(ids()).toEqual(['a', 'b'])
})

it('what it was told of is looked at in a full scan, too, however many wait', async () => {
  const names = Array.from({ length: 1200 }, (_, n) => `t${n}.yaml`)
  const { folders, put } = workspaceWith(...names)
  await folders.scan([])
  for (const name of names) put(name, 'description: other\n')
  const told = names.slice(1100).map((name) => `tasks/pending/${name}`)
  await folders.scan(told)
  const read = (file: string) => folders.entries.get(file)?.task?.description
  expect(new Set(told.map(read))).toEqual(new Set(['other']))
})

it('a scan that breaks off leaves nothing unseen', async () => {
  const { folders, ids, put } = workspaceWith('a.yaml')
  await folders.scan([])
  for (const name of ['b.yaml', 'c.yaml', 'd.yaml']) put(name)
  const [, second = ''] = readdirSync(dirname(put('b.yaml'))).filter((name) => name !== 'a.yaml')
  fail.read = second
  await expect(folders.scan([])).rejects.toThrow('EMFILE')
  fail.read = ''
  // No event tells of c again, and the folder is as it was: its names are read all the same.
  const { changed } = await folders.scan([], false)
  expect(ids()).toEqual(['a', 'b', 'c', 'd'])
  // Also of what was read before it broke off.
  expect(changed.map(({ id }) => id).sort()).toEqual(['b', 'c', 'd'])
  expect(folders.entries.get('tasks/pending/c.yaml')?.task?.description).toBe('x')
})
