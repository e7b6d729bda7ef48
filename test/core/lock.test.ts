// The lock of a workspace, raced for by real processes: never two holders, a dead owner replaced at once.
// The contenders run fixtures/programs/proc-lock.mjs on sources compiled into a folder of their own.
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readOwner, takeLock } from '../../src/files/lock.ts'
import { createProcesses } from '../../src/process/index.ts'

const processes = createProcesses()
const ROUNDS = process.env.ORCHESTRATE_FULL === '1' ? 100 : 10
const top = join(import.meta.dirname, '../..')
const compiled = mkdtempSync(join(tmpdir(), 'proc-lock-'))
const kids: ChildProcess[] = []
let here = ''
let path = ''
let count = 0

beforeAll(() => {
  writeFileSync(join(compiled, 'package.json'), '{"type":"module"}')
  const sources = ['src/files/lock.ts', 'src/process/index.ts']
  const to = ['--outDir', compiled, '--rootDir', 'src', '--rewriteRelativeImportExtensions']
  const kind = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--skipLibCheck']
  const args = ['--ignoreConfig', ...sources, ...to, ...kind]
  execFileSync(join(top, 'node_modules/.bin/tsc'), args, { cwd: top })
  // The imports of packages are looked up from where the files lie.
  execFileSync('ln', ['-s', join(top, 'node_modules'), compiled])
  fresh()
})

afterEach(async () => {
  for (const kid of kids.splice(0)) {
    kid.kill('SIGKILL')
    if (kid.exitCode === null && kid.signalCode === null) await once(kid, 'exit')
    expect(processes.started(kid.pid ?? 0)).toBeNull()
  }
  fresh()
})

afterAll(() => rmSync(compiled, { recursive: true, force: true }))

function fresh(): void {
  here = join(compiled, `round-${count++}`, '.orchestrate')
  path = join(here, 'lock')
}

async function contender(): Promise<ChildProcess> {
  const program = join(top, 'fixtures/programs/proc-lock.mjs')
  const kid = fork(program, [compiled], { execArgv: [] })
  kids.push(kid)
  await once(kid, 'message')
  return kid
}

async function ask(kid: ChildProcess, message: object): Promise<Record<string, unknown>> {
  const answer = once(kid, 'message')
  kid.send(message)
  return (await answer)[0]
}

async function kill(kid: ChildProcess): Promise<void> {
  kid.kill('SIGKILL')
  await once(kid, 'exit')
}

const owner = () => JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8'))
const take = (pause?: () => Promise<void>) =>
  takeLock({ path, processes, ...(pause ? { pause } : {}) })
const refused = (hint: string) => ({ code: 'LOCKED', hint: expect.stringContaining(hint) })

/** A lock as its owner left it. */
function leave(change: object): void {
  const { pid } = process
  const started = processes.started(pid)
  const ns = {
    pid_ns: execFileSync('readlink', ['/proc/self/ns/pid'], { encoding: 'utf8' }).trim(),
  }
  const mine = { host: hostname(), pid, started, boot_id: processes.bootId(), ...ns }
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'owner.json'), JSON.stringify({ ...mine, nonce: 'left', ...change }))
}

describe('a race', () => {
  it('of 16 processes for the lock of a dead owner has exactly one winner, however they are delayed', async () => {
    const all = await Promise.all(Array.from({ length: 16 }, contender))
    for (let round = 0; round < ROUNDS; round++) {
      fresh()
      leave({ started: 'long ago' })
      const message = { do: 'take', path, most: [0, 2, 20][round % 3] }
      const answers = await Promise.all(all.map((kid) => ask(kid, message)))
      const winners = all.filter((_, at) => answers[at]?.won)
      expect(winners, `round ${round}`).toHaveLength(1)
      for (const answer of answers) if (!answer.won) expect(answer.code).toBe('LOCKED')
      const [winner] = winners
      if (!winner) continue
      expect(owner().pid).toBe(winner.pid)
      expect(await ask(winner, { do: 'held' })).toEqual({ held: true })
      await ask(winner, { do: 'release' })
      expect(readdirSync(here)).toEqual(['lock.tomb.left'])
    }
  })

  it('is lost by who saw a living owner that released and ended before it was judged', async () => {
    const kid = await contender()
    await ask(kid, { do: 'take', path })
    let next: Awaited<ReturnType<typeof take>> | undefined
    const late = take(async () => {
      if (next) return
      await ask(kid, { do: 'release' })
      await kill(kid)
      next = await take()
    })
    await expect(late).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await next?.held()).toBe(true)
  })

  it('is lost by who is late with its take-over of a dead owner', async () => {
    leave({ started: 'long ago' })
    let next: Awaited<ReturnType<typeof take>> | undefined
    let pauses = 0
    const late = take(async () => {
      if (++pauses === 2) next = await take() // after the last look, before the rename
    })
    await expect(late).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await next?.held()).toBe(true)
  })
})

describe('an owner', () => {
  it('that is killed is replaced at once', async () => {
    const kid = await contender()
    expect(await ask(kid, { do: 'take', path })).toEqual({ won: true })
    await expect(take()).rejects.toMatchObject(refused('`orchestrate stop`'))
    await expect(take()).rejects.toThrow(`(pid ${kid.pid} `)
    expect(await readOwner(path, processes)).toEqual({
      pid: kid.pid,
      ...{ alive: true, far: false },
      host: hostname(),
    })
    await kill(kid)
    expect(await readOwner(path, processes)).toMatchObject({ pid: kid.pid, alive: false })
    const lock = await take()
    expect(await lock.held()).toBe(true)
    expect(await readOwner(path, processes)).toMatchObject({ pid: process.pid, alive: true })
    await lock.release()
    expect(await readOwner(path, processes)).toBeNull()
  })

  it('that was suspended while its lock was taken by hand finds out, and leaves the next one alone', async () => {
    const kid = await contender()
    await ask(kid, { do: 'take', path })
    kid.kill('SIGSTOP')
    renameSync(path, join(here, 'aside'))
    const next = await take()
    kid.kill('SIGCONT')
    expect(await ask(kid, { do: 'held' })).toEqual({ held: false })
    await ask(kid, { do: 'release' })
    expect(await next.held()).toBe(true)
  })

  it('that releases leaves nothing, and may take it again; one process does not own it twice', async () => {
    const lock = await take()
    expect(readdirSync(here)).toEqual(['lock'])
    await expect(take()).rejects.toMatchObject({ code: 'LOCKED' })
    expect(readdirSync(here)).toEqual(['lock'])
    await lock.release()
    expect(readdirSync(here)).toEqual([])
    expect(await lock.held()).toBe(false)
    await lock.release()
    await (await take()).release()
  })
})

describe('a lock that was found', () => {
  for (const [name, change] of [
    ['of a number that is another process now', { started: '1' }],
    ['of a number that is none', { pid: 0x7ffffff0 }],
    ['from before the last boot', { boot_id: 'another' }],
    ['from before the last boot, in another container', { boot_id: 'another', pid_ns: 'another' }],
  ] as const) {
    it(`${name} is taken over`, async () => {
      leave(change)
      expect(await (await take()).held()).toBe(true)
    })
  }

  for (const [name, change] of [
    ['another host', { host: 'elsewhere', boot_id: 'another', started: '1' }],
    ['another container', { pid_ns: 'pid:[1]', started: '1' }],
  ] as const) {
    it(`of ${name} is not judged from here`, async () => {
      leave(change)
      await expect(take()).rejects.toMatchObject(refused(`remove ${path}`))
      expect(await readOwner(path, processes)).toMatchObject({ alive: true })
      expect(owner().nonce).toBe('left')
      expect(readdirSync(here)).toEqual(['lock'])
    })
  }

  it('empty, made by hand, is taken', async () => {
    mkdirSync(path, { recursive: true })
    expect(await readOwner(path, processes)).toBeNull()
    expect(await (await take()).held()).toBe(true)
  })

  it('that names nobody is refused, with what to do', async () => {
    leave({})
    writeFileSync(join(path, 'owner.json'), '{"pid":')
    await expect(take()).rejects.toMatchObject(refused(`remove ${path}`))
  })
})

it('removes tombs and drafts of 24 hours ago, nothing else', async () => {
  leave({ started: 'long ago' })
  await (await take()).release()
  mkdirSync(join(here, 'lock.killed.tmp'))
  writeFileSync(join(here, 'other'), '')
  const all = ['lock', 'lock.killed.tmp', 'lock.tomb.left', 'other']
  const lock = await take()
  expect(readdirSync(here)).toEqual(all)
  await lock.release()
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3600_000 })
  try {
    await take()
  } finally {
    vi.useRealTimers()
  }
  expect(readdirSync(here)).toEqual(['lock', 'other'])
})
