// What is written whole: by a draft beside it that nobody else's file can be in the place of.
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { syncFolder, writeWhole } from '../../src/files/files.ts'

let folder = ''
const umask = process.umask()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orchestrate-draft-'))
})
afterEach(() => {
  process.umask(umask)
  rmSync(folder, { recursive: true, force: true })
})

it('a link in the place of the draft, or what a killed one of our pid left, is not written into', async () => {
  const theirs = join(folder, 'theirs')
  writeFileSync(theirs, 'theirs')
  for (const n of [1, 2]) symlinkSync(theirs, join(folder, `.ours.${process.pid}.${n}.draft`))
  await writeWhole(join(folder, 'ours'), 'ours\n')
  await writeWhole(join(folder, 'ours'), 'ours again\n')
  expect(readFileSync(theirs, 'utf8')).toBe('theirs')
  expect(readFileSync(join(folder, 'ours'), 'utf8')).toBe('ours again\n')
  expect(readdirSync(folder).sort()).toEqual(['ours', 'theirs'])
})

it('what is written has its permissions, whatever the umask', async () => {
  process.umask(0o077)
  await writeWhole(join(folder, 'for all'), 'x')
  await writeWhole(join(folder, 'for me'), 'x', 0o600)
  const mode = (name: string) => lstatSync(join(folder, name)).mode & 0o777
  expect([mode('for all'), mode('for me')]).toEqual([0o644, 0o600])
})

it('a folder is flushed for all who ask, also one after another, and one that is gone is no error', async () => {
  const again = syncFolder(folder).then(() => syncFolder(folder))
  await Promise.all([again, syncFolder(folder), syncFolder(join(folder, 'gone'))])
})
