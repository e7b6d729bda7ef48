// What git says changed during a run, in real repositories. Promises: edits, new, deleted, renamed and committed files
// since the moment, no others; our own folders left out; null where git can not say.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { changedSince } from '../../src/context/changes.ts'
import { createContext } from '../../src/context/context.ts'
import { folder, put } from './sample.ts'

const git = (cwd: string, ...args: string[]) => gitAt(Date.now(), cwd, ...args)
/** With the reflog's clock set to `time`. */
function gitAt(time: number, cwd: string, ...args: string[]): void {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false']
  const env = { ...process.env, GIT_COMMITTER_DATE: `@${Math.floor(time / 1000)} +0000` }
  execFileSync('git', [...who, ...args], { cwd, env, stdio: 'pipe' })
}
function commit(cwd: string, message: string, time = Date.now()): void {
  git(cwd, 'add', '-A')
  gitAt(time, cwd, 'commit', '-qm', message)
}
/** Beyond the tick of 10 ms that file times may lag behind. */
const later = async () => {
  await new Promise((resolve) => setTimeout(resolve, 60))
  return Date.now()
}
const changed = (root: string, since: number, env?: NodeJS.ProcessEnv) =>
  createContext({
    root,
    directory: 'context',
    updateOnCompletion: true,
    ...(env ? { env } : {}),
  }).changedSince(since)

function repository(at = folder()): string {
  git(at, 'init', '-q')
  const names = ['kept', 'edited', 'deleted', 'renamed', 'dirty', 'gone-before', 'deep/inner']
  put(at, Object.fromEntries(names.map((name) => [name, `${name}\n`])))
  put(at, { '.gitignore': 'ignored\n' })
  commit(at, 'one', Date.now() - 3_600_000)
  return at
}

test('edited, new, deleted, renamed; not what was dirty before, nor ours', async () => {
  const root = repository()
  mkdirSync(join(root, 'old'))
  put(root, { dirty: 'before\n', 'untracked-before': 'u', 'old/x': 'x' })
  commit(join(root, 'old'), 'two')
  rmSync(join(root, 'old/x'))
  put(root, { 'old/stays': '' })
  const since = await later()
  put(root, {
    edited: 'new\n',
    'a new "file"\nü': 'x',
    'some/deep/file': 'x',
    ignored: 'x',
    'tasks/pending/t.yaml': 'x',
    'context/agent_notes/a.md': 'x',
    '.orchestrate/log': 'x',
    'tasks.db': 'x',
    'deep/tasks/mine': 'x',
  })
  rmSync(join(root, 'deleted'))
  git(root, 'mv', 'renamed', 'renamed-to')
  expect(await changed(root, since)).toEqual([
    'a new "file"\nü',
    'deep/tasks/mine',
    'deleted',
    'edited',
    'renamed',
    'renamed-to',
    'some/deep/file',
  ])
})

test('what was committed during the run, in the same second too', async () => {
  const root = repository()
  put(root, { kept: 'changed and committed before\n' })
  commit(root, 'before')
  const since = await later()
  put(root, { edited: 'x\n', fresh: 'x\n', 'context/notes.md': 'ours' })
  git(root, 'rm', '-q', 'deleted')
  commit(root, 'during')
  put(root, { after: 'x' })
  expect(await changed(root, since)).toEqual(['after', 'deleted', 'edited', 'fresh'])
})

test('the first commit of all', async () => {
  const root = folder()
  git(root, 'init', '-q')
  const since = await later()
  put(root, { 'src/a': 'a' })
  expect(await changed(root, since)).toEqual(['src/a'])
  commit(root, 'first')
  expect(await changed(root, since)).toEqual(['src/a'])
})

test('a workspace below the top of its repository sees itself alone', async () => {
  const top = repository()
  const root = join(top, 'deep')
  const since = await later()
  put(top, { edited: 'outside', 'deep/inner': 'x', 'deep/new': 'x', 'deep/context/c.md': 'x' })
  expect(await changed(root, since)).toEqual(['inner', 'new'])
  commit(top, 'all')
  expect(await changed(root, since)).toEqual(['inner', 'new'])
})

test('a deleted folder counts, one deleted before does not', async () => {
  const root = repository()
  put(root, { 'one/a/b': 'x', 'two/a/b': 'x', 'two/c': 'x' })
  commit(root, 'two')
  rmSync(join(root, 'two/a'), { recursive: true })
  const since = await later()
  renameSync(join(root, 'one/a'), join(root, 'one/z'))
  const found = await changed(root, since)
  expect(found).toContain('one/a/b')
  expect(found).not.toContain('two/a/b')
})

test('a thousand paths at most', async () => {
  const root = repository()
  const since = await later()
  mkdirSync(join(root, 'many'))
  for (let n = 0; n < 1100; n++) writeFileSync(join(root, `many/${n}`), '')
  expect(await changed(root, since)).toHaveLength(1000)
})

test('null: no repository, no git, a folder that git ignores', async () => {
  expect(await changed(folder(), 0)).toBeNull()
  const root = repository()
  expect(await changed(root, 0, { PATH: folder() })).toBeNull()
  put(root, { 'ignored/x': 'x' })
  expect(await changed(join(root, 'ignored'), 0)).toBeNull()
})

test('a hook, its environment and an index lock do not lead it astray', async () => {
  const root = repository()
  const other = repository()
  const since = await later()
  put(root, { edited: 'x', '.git/index.lock': '' })
  symlinkSync('nowhere', join(root, 'link'))
  const env = { ...process.env, GIT_DIR: join(other, '.git'), GIT_WORK_TREE: other }
  expect(await changed(root, since, env)).toEqual(['edited', 'link'])
})

test('git that hangs is ended', async () => {
  const bin = folder()
  put(bin, { git: '#!/bin/sh\necho $$ >"$(dirname "$0")/pid"\nexec sleep 60\n' })
  chmodSync(join(bin, 'git'), 0o755)
  const env = { PATH: `${bin}:${process.env.PATH}` }
  expect(await changedSince(folder(), [], 0, env, 300)).toBeNull()
  const pid = Number(readFileSync(join(bin, 'pid'), 'utf8'))
  await expect.poll(() => alive(pid)).toBe(false)
})

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false // ESRCH
  }
}
