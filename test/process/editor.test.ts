// Editors that hold a file open: a real vim where there is one, the files of the others by hand.
import { spawnSync } from 'node:child_process'
import {
  lutimesSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { deadPid, end, ended, folder, leaveNothing, processes, run, start, until } from './world.ts'

afterEach(leaveNothing)

const has = (command: string) => spawnSync('which', [command]).status === 0
const editor = (here: string, name: string) =>
  processes.editor(here, name, new Set(readdirSync(here)))
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000)

/** Block 0 of a swap file, as vim and nano write it. */
function swap(word: string, pid: number, host = hostname()): Buffer {
  const block = Buffer.alloc(1024)
  block.write(`b0${word}`, 0)
  block.writeInt32LE(pid, 24)
  block.write('user', 28)
  block.write(host, 68)
  return block
}

describe.skipIf(!has('vim') || !has('script'))('a real vim', () => {
  it('holds its file while it is open, and not once it is killed', async () => {
    const here = folder()
    const file = join(here, 'task.yaml')
    writeFileSync(file, 'description: x\n')
    const { child } = start('script', ['-qec', `vim -N -u NONE -i NONE "${file}"`, '/dev/null'])
    await until('a swap file', () => readdirSync(here).includes('.task.yaml.swp'))
    await until('vim', () => editor(here, 'task.yaml') === 'vim')
    expect(editor(here, 'other.yaml')).toBeNull()
    // script runs it by a shell, which may or may not become it: only the swap file knows its pid
    const vim = readFileSync(join(here, '.task.yaml.swp')).readInt32LE(24)
    process.kill(vim, 'SIGKILL')
    await ended(child)
    expect(readdirSync(here)).toContain('.task.yaml.swp')
    expect(editor(here, 'task.yaml')).toBeNull()
  })
})

describe('a swap file', () => {
  it('counts while its process lives and it is young', async () => {
    const here = folder()
    const path = join(here, '.t.yaml.swo')
    const { pid, child } = run('sleep 1000')
    expect(editor(here, 't.yaml')).toBeNull()
    writeFileSync(path, swap('nano 7.2', pid))
    expect(editor(here, 't.yaml')).toBe('nano')
    utimesSync(path, ago(14), ago(14))
    expect(editor(here, 't.yaml')).toBe('nano')
    utimesSync(path, ago(16), ago(16))
    expect(editor(here, 't.yaml')).toBeNull()
    writeFileSync(path, swap('VIM 9.0', await deadPid()))
    expect(editor(here, 't.yaml')).toBeNull()
    await end(child)
  })

  it('counts for 15 minutes when it does not say whose it is, or is of another host', async () => {
    const here = folder()
    const path = join(here, '.t.yaml.swp')
    for (const text of ['', 'b0', 'something else'.repeat(100), swap('VIM 9.0', 0)]) {
      writeFileSync(path, text)
      expect(editor(here, 't.yaml')).not.toBeNull()
      utimesSync(path, ago(16), ago(16))
      expect(editor(here, 't.yaml')).toBeNull()
    }
    writeFileSync(path, swap('VIM 9.0', await deadPid(), 'elsewhere'))
    expect(editor(here, 't.yaml')).toBe('vim')
  })

  it('does not hang us when it is a FIFO, nor count when it is gone', () => {
    const here = folder()
    spawnSync('mkfifo', [join(here, '.t.yaml.swp')])
    expect(editor(here, 't.yaml')).toBeNull()
    expect(processes.editor(here, 'u.yaml', new Set(['.u.yaml.swp', '.#u.yaml']))).toBeNull()
  })
})

describe('the link of emacs', () => {
  it('counts while its process lives and it is young', async () => {
    const here = folder()
    const { pid, child } = run('sleep 1000')
    const link = (name: string, target: string) => symlinkSync(target, join(here, `.#${name}`))
    link('living', `user@${hostname()}.${pid}:1700000000`)
    link('dead', `user@${hostname()}.${await deadPid()}:1700000000`)
    link('far', `user@other.example.org.${await deadPid()}:1700000000`)
    link('strange', 'no such form')
    link('old', `user@${hostname()}.${pid}`)
    lutimesSync(join(here, '.#old'), ago(16), ago(16))
    expect(editor(here, 'living')).toBe('emacs')
    expect(editor(here, 'dead')).toBeNull()
    expect(editor(here, 'far')).toBe('emacs')
    expect(editor(here, 'strange')).toBe('emacs')
    expect(editor(here, 'old')).toBeNull()
    await end(child)
  })
})
