// The real side of the model: the shipped program in a process of its own, agents that wait to be told how to end, a disk
// that can be full, a clock that can be set. Promises: everything is real; what this machine cannot do is said by name.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { createProcesses } from '../../src/process/index.ts'
import { ask } from '../../src/server/client.ts'
import { socketPath } from '../../src/server/socket.ts'
import { leftOf, open, type Stage } from '../acceptance/stage.ts'
import { MAX_RETRIES, type Place } from './promises.ts'

const CONFIG = `agents:
  shell: { max_instances: 5 }
task_queue: { retry_delay_seconds: 0, max_retries: ${MAX_RETRIES}, settle_ms: 50 }
monitoring: { health_check_interval: 1 }
`
/** Debian's libfaketime; empty: not here. */
const CLOCK =
  readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path)) ?? ''
const probe = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
export const can = { clock: CLOCK !== '', disk: probe.status === 0 }
const processes = createProcesses()

export interface World {
  stage: Stage
  /** Writes the text of a version as a person does; `how`: over the old file, or as another file renamed onto it. */
  write(id: string, place: Place, version: number, how: 'over' | 'new'): void
  /** The file of a version as it was written: bytes and inode. */
  written(id: string, version: number): { text: string; inode: number }
  move(id: string, from: Place, to: Place): void
  remove(id: string, place: Place): void
  /** Tells the agent at work on `id` how to end; returns the mark of its run. */
  end(id: string, code: number): string
  /** Each attempt that began, in order; a mark once. */
  ledger(): { id: string; version: number; mark: string; ended: boolean }[]
  /** Whether a process of this workspace carries a mark of `id`; this very mark. */
  lives(id: string, mark?: string): boolean
  start(): Promise<void>
  kill(): Promise<void>
  /** As a reboot does: no shim is left to write an exit status. */
  killAgents(): Promise<void>
  look(): void
  second(): Promise<string>
  /** As the command does it: by the socket, or on the files. Throws when the answer is not as `good` says. */
  told(what: 'retry' | 'cancel', id: string, up: boolean, good: boolean): Promise<void>
  clock(days: number): void
  fill(): void
  free(): void
  close(): Promise<void>
}

export function build(): World {
  const stage = open(null)
  const top = dirname(stage.root)
  const path = (id: string, place: Place) => join(stage.at.state[place], `${id}.yaml`)
  const [ledger, ends, clock] = ['ledger', 'ends', 'clock'].map((name) => join(top, name)) as [
    string,
    string,
    string,
  ]
  const filler = join(stage.root, 'filler.bin')
  mkdirSync(ends)
  writeFileSync(ledger, '')
  writeFileSync(clock, '+0')
  if (can.disk) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=755', 'none', stage.root])
  writeFileSync(stage.at.config, CONFIG, { mode: 0o644 })
  for (const folder of Object.values(stage.at.state)) mkdirSync(folder, { recursive: true })
  const env = {
    ...stage.env,
    ...(can.clock && {
      ...{ LD_PRELOAD: CLOCK, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_CACHE_DURATION: '1' },
      ...{ FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' },
    }),
  }
  const inodes = new Map<string, number>()
  let child: ChildProcess | null = null
  let said = ''

  const text = (id: string, version: number) =>
    `description: |
  # ${id} version ${version}
  echo "start ${id} ${version} $ORCHESTRATE_RUN" >>'${ledger}'
  until test -s '${ends}'/$ORCHESTRATE_RUN; do sleep 0.1; done
  echo "end ${id} ${version} $ORCHESTRATE_RUN" >>'${ledger}'
  exit $(cat '${ends}'/$ORCHESTRATE_RUN)
preferred_agent: shell
`
  const rows = () => {
    const lines = readFileSync(ledger, 'utf8').split('\n').filter(Boolean)
    const all = lines.map((line) => line.split(' '))
    const ended = new Set(all.flatMap(([what, , , mark]) => (what === 'end' ? mark : [])))
    return all.flatMap(([what, id = '', version, mark = '']) =>
      what === 'start' ? { id, version: Number(version), mark, ended: ended.has(mark) } : [],
    )
  }
  const ours = () => {
    const here = new Set(leftOf(stage.root).map(({ pid }) => pid))
    return processes.list().filter(({ pid }) => here.has(pid) && pid !== child?.pid)
  }

  return {
    stage,
    write(id, place, version, how) {
      const to = path(id, place)
      const at = how === 'over' ? to : join(dirname(to), `.${id}.part`)
      writeFileSync(at, text(id, version))
      if (at !== to) renameSync(at, to)
      inodes.set(`${id} ${version}`, statSync(to).ino)
    },
    written: (id, version) => ({
      text: text(id, version),
      inode: inodes.get(`${id} ${version}`) ?? 0,
    }),
    move(id, from, to) {
      if (existsSync(path(id, to))) throw new Error(`${path(id, to)} is there`)
      renameSync(path(id, from), path(id, to))
    },
    remove: (id, place) => rmSync(path(id, place)),
    end(id, code) {
      const run = rows().findLast((row) => row.id === id)
      const mark = run?.mark ?? 'none'
      appendFileSync(join(ends, mark), `${code}\n`)
      return mark
    },
    ledger: rows,
    lives: (id, one) =>
      ours().some(({ mark }) => (one ? mark === one : mark?.startsWith(`${id}.`))),
    async start() {
      const program = join(top, 'bin/orchestrate')
      const begun = spawn(program, ['start', '--foreground'], {
        ...{ cwd: stage.root, env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      child = begun
      said = ''
      for (const stream of [begun.stdout, begun.stderr])
        stream.on('data', (more) => {
          said = (said + more).slice(-20_000)
        })
      const ready = async () => {
        if (begun.exitCode !== null) throw new Error(`it ended: ${said}`)
        return (await stage.status()).pid === begun.pid
      }
      await stage.until('its socket', ready, 60_000)
    },
    async kill() {
      child?.kill('SIGKILL')
      if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      child = null
    },
    async killAgents() {
      for (let found = ours(); found.length > 0; found = ours()) {
        // The shims first: they are the leaders of their sessions.
        const order = [...found].sort(
          (a, b) => Number(b.pid === b.session) - Number(a.pid === a.session),
        )
        spawnSync('kill', ['-9', ...order.map(({ pid }) => String(pid))])
      }
    },
    look: () => void child?.kill('SIGHUP'),
    async second() {
      const { code, stderr } = await stage.run(['start', '--foreground'])
      return `${code} ${stderr}`
    },
    async told(what, id, up, good) {
      const reply = up ? await ask(socketPath(stage.root), 'POST', `/tasks/${id}/${what}`) : null
      const said = reply ?? (await stage.run([what, id]))
      const done = 'code' in said ? said.code === 0 : said.status < 400
      if (done !== good) throw new Error(`${what} ${id}: ${JSON.stringify(said)}`)
    },
    clock: (days) => writeFileSync(clock, `${days >= 0 ? '+' : ''}${days}d`),
    fill() {
      const file = openSync(filler, 'a')
      for (let size = 1 << 16; size >= 1; ) {
        try {
          if (writeSync(file, Buffer.alloc(size)) < size) size >>= 1
        } catch {
          size >>= 1 // no room for so much; for less there may be
        }
      }
      closeSync(file)
    },
    free: () => rmSync(filler, { force: true }),
    async close() {
      await this.kill()
      await this.killAgents()
      if (can.disk) execFileSync('umount', ['-l', stage.root])
    },
  }
}
