// A workspace of a person's own: a temporary folder, a PATH with `orchestrate` on it, and nothing but the program as it
// is shipped (dist/cli/main.js), files and processes. Every test proves at its end that it left nothing running.
import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect } from 'vitest'
import { parse } from 'yaml'
import { type Workspace, workspace } from '../../src/files/workspace.ts'
import type { AgentJson, StatusJson, TaskJson } from '../../src/index/shapes.ts'
import { ask } from '../../src/server/client.ts'
import { socketPath } from '../../src/server/socket.ts'
import { type ResultRecord, type RunRecord, STATES, type State } from '../../src/types.ts'

const HOUSE = fileURLToPath(new URL('../../', import.meta.url))
const MAIN = join(HOUSE, 'dist/cli/main.js')
export const SIMULATED = join(HOUSE, 'fixtures/simulated-agent.mjs')
export const CODEX = join(HOUSE, 'fixtures/programs/acc-codex.mjs')

export interface Said {
  code: number | null
  stdout: string
  stderr: string
}

export interface Stage {
  root: string
  at: Workspace
  env: NodeJS.ProcessEnv
  /** `orchestrate …` in the workspace. */
  run(args: string[], stdin?: string): Promise<Said>
  /** A line as a person types it, in bash, with `orchestrate` on the PATH. */
  type(line: string): Promise<Said>
  /** The same; anything but exit 0 fails the test. */
  must(line: string): Promise<Said>
  write(path: string, text: string | Uint8Array): string
  read(path: string): string
  drop(name: string, text: string | Uint8Array, state?: State): string
  /** `pending/a.yaml` for every task file (our records left out). */
  files(): string[]
  result(id: string): Partial<ResultRecord> | null
  runs(id: string): RunRecord[]
  /** The answers of the running orchestrator, by its socket (a poll with the command costs a process each time). */
  status(): Promise<StatusJson>
  tasks(): Promise<TaskJson[]>
  agents(): Promise<AgentJson[]>
  /** The row of a file, `pending/a.yaml`. */
  row(file: string): Promise<TaskJson | undefined>
  pid(): number | null
  log(): string
  until(what: string, condition: () => unknown, ms?: number): Promise<void>
  /** Called at the end, before it is looked for what is left. */
  later(end: () => unknown): void
}

const stages: { stage: Stage; endings: (() => unknown)[] }[] = []
afterEach(async () => {
  for (const { stage, endings } of stages.splice(0)) {
    for (const end of endings.reverse()) await end()
    const pid = stage.pid()
    if (living(pid)) await stage.type('timeout 20 orchestrate stop --now')
    // It lets go of the lock, and then puts its papers away; one that was refused has told so, and leaves.
    for (let n = 0; n < 250 && leftOf(stage.root).length > 0; n++) await pause()
    const left = leftOf(stage.root)
    for (const { pid } of left) kill(pid)
    await rm(dirname(stage.root), { recursive: true, force: true, maxRetries: 5 })
    expect(left, 'processes left running').toEqual([])
  }
})

/** @param config text of config.yaml; null: none. @param programs little programs on the PATH, by name. */
export function open(config: string | null, programs: Record<string, string> = {}): Stage {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'acceptance-')))
  const [root, bin] = [join(top, 'work'), join(top, 'bin')]
  for (const folder of [root, bin, join(top, 'home')]) mkdirSync(folder, { mode: 0o755 })
  const at = workspace(root)
  const all = { orchestrate: `exec '${process.execPath}' '${MAIN}' "$@"`, ...programs }
  for (const [name, script] of Object.entries(all)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  if (config !== null) writeFileSync(at.config, config, { mode: 0o644 })
  // Of the machine's own PATH only what a script needs: an agent CLI installed here is not ours to start.
  const path = [bin, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin']
  const env: NodeJS.ProcessEnv = {
    ...{ PATH: path.join(delimiter), HOME: join(top, 'home'), LANG: 'C.UTF-8', TERM: 'xterm' },
    ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a' },
    GIT_COMMITTER_EMAIL: 'a@b',
  }
  const endings: (() => unknown)[] = []

  async function get<T>(route: string): Promise<T> {
    const reply = await ask(socketPath(root), 'GET', route)
    if (reply?.status !== 200) throw new Error(`${route}: ${JSON.stringify(reply)}`)
    return reply.body as T
  }
  const stage: Stage = {
    ...{ root, at, env },
    run: (args, stdin) => finished(process.execPath, [MAIN, ...args], root, env, stdin),
    type: (line) => finished('bash', ['-c', line], root, env),
    async must(line) {
      const said = await stage.type(line)
      expect(said.code, `${line}\n${said.stdout}${said.stderr}`).toBe(0)
      return said
    },
    write(path, text) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
      return join(root, path)
    },
    read: (path) => readFileSync(join(root, path), 'utf8'),
    drop: (name, text, state = 'pending') => stage.write(`tasks/${state}/${name}`, text),
    files: () =>
      STATES.flatMap((state) =>
        (existsSync(at.state[state]) ? readdirSync(at.state[state]) : []).flatMap((name) =>
          name.startsWith('.') || /_(result|agent_\d+)\.yaml$/.test(name) ? [] : `${state}/${name}`,
        ),
      ).sort(),
    result(id) {
      const path = STATES.map((state) => join(at.state[state], `${id}_result.yaml`)).find((one) =>
        existsSync(one),
      )
      return path ? parse(readFileSync(path, 'utf8')) : null
    },
    runs(id) {
      const folder = join(at.runs, id)
      return (existsSync(folder) ? readdirSync(folder) : [])
        .filter((name) => existsSync(join(folder, name, 'run.json')))
        .sort((a, b) => Number(a) - Number(b))
        .map((name) => JSON.parse(readFileSync(join(folder, name, 'run.json'), 'utf8')))
    },
    status: () => get('/status'),
    tasks: () => get('/tasks'),
    agents: () => get('/agents'),
    row: async (file) => (await stage.tasks()).find((one) => one.file === `tasks/${file}`),
    pid() {
      try {
        return JSON.parse(readFileSync(join(at.lock, 'owner.json'), 'utf8')).pid
      } catch {
        return null // nobody holds it
      }
    },
    log: () => (existsSync(at.log) ? readFileSync(at.log, 'utf8') : ''),
    async until(what, condition, ms = 20_000) {
      const end = Date.now() + ms
      let last: unknown
      for (;;) {
        try {
          if (await condition()) return
          last = undefined
        } catch (error) {
          last = error // not there yet
        }
        if (Date.now() > end) {
          const tasks = await stage.tasks().catch(() => 'no answer')
          const why = last instanceof Error ? `\n${last.message}` : ''
          throw new Error(
            `waited in vain for ${what}${why}\n${stage.files().join(' ')}\n${JSON.stringify(tasks, null, 1)}\n${stage.log()}`,
          )
        }
        await pause()
      }
    },
    later: (end) => void endings.push(end),
  }
  stages.push({ stage, endings })
  return stage
}

/** A stage on which `orchestrate start` has been typed. */
export async function started(config: string, programs?: Record<string, string>): Promise<Stage> {
  const stage = open(config, programs)
  await stage.must('orchestrate start')
  return stage
}

/** Two shells and quick retries. */
export const SHELLS = `agents:
  shell: { max_instances: 2 }
task_queue: { retry_delay_seconds: 0, max_retries: 0, settle_ms: 100 }
monitoring: { health_check_interval: 1 }
`

export const shell = (script: string, more = '') =>
  `description: |\n${script.replace(/^/gm, '  ')}\npreferred_agent: shell\n${more}`

/** Stands still until `file` is there: what a test opens when it has seen what it wanted to see. */
export const gate = (file: string) => `while ! test -e '${file}'; do sleep 0.05; done`

function finished(
  program: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  stdin = '',
): Promise<Said> {
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text) => {
      said[name] += text
    })
  child.stdin.on('error', () => {}).end(stdin) // it may not read
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, ...said }))
  })
}

export const living = (pid: number | null): pid is number => {
  const state = pid === null ? null : stateOf(pid)
  return state !== null && state !== 'Z' && state !== 'X'
}

/** The letter of proc(5); null: there is no such process. */
export function stateOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  } catch {
    return null
  }
}

export const childrenOf = (parent: number): number[] =>
  pids().filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      return false // it ended while we looked
    }
  })

const pids = () => readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []))

/** Runs by their mark; orchestrators, editors and whatever else stands in the folder. */
export function leftOf(root: string): { pid: number; command: string }[] {
  const text = (path: string) => {
    try {
      return readFileSync(path, 'latin1')
    } catch {
      return ''
    }
  }
  const here = (pid: number) => {
    try {
      const cwd = realpathSync(`/proc/${pid}/cwd`)
      return cwd === root || cwd.startsWith(`${root}/`)
    } catch {
      return false
    }
  }
  return pids().flatMap((pid) => {
    if (pid === process.pid || !living(pid)) return []
    const command = text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    const marked = text(`/proc/${pid}/environ`)
      .split('\0')
      .includes(`ORCHESTRATE_WORKSPACE=${root}`)
    return marked || here(pid) || command.includes(`${root} `) ? [{ pid, command }] : []
  })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it is gone
  }
}

/** ms between two looks at a condition. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20))

/** What may not change of a file, whatever it is: its bytes, or what stands for them. */
export function face(path: string): string {
  const seen = lstatSync(path)
  return [seen.ino, seen.mode, seen.size, seen.mtimeMs, seen.nlink].join()
}
