// One run of one agent: a detached process in its own session, its files in runs/<id>/<attempt>/. Promises: an attempt
// happens once, whoever starts it; it outlives us; nothing that carries its mark outlives it.

import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import spawn from 'cross-spawn'
import { inFolder, isErrno, makeInside, writeNew } from '../files/files.ts'
import { writeFile } from '../files/fs.ts'
import * as disk from '../files/run-folder.ts'
import { SHIM } from '../files/shim.ts'
import type { RunParts } from '../look/parts.ts'
import type * as T from '../types.ts'
import { OrchestrateError, type RunRecord, type RunSight } from '../types.ts'

const NO_PROCESS = 'no process could be started: is a limit of processes or of open files reached?'

/** Specification 3.3. One object per run, started or adopted. */
export class AgentProcess {
  readonly agentType: string
  readonly agentId: string
  record: RunRecord | null = null
  /** There is output that has not been read. */
  behind = false
  readonly #parts: RunParts
  readonly #reader: ReturnType<T.AgentKind['reader']>
  #dir = ''
  #child: ChildProcess | null = null
  #shim: number | null = null
  #lines: disk.Lines | null = null
  #since: { begun?: number; stopping?: number; ended?: number } = { begun: performance.now() }
  /** When its last event was seen, and how many there were by then. */
  #heard = { at: performance.now(), events: 0 }

  constructor(agentType: string, agentId: string, parts: RunParts) {
    this.agentType = agentType
    this.agentId = agentId
    this.#parts = parts
    this.#reader = parts.kind.reader(() => this.saidAt())
  }

  get pid(): number | null {
    return this.#shim ?? this.#child?.pid ?? null
  }

  /** Specification 3.3: runs a task to its end and returns the agent's answer; throws when it did not succeed. */
  async executeTask(task: T.Task, prompt = task.description): Promise<string> {
    await this.prepare(task.id, `${task.id}.yaml`, prompt)
    const child = this.launch()
    child.ref() // here someone waits for it
    await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject))
    const sight = await this.look(true, Number.POSITIVE_INFINITY)
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

  /** Makes the next attempt's folder with all a shim needs. @param from the run whose session it goes on with. */
  async prepare(
    id: string,
    file: string,
    prompt: string,
    more: Partial<RunRecord> = {},
    from?: Partial<RunRecord>,
  ): Promise<RunRecord> {
    const { root, runs, kind, settings, processes } = this.#parts
    const { attempt, folder } = await disk.nextAttempt(runs, id)
    const sessionId = from?.session_id ?? randomUUID()
    const resume = from?.session_id !== undefined
    const promptFile = join(folder, 'prompt.md')
    // RACE: an empty folder may be another's, who stood still after its `mkdir`: one of us has the attempt.
    const write = (at: string) =>
      writeFile(join(at, 'prompt.md'), prompt, { mode: 0o600, flag: 'wx' })
    await inFolder(root, folder, write)
    const who = { task_id: id, attempt, agent_id: this.agentId, agent_type: this.agentType }
    const argv = kind.argv(settings.command, { promptFile, sessionId, resume })
    const mark = { nonce: `${id}.${attempt}.${randomUUID()}`, boot_id: processes.bootId() }
    const assigned_at = new Date().toISOString()
    const record = {
      ...who,
      argv,
      ...mark,
      assigned_at,
      file,
      ...(argv.some((word) => word.includes(sessionId)) && { session_id: sessionId }),
      ...more,
      ...(resume && {
        resumed: true,
        tokens_before: (from.tokens_before ?? 0) + (from.tokens ?? 0),
      }),
    }
    this.#dir = folder
    await disk.writeRun(runs, record, writeNew)
    this.record = record
    return record
  }

  /** run.json, whole. */
  async save(more: Partial<RunRecord>): Promise<void> {
    const record = { ...(this.record as RunRecord), ...more }
    await disk.writeRun(this.#parts.runs, record)
    this.record = record // not before it is on the disk: what failed is done again
  }

  /** Starts the shim, detached, in its own session, on files: no pipe to fill, to break or to wait for. */
  launch(): ChildProcess {
    const { root, kind, settings, ended } = this.#parts
    const { argv, nonce, task_id, attempt } = this.record as RunRecord
    const about = {
      TASK: task_id,
      ATTEMPT: String(attempt),
      AGENT: this.agentId,
      WORKSPACE: root,
      RUN: nonce,
    }
    const marks = Object.fromEntries(
      Object.entries(about).map(([key, value]) => [`ORCHESTRATE_${key}`, value]),
    )
    const env = { ...kind.env(process.env, settings), ...marks }
    const stdin = kind.stdin === 'prompt' ? join(this.#dir, 'prompt.md') : '/dev/null'
    const stdio: number[] = []
    try {
      stdio.push(openSync(stdin, 'r'))
      for (const name of ['stdout', 'stderr'])
        stdio.push(openSync(join(this.#dir, name), 'a', 0o600))
      const args = ['-c', SHIM, 'orchestrate', this.#dir, ...argv]
      const child = spawn('/bin/sh', args, { cwd: root, detached: true, env, stdio })
      child.on('error', ended).on('exit', ended).unref()
      if (child.pid === undefined) throw new OrchestrateError('NO_PROCESS', NO_PROCESS)
      this.#since = { begun: performance.now() }
      this.#child = child
      return child
    } catch (error) {
      rmSync(join(this.#dir, 'run.json'), { force: true }) // nothing began: the attempt is still to come
      throw error
    } finally {
      stdio.forEach(closeSync)
    }
  }

  /** Takes up a run that another orchestrator started. */
  adopt(record: RunRecord): this {
    this.record = record
    this.#dir = join(this.#parts.runs, record.task_id, String(record.attempt))
    this.#since = record.stopping ? { stopping: performance.now() } : {} // since when it runs, a look tells
    return this
  }

  /** Takes the shim's place. RACE: the shim may be first; then it is followed. The folder may have been removed by hand. */
  async fence(): Promise<void> {
    await makeInside(this.#parts.root, this.#dir)
    const write = (at: string) => writeFile(join(at, 'pid'), '0\n', { flag: 'wx' })
    await inFolder(this.#parts.root, this.#dir, write).catch((error) => {
      if (!isErrno(error, 'EEXIST')) throw error
    })
  }

  async interrupt(why: NonNullable<RunRecord['stopping']>): Promise<void> {
    const before = this.record as RunRecord
    const ended = async () => (await disk.readShim(this.#dir)).exit !== null
    // What has ended by itself, also while this is written, is not being stopped: its children are.
    if (!(await ended())) this.record = { ...before, stopping: why }
    this.#since.stopping = performance.now()
    try {
      await this.save({})
      if (!(await ended())) return
      this.record = before
      await this.save({})
    } finally {
      this.#parts.processes.signal((this.record as RunRecord).nonce, this.pid, 'SIGINT') // the more so when the disk is full
    }
  }

  /** Nothing of the run is left when this returns. */
  async sweep(): Promise<void> {
    await this.#parts.processes.sweep((this.record as RunRecord).nonce, this.pid)
  }

  /** What a run says when its events say nothing. */
  stderrTail(): Promise<string> {
    return disk.stderrTail(this.#dir)
  }

  /** When it last said something: `try again at 1:18 PM` is a time of then, not of when we read it. */
  saidAt = () => this.#lines?.at ?? Date.now()

  findings(): T.Findings {
    return this.#reader.findings()
  }

  /**
   * Reads what is new. The order matters: what is not alive has written its exit status, and all its output, before we
   * read them. Until all of it is read, the run counts as living.
   */
  async look(assigned = true, most?: number): Promise<RunSight> {
    const pid = await disk.shimPid(this.#parts.runs, this.record, this.pid)
    const rebooted = this.record?.boot_id !== this.#parts.processes.bootId()
    // A pid of another boot is a stranger's by now: after a reboot, the mark alone tells.
    this.#shim = rebooted ? null : pid || null
    const alive = !rebooted && this.isAlive()
    const { exit } = await disk.readShim(this.#dir)
    const { many } = this.#reader
    const line = (text: string) => this.#reader.line(text)
    this.#lines ??= new disk.Lines(join(this.#dir, 'stdout'), line, many)
    this.behind = !(await this.#lines.read(!alive || exit !== null, most))
    const { ended: endEvent, events, tools } = this.findings()
    if (events !== this.#heard.events || this.behind)
      this.#heard = { at: performance.now(), events }
    if (endEvent || exit !== null) this.#since.ended ??= performance.now()
    else delete this.#since.ended // it has gone on
    const { ageMs, ofRun } = this.#parts.processes
    const age = pid && alive ? ageMs(pid) : null
    const ages = () => ofRun(this.record?.nonce ?? '', pid).map((one) => ageMs(one) ?? 0)
    if (age !== null) this.#since.begun = performance.now() - age
    // Its shim was killed while nobody looked: the oldest of its processes tells.
    else if (alive) this.#since.begun ??= performance.now() - Math.max(0, ...ages())
    const since = (from?: number) => (from === undefined ? 0 : performance.now() - from)
    const { begun, stopping, ended } = this.#since
    return {
      record: this.record,
      phase: exit !== null ? 'ended' : pid === null ? 'unborn' : pid > 0 ? 'running' : 'stillborn',
      ...{ assigned, alive: alive || this.behind, endEvent, exit },
      ...{ ageMs: since(begun), stoppingMs: since(stopping), endedMs: since(ended) },
      ...{ events, tools, quietMs: since(this.#heard.at) },
      outputMb: await disk.outputMb(this.#dir),
    }
  }
}
