// Limits of the machine: open files, processes, inotify. Promises: a limit is no fault of a task and costs it nothing;
// what cannot be read is not taken for gone; claiming stops, says so once, and goes on when there is room again.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Lines, newest, readShim } from '../../src/files/run-folder.ts'
import { createProcesses } from '../../src/process/index.ts'
import { gate, open, SHELLS, type Stage, shell, started } from '../acceptance/stage.ts'
import { completed, FULL, halted, must, said, sameAsFiles } from './small-disk.ts'

const has = (program: string) => spawnSync('which', [program]).status === 0
const root = process.getuid?.() === 0

/** The soft limit of the orchestrator; null: none to speak of. */
function limit(stage: Stage, what: 'nofile' | 'nproc', most: number | null, as: string[] = []) {
  must(...as, 'prlimit', '--pid', String(stage.pid()), `--${what}=${most ?? 1000}:`)
}

describe.skipIf(!has('prlimit') || !existsSync('/proc/self/fd'))(
  'open files (EMFILE; needs prlimit)',
  () => {
    it('what cannot be read is not taken for gone', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'limits-'))
      mkdirSync(join(folder, 'a/1'), { recursive: true })
      writeFileSync(join(folder, 'a/1/run.json'), '{}')
      writeFileSync(join(folder, 'a/1/exit'), '  0\n')
      const { list } = createProcesses()
      const most = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
      const set = (to?: string) => `prlimit --pid ${process.pid} --nofile=${to}:`
      const line = `${set('0')} && echo low; read x; ${set(most)}`
      const keeper = spawn('sh', ['-c', line], { stdio: ['pipe', 'pipe', 'inherit'] })
      await once(keeper.stdout, 'data')
      const found = await Promise.allSettled([
        new Promise((resolve) => resolve(list())),
        newest(folder, 'a'),
        readShim(join(folder, 'a/1')),
        new Lines(join(folder, 'a/1/exit'), () => {}).read(true),
      ])
      keeper.stdin.end('\n')
      await once(keeper, 'exit')
      rmSync(folder, { recursive: true })
      expect(found.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(
        Array(4).fill('EMFILE'),
      )
    })

    it('an adopted agent lives on, its end is known, and every task is done once', async () => {
      const stage = await started(SHELLS)
      stage.drop('long.yaml', shell(`echo long >>ledger; ${gate('go')}; echo end >>ledger`))
      await stage.until('it runs', () => existsSync(join(stage.root, 'ledger')))
      // What is known of an adopted agent comes from /proc and from its run folder alone.
      await stage.must('orchestrate stop --detach')
      await stage.must('orchestrate start')
      await stage.until('it is taken up', async () => (await stage.status()).active.length === 1)
      // A look or a question may have some open just now: the fewest are what it always has.
      let used = Number.POSITIVE_INFINITY
      for (let n = 0; n < 20; n++) {
        used = Math.min(used, readdirSync(`/proc/${stage.pid()}/fd`).length)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      for (let more = 0; more < (FULL ? 12 : 5); more++) {
        limit(stage, 'nofile', used + more)
        const name = stage.drop(`t${more}.yaml`, shell(`echo t${more} >>ledger`))
        const done = () => stage.files().includes(`completed/t${more}.yaml`)
        // Without a file for the connection there is no answer: then the limit is lifted for the question.
        await stage.until(`${name} or why not`, async () => {
          if (done()) return true
          const why = await halted(stage).catch(() => null)
          return why ?? pause(stage, used, more)
        })
        limit(stage, 'nofile', null)
        await completed(stage, `t${more}`)
        expect(stage.files()).toContain('assigned/long.yaml')
      }
      expect(stage.log()).toMatch(/EMFILE/)
      limit(stage, 'nofile', used)
      mkdirSync(join(stage.root, 'go'))
      await stage.until('its end', () => /end/.test(stage.read('ledger')))
      limit(stage, 'nofile', null)
      await completed(stage, 'long')
      expect(stage.runs('long').map(({ outcome }) => outcome)).toEqual(['success'])
      const lines = stage.read('ledger').trim().split('\n')
      expect(new Set(lines).size).toBe(lines.length)
      expect(stage.files().every((file) => file.startsWith('completed/'))).toBe(true)
      await sameAsFiles(stage)
      await stage.must('orchestrate stop')
    }, 120_000)
  },
)

/** Lifts the limit for one question, then lowers it again. */
async function pause(stage: Stage, used: number, more: number): Promise<boolean> {
  limit(stage, 'nofile', null)
  const why = await halted(stage)
  limit(stage, 'nofile', used + more)
  return /EMFILE/.test(why ?? '') || /EMFILE/.test(stage.log())
}

describe.skipIf(!root || !has('setpriv') || !has('prlimit'))(
  'processes (EAGAIN; needs root, setpriv, prlimit)',
  () => {
    it('a process that cannot be started costs its task nothing', async () => {
      // Of this user there is no other process.
      const USER = 61_234
      const as = `setpriv --reuid=${USER} --regid=${USER} --clear-groups`
      const stage = open(SHELLS)
      for (const path of [
        dirname(stage.root),
        stage.root,
        stage.at.config,
        stage.env.HOME as string,
      ])
        chownSync(path, USER, USER)
      await stage.must(`${as} orchestrate start`)
      stage.drop('first.yaml', shell('true'))
      await completed(stage, 'first')
      limit(stage, 'nproc', 1, as.split(' '))
      stage.drop('a.yaml', shell('echo a >>ledger'))
      await stage.until('the halt', async () =>
        /no process could be started/.test((await halted(stage)) ?? ''),
      )
      // Each try is a move there and back.
      const tries = new Set<number>()
      await stage.until('four tries', () => {
        tries.add(statSync(join(stage.at.state.pending, 'a.yaml')).ctimeMs)
        return tries.size > 4
      })
      limit(stage, 'nproc', null, as.split(' '))
      await completed(stage, 'a')
      expect(stage.read('ledger')).toBe('a\n')
      expect(stage.runs('a').map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
        [1, 'success'],
      ])
      expect(said(stage, /nothing is claimed/)).toBe(1)
      await sameAsFiles(stage)
      await stage.must(`${as} orchestrate stop`)
    })
  },
)

/** In a user namespace of its own, the limits are nobody else's. */
const SPACE = 'unshare --user --map-root-user'
const spaces = spawnSync('bash', [
  '-c',
  `${SPACE} sh -c 'echo 0 >/proc/sys/user/max_inotify_instances'`,
])

describe.skipIf(spaces.status !== 0)('inotify (needs user namespaces)', () => {
  it('none left: the folders are read instead, which is said once, until they can be watched', async () => {
    const stage = open(SHELLS)
    const talk = join(dirname(stage.root), 'talk')
    const start = 'exec orchestrate start --foreground'
    const none = 'echo 0 >/proc/sys/user/max_inotify_instances'
    await stage.must(`${SPACE} sh -c '${none}; ${start}' >${talk} 2>&1 & disown`)
    await stage.until('it runs', async () => (await stage.status()).running)
    for (const id of ['a', 'b', 'c']) {
      stage.drop(`${id}.yaml`, shell(`echo ${id} >>ledger`))
      await completed(stage, id)
    }
    expect(stage.read('ledger')).toBe('a\nb\nc\n')
    expect(said(stage, /warn .*cannot be watched/)).toBe(1)
    expect(await halted(stage)).toBeNull()
    await sameAsFiles(stage)
    await stage.must('orchestrate stop')
  })

  it('lowered while it works: a folder that is made anew is read instead, and watched when that can be', async () => {
    const stage = open(SHELLS)
    const talk = join(dirname(stage.root), 'talk')
    await stage.must(`${SPACE} orchestrate start --foreground >${talk} 2>&1 & disown`)
    await stage.until('it runs', async () => (await stage.status()).running)
    const { pid } = await stage.status()
    const most = (n: number) =>
      stage.must(
        `nsenter --user --target ${pid} sh -c 'echo ${n} >/proc/sys/user/max_inotify_watches'`,
      )
    const anew = () =>
      stage.must(
        'cd tasks && mv failed away && mv pending away2 && mkdir -p failed pending && rmdir away*',
      )
    stage.drop('a.yaml', shell('echo a >>ledger'))
    await completed(stage, 'a')
    const all = watches(pid)
    await most(0)
    await anew()
    await stage.until('fewer are watched', () => watches(pid) < all)
    for (const id of ['b', 'c']) {
      stage.drop(`${id}.yaml`, shell(`echo ${id} >>ledger`))
      await completed(stage, id)
    }
    expect(said(stage, /warn .*cannot be watched/)).toBe(1)
    expect(await halted(stage)).toBeNull()
    await most(1000)
    await stage.until('all are watched again', () => watches(pid) === all)
    stage.drop('d.yaml', shell('echo d >>ledger'))
    await completed(stage, 'd')
    expect(stage.read('ledger')).toBe('a\nb\nc\nd\n')
    await sameAsFiles(stage)
    await stage.must('orchestrate stop')
  })
})

/** How many folders a process watches, by its descriptors. */
const watches = (pid: number | null) =>
  readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const said = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    return said.match(/^inotify /gm) ?? []
  }).length
