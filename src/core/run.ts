// One run of one agent: a detached process in its own session, its files in runs/<id>/<attempt>/. Promises: an attempt
// happens once, whoever starts it; it outlives us; nothing that carries its mark outlives it.

import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import spawn from 'cross-spawn'
import type { RunSight } from './decide.ts'
import { isErrno, writeWhole } from './files.ts'
import type { AgentKind, AgentSettings, Findings, Processes, RunRecord, Task } from './types.ts'

/**
 * POSIX shell, one per run, the agent's parent. It creates `pid` with noclobber and leaves if it exists (an attempt happens once);
 * reserves the bytes of `exit` before the agent starts, so that a full disk loses no status; outlives signals to its group.
 */
const SHIM = `d=$1; shift; set -C
{ true >"$d/pid"; } 2>/dev/null || exit 0
set +C
printf '   \\n' >"$d/exit" && echo $$ >"$d/pid" || exit 0
trap : INT TERM HUP
"$@"
printf '%3d\\n' $? 1<>"$d/exit"`

const LINE_CAP = 1 << 20
const CHUNK = 1 << 16

/** Attempts of an id, lowest first. RACE: the folder may be removed by hand at any time. */
async function attempts(runs: string, id: string): Promise<number[]> {
  const names = await readdir(join(runs, id)).catch(() => [])
  return names
    .map(Number)
    .filter((n) => n > 0)
    .sort((a, b) => a - b)
}

async function readRun(runs: string, id: string, attempt = 0): Promise<RunRecord | null> {
  try {
    return JSON.parse(await readFile(join(runs, id, String(attempt), 'run.json'), 'utf8'))
  } catch {
    return null // missing, or cut off by a crash: the same as never written
  }
}

export async function writeRun(runs: string, record: RunRecord): Promise<void> {
  await writeWhole(
    join(runs, record.task_id, String(record.attempt), 'run.json'),
    `${JSON.stringify(record, null, 2)}\n`,
  )
}

/** The newest attempt that left a record; null: none, or an empty folder. */
export const newest = async (runs: string, id: string): Promise<RunRecord | null> =>
  readRun(runs, id, (await attempts(runs, id)).at(-1))

/** Forgets a success, so that the task may run again. */
export async function release(runs: string, id: string): Promise<void> {
  const run = await newest(runs, id)
  if (run?.outcome === 'success') await writeRun(runs, { ...run, released: true })
}

/** The records of all attempts of an id, oldest first. */
export async function history(runs: string, id: string): Promise<RunRecord[]> {
  const records = await Promise.all((await attempts(runs, id)).map((n) => readRun(runs, id, n)))
  return records.filter((record) => record !== null)
}

export interface RunParts {
  root: string
  runs: string
  kind: AgentKind
  settings: AgentSettings
  processes: Processes
  /** Called when the shim ends. */
  ended: () => void
}

/** Specification 3.3. One object per run, started or adopted. */
export class AgentProcess {
  readonly agentType: string
  readonly agentId: string
  record: RunRecord | null = null
  readonly #parts: RunParts
  readonly #reader: ReturnType<AgentKind['reader']>
  #dir = ''
  #child: ChildProcess | null = null
  #shim: number | null = null
  #offset = 0
  #rest: Buffer = Buffer.alloc(0)
  #since: { begun: number; stopping?: number; ended?: number } = { begun: performance.now() }

  constructor(agentType: string, agentId: string, parts: RunParts) {
    this.agentType = agentType
    this.agentId = agentId
    this.#parts = parts
    this.#reader = parts.kind.reader()
  }

  get pid(): number | null {
    return this.#shim ?? this.#child?.pid ?? null
  }

  /** Specification 3.3: runs a task to its end and returns the agent's answer; throws when it did not succeed. */
  async executeTask(task: Task, prompt = task.description): Promise<string> {
    await this.prepare(task.id, `${task.id}.yaml`, prompt)
    await new Promise<void>((resolve, reject) => {
      this.launch()
        ?.once('exit', () => resolve())
        .once('error', reject)
    })
    const sight = await this.look()
    await this.sweep()
    const ok = this.#parts.kind.hasEndEvent ? sight.endEvent?.ok === true : true
    if (sight.exit === 0 && ok) return this.findings().text
    throw new Error(sight.endEvent?.error ?? `${this.agentType} exited with ${sight.exit}`)
  }

  isAlive(): boolean {
    const { nonce } = this.record ?? {}
    if (this.#child && this.#child.exitCode === null && this.#child.signalCode === null) return true
    return nonce !== undefined && this.#parts.processes.ofRun(nonce, this.#shim).length > 0
  }

  terminate(): void {
    if (this.record) this.#parts.processes.signal(this.record.nonce, this.pid, 'SIGTERM')
  }

  /** Makes the next attempt's folder with all a shim needs. RACE: `mkdir` has one winner; an empty folder is used again. */
  async prepare(id: string, file: string, prompt: string, overlapped = false): Promise<RunRecord> {
    const { runs, kind, settings, processes } = this.#parts
    const last = (await attempts(runs, id)).at(-1) ?? 0
    const names = last ? await readdir(join(runs, id, String(last))) : ['none']
    const attempt = names.length ? last + 1 : last
    this.#dir = join(runs, id, String(attempt))
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const session = randomUUID()
    const promptFile = join(this.#dir, 'prompt.md')
    await writeFile(promptFile, prompt, { mode: 0o600 })
    this.record = {
      ...{ task_id: id, attempt, agent_id: this.agentId, agent_type: this.agentType },
      argv: kind.argv(settings.command, { promptFile, sessionId: session }),
      ...{
        nonce: randomUUID(),
        boot_id: processes.bootId(),
        assigned_at: new Date().toISOString(),
        file,
      },
      session_id: session,
      ...(overlapped && { overlapped }),
    }
    await this.save({})
    return this.record
  }

  /** run.json, whole. */
  async save(more: Partial<RunRecord>): Promise<void> {
    this.record = { ...(this.record as RunRecord), ...more }
    await writeRun(this.#parts.runs, this.record)
  }

  /** Starts the shim, detached, in its own session, on files: no pipe to fill, to break or to wait for. */
  launch(): ChildProcess {
    const { root, kind, settings, ended } = this.#parts
    const { argv, nonce, task_id, attempt } = this.record as RunRecord
    const marks = {
      ORCHESTRATE_RUN: nonce,
      ORCHESTRATE_TASK: task_id,
      ORCHESTRATE_ATTEMPT: String(attempt),
      ORCHESTRATE_AGENT: this.agentId,
    }
    const file = (name: string, flags: string) =>
      openSync(name.startsWith('/') ? name : join(this.#dir, name), flags, 0o600)
    const stdio: number[] = []
    try {
      stdio.push(
        file(kind.stdin === 'prompt' ? 'prompt.md' : '/dev/null', 'r'),
        file('stdout', 'a'),
        file('stderr', 'a'),
      )
      const env = { ...kind.env(process.env, settings), ...marks }
      const child = spawn('/bin/sh', ['-c', SHIM, 'orchestrate', this.#dir, ...argv], {
        cwd: root,
        detached: true,
        env,
        stdio,
      })
      child.on('error', ended).on('exit', ended).unref()
      this.#since = { begun: performance.now() }
      this.#child = child
      return child
    } finally {
      stdio.forEach(closeSync)
    }
  }

  /** Takes up a run that another orchestrator started. */
  adopt(record: RunRecord): this {
    this.record = record
    this.#dir = join(this.#parts.runs, record.task_id, String(record.attempt))
    if (record.stopping) this.#since.stopping = performance.now()
    return this
  }

  /** Takes the shim's place. RACE: the shim may be first; then it is followed. */
  async fence(): Promise<void> {
    await writeFile(join(this.#dir, 'pid'), '0\n', { flag: 'wx' }).catch((error) => {
      if (!isErrno(error, 'EEXIST')) throw error
    })
  }

  async interrupt(why: NonNullable<RunRecord['stopping']>): Promise<void> {
    await this.save({ stopping: why })
    this.#since.stopping = performance.now()
    this.#parts.processes.signal((this.record as RunRecord).nonce, this.pid, 'SIGINT')
  }

  /** Nothing of the run is left when this returns. */
  async sweep(): Promise<void> {
    await this.#parts.processes.sweep((this.record as RunRecord).nonce, this.pid)
  }

  findings(): Findings {
    return this.#reader.findings()
  }

  /** Reads what is new. `assigned` is the caller's to say. */
  async look(assigned = true): Promise<RunSight> {
    const [pidText, exitText] = await Promise.all(
      ['pid', 'exit'].map((name) => readFile(join(this.#dir, name), 'utf8').catch(() => null)),
    )
    const pid = Number(pidText?.trim() || 0)
    this.#shim = pid > 0 ? pid : null
    const exit = exitText?.trim() ? Number(exitText) : null
    const rebooted = this.record?.boot_id !== this.#parts.processes.bootId()
    const alive = !rebooted && this.isAlive()
    await this.#follow(!alive || exit !== null)
    const endEvent = this.findings().ended
    if (endEvent || exit !== null) this.#since.ended ??= performance.now()
    const since = (from?: number) => (from === undefined ? 0 : performance.now() - from)
    const age = pid > 0 && alive ? this.#parts.processes.ageMs(pid) : null
    return {
      record: this.record,
      phase:
        exit !== null ? 'ended' : pid > 0 ? 'running' : pidText === null ? 'unborn' : 'stillborn',
      ...{ assigned, alive, endEvent, exit },
      ageMs: age ?? since(this.#since.begun),
      stoppingMs: since(this.#since.stopping),
      endedMs: since(this.#since.ended),
    }
  }

  /** Feeds new lines of stdout to the reader; a line is cut at 1 MiB. `all`: also a last line without its end. */
  async #follow(all: boolean): Promise<void> {
    const handle = await open(join(this.#dir, 'stdout')).catch(() => null)
    if (!handle) return
    try {
      const chunk = Buffer.alloc(CHUNK)
      for (;;) {
        const { bytesRead } = await handle.read(chunk, 0, CHUNK, this.#offset)
        if (bytesRead === 0) break
        this.#offset += bytesRead
        this.#feed(chunk.subarray(0, bytesRead))
      }
      if (all && this.#rest.length) this.#feed(Buffer.from('\n'))
    } finally {
      await handle.close()
    }
  }

  #feed(bytes: Buffer): void {
    let from = 0
    for (let end = bytes.indexOf(10); end >= 0; from = end + 1, end = bytes.indexOf(10, from)) {
      this.#keep(bytes.subarray(from, end))
      this.#reader.line(this.#rest.toString())
      this.#rest = Buffer.alloc(0)
    }
    this.#keep(bytes.subarray(from))
  }

  #keep(bytes: Buffer): void {
    if (this.#rest.length < LINE_CAP) this.#rest = Buffer.concat([this.#rest, bytes])
  }

  /** The last 8 KiB of stderr: what a run says when its events say nothing. */
  async stderrTail(): Promise<string> {
    const handle = await open(join(this.#dir, 'stderr')).catch(() => null)
    if (!handle) return ''
    try {
      const { size } = await handle.stat()
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(8192),
        0,
        8192,
        Math.max(0, size - 8192),
      )
      return buffer.subarray(0, bytesRead).toString()
    } finally {
      await handle.close()
    }
  }
}
