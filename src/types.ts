// The words of the whole program, as shapes, and its one error class. Every layer may import this, it imports nothing.
// Glossary: task, agent, run, attempt, claim, result, context (src/README.md tells what each one is).

export const STATES = ['pending', 'assigned', 'completed', 'failed'] as const
/** The folder a task file is in. */
export type State = (typeof STATES)[number]
/** What is over: nothing leaves it by itself. */
export const isSettled = (state: State): state is 'completed' | 'failed' =>
  state === 'completed' || state === 'failed'
/** What a person is shown: the folder, or why a waiting file is not in the queue. */
export type TaskStatus = State | 'held' | 'invalid'
export type Priority = 'high' | 'normal' | 'low'

/** A task file, read and checked (DESIGN 2, specification 4.2 and Appendix A). Times are epoch ms. */
export interface Task {
  id: string
  description: string
  priority: Priority
  createdAt: number
  dependencies: string[]
  /** Paths inside the workspace, as written. */
  contextFiles: string[]
  contextRequired: boolean
  preferredAgent?: string
  timeoutMinutes?: number
  maxRetries?: number
  subtasks: string[]
  notBefore?: number
  /** The id of a task whose session it goes on with. */
  continues?: string
  /** What becomes of it at a usage limit. */
  onLimit?: OnLimit
  /** What kind of work it is, in a person's words. */
  labels: string[]
  budget?: Budget
  /** Told once each: unknown keys ("`prioirty`: did you mean `priority`?"), an unfit stem. */
  remarks: string[]
}

/** At a usage limit: go on with the same agent type when it is over, let another type do it, or fail. */
export type OnLimit = 'wait' | 'switch' | 'fail'
/** Tokens of all kinds together, and US dollars. */
export interface Budget {
  tokens?: number
  usd?: number
}

/** Where an unreadable file fails: one sentence with what to do; line and column from 1 where known. */
export interface Problem {
  message: string
  line?: number
  column?: number
  /** It lies with the reading, not with what the file says. */
  passing?: boolean
}

/** How a run ended, in the record's word and in the finer one (src/agents/README.md: what follows from each). */
export type RunStatus = 'success' | 'failed' | 'timeout' | 'cancelled'
export type Outcome =
  | 'success'
  | 'failed'
  | 'timeout'
  | 'stalled' // it gave no sign of life for longer than one of its three clocks allows
  | 'cancelled'
  | 'interrupted' // gone without an exit status: a reboot, a kill
  | 'never-started' // the shim did not come to life, or the session to go on with is gone; costs no retry
  | 'no-result' // exit 0 without the agent's own end event
  | 'crashed' // ended by a signal that was not ours
  | 'limited' // a usage limit, a rate limit, an overload: no failure of the task
  | 'unauthenticated' // no login or key, or one that is not accepted
  | 'misconfigured' // an unknown model or flag, a folder that it does not trust
  | 'denied' // a permission was refused, whatever it says of itself

/**
 * What an agent's own channel says of the end of a run: a typed event, an error envelope, the exit status, stderr; never what its
 * model wrote.
 */
export interface Verdict {
  ok: boolean
  /** Where more is known than `failed`. `never-started`: the session that it was to go on with is gone. */
  outcome?: 'limited' | 'unauthenticated' | 'misconfigured' | 'denied' | 'never-started'
  /** Why not, in one sentence. */
  error?: string
  /** Where that is said: `result: api_error_status 429`, `exit 55`, `stderr`. */
  evidence?: string
  /** Epoch ms at which the limit is over, by the CLI's own word. */
  resetsAt?: number
}

/** `runs/<id>/<attempt>/run.json`; snake_case because it is on disk. ISO 8601 times. */
export interface RunRecord {
  task_id: string
  attempt: number
  agent_id: string
  agent_type: string
  argv: string[]
  /** The mark: every process of the run carries `ORCHESTRATE_RUN=<nonce>`. */
  nonce: string
  boot_id: string
  assigned_at: string
  /** The task file's name in its folder. */
  file: string
  session_id?: string
  /** The task's own, so that agents can be compared by them. */
  labels?: string[]
  /** Why this agent, where `selection: learned` chose it. */
  chosen?: string
  /** It goes on with `session_id`, in which so many tokens were used before. */
  resumed?: boolean
  tokens_before?: number
  /** Set before the run is told to stop, so that a restart knows why it ended. `stop`: by `stop --now`. `linger`: it
   * said its end, did not leave, and is being ended. `stall-…`: by which of the three clocks. */
  stopping?: 'timeout' | 'cancelled' | 'memory' | 'output' | 'stop' | 'linger' | Stall
  /** A person asked for this success to be done again. */
  released?: boolean
  /** What a person said of it at `retry --feedback`: the next attempt is told. */
  feedback?: string
  overlapped?: boolean
  // from here on: at the end
  ended_at?: string
  outcome?: Outcome
  error?: string
  /** Where the agent said so, as in Verdict. */
  evidence?: string
  /** Of a limit: when it is over. */
  resets_at?: string
  /** Where the task went; `failed` closes a series of attempts, so a later `mv` back starts afresh. */
  settled?: State
  exit_code?: number | null
  duration_seconds?: number
  files_modified?: string[] | 'unknown'
  needs_review?: boolean
  retry_count?: number
  output_file?: string
  model?: string
  tokens?: number
  cost_usd?: number
}

/** No event after its start; no event, and no tool at work; one tool call for too long. */
export type Stall = 'stall-start' | 'stall-idle' | 'stall-tool'

/** `<state>/<id>_result.yaml` (specification 4.3). Derived from the run folder; may be written again. */
export interface ResultRecord {
  task_id: string
  agent_id: string
  agent_type: string
  status: RunStatus
  assigned_at: string
  completed_at: string
  attempt: number
  output_file?: string
  files_modified: string[] | 'unknown'
  outcome: Outcome
  error?: string
  evidence?: string
  needs_review?: boolean
  retry_count?: number
  session_id?: string
  tokens?: number
  cost_usd?: number
  model?: string
  duration_seconds?: number
  run: string
}

// ---- what the core is handed -------------------------------------------------------------------

export interface AgentSettings {
  /** Argument vector; empty for `shell`. */
  command: string[]
  maxInstances: number
  timeoutMs?: number
  /** How long it may be silent, in ms (Infinity: as long as it likes). */
  stallMs: { start: number; idle: number; tool: number }
  onLimit: OnLimit
  /** MiB of stdout and stderr together. */
  maxOutputMb: number
  retryOnFailure: boolean
  env: Record<string, string>
  inheritEnv: 'all' | 'minimal'
  billing?: 'api' | 'subscription'
}

/** The configuration, resolved: every default filled in, times in ms (DESIGN 6). */
export interface Settings {
  /** Absolute paths. */
  database: string
  contextDir: string
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** In the order of the file; slots are numbered over it: agent_01, agent_02, … */
  agents: Record<string, AgentSettings>
  queue: {
    timeoutMs: number
    maxRetries: number
    retryDelayMs: number
    maxSize: number
    defaultPriority: Priority
    settleMs: number
    /** Among free types, where a task names none: by load, or by how well each did such work. */
    selection: 'least-loaded' | 'learned'
    onInterrupt: 'retry' | 'hold'
  }
  /** What each task may use, unless it says so itself, and what all may use on one day. */
  budget: { task: Budget; day: Budget }
  updateOnCompletion: boolean
  metrics: { enabled: boolean; port: number }
  healthCheckMs: number
  limits: { memoryMb?: number; cpuPercent?: number; diskMbps?: number }
}

/** What an agent's own output has told so far. */
export interface Findings {
  /** The agent's end event; null: none yet (or the kind has none). */
  ended: Verdict | null
  /** What it says it waits for, as a verdict should it never go on: a limit, an API that does not answer; null: nothing. */
  waits: Verdict | null
  /** How many events there were (of a kind without events: pieces of output), and how many tool calls began and did not end. */
  events: number
  tools: number
  /** The last answer, or the tail of stdout for a kind without events. Bounded. */
  text: string
  sessionId?: string
  model?: string
  /** All tokens, in and out. */
  tokens?: number
  costUsd?: number
  /** Paths that the agent's own events say it wrote, as they were said; null: the kind does not tell. */
  files: string[] | null
}

/** Reads one run's stdout, line by line (a line is cut at 1 MiB). Holds bounded state. */
export interface OutputReader {
  /** It takes many lines in one text: to split what has no events costs ten times the work. */
  many?: true
  line(text: string): void
  findings(): Findings
}

/** What the core knows of a vendor: nothing but this. One small file per CLI in src/agents/. */
export interface AgentKind {
  name: string
  /** Whether success needs an end event besides exit 0 (DESIGN 1.7). */
  hasEndEvent: boolean
  /** The tokens that it tells are those of the whole session, not of this run. */
  cumulative?: true
  /** `prompt`: stdin is the prompt file. `none`: stdin is /dev/null (shell reads the file by path). */
  stdin: 'prompt' | 'none'
  /**
   * The whole argument vector: the configured command, and the headless flags that are missing.
   * @param run `resume`: go on with the session `sessionId`, the prompt is its next message.
   */
  argv(command: string[], run: RunArguments): string[]
  /** What a person types to go on with a session by hand: program and arguments; null: it has no sessions. */
  takeOver(command: string[], sessionId: string): string[] | null
  /** The environment of the run, from ours: without nested-agent marks, as `inherit_env`, `env`, `billing` say. */
  env(inherited: NodeJS.ProcessEnv, settings: AgentSettings): Record<string, string>
  /** Who pays for its runs (a subscription, a key), in words; null: not known. */
  pays?(inherited: NodeJS.ProcessEnv, settings: AgentSettings): string | null
  /** @param now for a limit that is told as a time of day: when that was said; left out: the clock. */
  reader(now?: () => number): OutputReader
  /** Readable lines for `logs`: one line of stdout to text, or null to leave it out. */
  readable(line: string): string | null
  /** Of a run without an end event: why, by its exit status and stderr. Never a success. */
  explain(exit: number | null, stderrTail: string, now?: () => number): Verdict | undefined
  /** What the probe asks of its program; left out: a program that we know nothing of. */
  cli?: Cli
}
export interface Cli {
  /** What its program is called, so that it is found behind `npx`, `env`, `node …/cli.js`. */
  names: string[]
  /** The arguments that print the help in which our flags stand. */
  help: string[]
  /** The flags that we add. */
  flags: string[]
  /** The versions that the recorded runs are of: the first and the last. */
  tested: { from: string; to: string }
  /** Its first start sets up a store of its own, and two at once get in each other's way: start one, then the others. */
  warmUp?: true
}
export interface RunArguments {
  promptFile: string
  sessionId: string
  resume?: boolean
}

/** A living process (zombies are not living). Ids as in ps; start in clock ticks since boot, as text. */
export interface ProcessInfo {
  pid: number
  parent: number
  group: number
  session: number
  started: string
  /** The value of ORCHESTRATE_RUN in its environment. */
  mark: string | null
}

/** src/process: the only module that knows process identity. */
export interface Processes {
  bootId(): string
  /** Start time of a living pid, null when there is none. With pid and boot id it names one process for ever. */
  started(pid: number): string | null
  /** Whether it was suspended (SIGSTOP, Ctrl-Z): alive, and silent. */
  suspended(pid: number): boolean
  /** ms since the process started, by the boot clock that no one can set; null when it is gone. */
  ageMs(pid: number): number | null
  /** One pass over all living processes of this user. */
  list(): ProcessInfo[]
  /** Those of a run: its mark in the environment, or its shim's session or group. `shim` null: mark only. */
  ofRun(nonce: string, shim: number | null, all?: ProcessInfo[]): number[]
  /** Signal the shim's whole group, when the shim (or one of its group) is verified to carry the mark. */
  signal(nonce: string, shim: number | null, signal: NodeJS.Signals): void
  /** SIGKILL all of a run until two passes in a row find none. Throws after 10 s of trying. */
  sweep(nonce: string, shim: number | null): Promise<void>
  /** Which of these absolute paths some process has open for writing (empty where /proc cannot tell). */
  writers(paths: string[]): Set<string>
  /** The editor that holds `name` open, judged by swap and lock files among the `names` of its folder. */
  editor(folder: string, name: string, names: ReadonlySet<string>): string | null
  /** Together over these pids and their descendants; null until two samples exist. */
  usage(pids: number[]): Promise<{ memoryMb: number; cpuPercent: number; diskMbps: number } | null>
}

/** src/context: the shared context (specification 3.4, 6). */
export interface ContextPort {
  /** The whole text that the agent is given. */
  prompt(task: Task, run: PromptRun): Promise<string>
  /** Names of `context_files` that are missing (`missing`), or lead out of the workspace (`outside`). */
  check(task: Task): Promise<{ missing: string[]; outside: string[] }>
  /** Where in the workspace the output file of a task is. */
  output(id: string): string
  /** Output file, completed_tasks.json, current_state.md; keyed by id and attempt: twice is once. Returns the output file's path in the workspace. */
  finish(end: ContextEnd): Promise<string>
  /** Files under `root` that git says changed since `since` (epoch ms), our own folders left out; null: not a repository. */
  changedSince(since: number): Promise<string[] | null>
}
export interface PromptRun {
  attempt: number
  agentId: string
  agentType: string
  /** The last attempt's error, for a clarified prompt. */
  lastError?: string
  /** What a person said of it. */
  feedback?: string
  /** The session knows the task already: after a limit, for a person's feedback, or from the task that it continues. */
  resumes?: 'limit' | 'feedback' | 'continues'
}
export interface ContextEnd {
  task: Task
  record: ResultRecord
  /** What the agent said last. */
  text: string
}

// ---- what the core shows -----------------------------------------------------------------------

/** One row per task file. `file` (path in the workspace) is the key: two files may claim one id. */
export interface TaskView {
  file: string
  id: string
  status: TaskStatus
  priority: Priority
  description: string
  createdAt: number
  agentId: string | null
  attempt: number
  outcome: Outcome | null
  needsReview: boolean
  error: string | null
  /** Why it waits, is held, or is invalid; one sentence. */
  reason: string | null
  /** Of a settled one: what tells that its file, and its runs, are as they were read (`Entry`); null: nothing does. */
  stamp: string | null
  learnt: string | null
}

/** A settled task as a row remembers it. `learnt` null: its runs were looked at since. */
export interface Settled extends Pick<Entry, 'name' | 'id' | 'stamp' | 'learnt'> {
  state: 'completed' | 'failed'
}

export interface AgentView {
  id: string
  type: string
  state: 'idle' | 'busy' | 'failed' | 'limited' | 'missing'
  /** Of a limit: when it is over, epoch ms. */
  until: number | null
  /** Why it takes no task, in a sentence, where there is more to say than its state. */
  why: string | null
  taskId: string | null
  /** Runs since the start of the orchestrator. */
  taskCount: number
  pid: number | null
}

export interface EventView {
  /** Epoch ms. */
  at: number
  kind: 'claim' | 'start' | 'end' | 'retry' | 'cancel' | 'held' | 'invalid' | 'agent' | 'system'
  taskId: string | null
  agentId: string | null
  text: string
}

/** A mirror of the core's state; the index implements it. Rows are whole; calls are cheap and never throw. */
export interface Mirror {
  putTask(row: TaskView): void
  dropTask(file: string): void
  putRun(row: RunRecord): void
  putAgent(row: AgentView): void
  dropAgent(id: string): void
  event(row: EventView): void
}

/** The state after a look. */
export interface Picture {
  entries: ReadonlyMap<string, Entry>
  /** All that lies in the task folders. */
  names: ReadonlyMap<State, Iterable<string>>
  /** Those of which something else may be to be shown than before. */
  changed: Iterable<Entry>
  /** Files that are gone, or elsewhere. */
  gone: Iterable<string>
  /** Why each of them waits or is held that does. */
  why: Record<'held' | 'waiting', ReadonlyMap<Entry, string>>
  agents: readonly AgentView[]
  /** The newest attempt of a task, as far as it is known. */
  last: (entry: Entry) => Partial<RunRecord> | undefined
}

/** What the core tells as it goes. */
export interface Show {
  /** A task of `add`, whole, a moment before its file is there: it is shown at once, and a look follows. */
  added(task: AddedTask): void
  picture(picture: Picture): void
  run(record: RunRecord): void
  event(row: EventView): void
}

/** `error`, `warn`, `info`, `debug`: one line each, written to the log (and the terminal in the foreground). */
export type Log = (level: Settings['logLevel'], text: string) => void

/** A failure that a person can act on: a stable code, one sentence, what to do next. */
export class OrchestrateError extends Error {
  readonly code: string
  readonly hint: string | undefined
  constructor(code: string, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'OrchestrateError'
    this.code = code
    this.hint = hint
  }
}

// ---- what a look sees, and what is planned --------------------------------------------------------

/** A task file as last seen. `body` changes when its bytes may have; `since` is when this look of it was first seen. */
export interface Entry {
  state: State
  name: string
  path: string
  file: string
  id: string
  task: Task | null
  problem: Problem | null
  body: string
  stamp: string
  ctimeMs: number
  since: number
  /** Written by us, whole: needs no settling. */
  ours: boolean
  /** When it was first found missing (clock of `now`), while it may be an editor's rename. */
  goneSince: number | null
  /** Its file may be another than the one that was read: it is read again when it is queued again. */
  edited: boolean
  /** What tells that its runs are as they were when they were learned of (look/kept.ts); null: nothing does. */
  learnt: string | null
}

export interface Scan {
  /** New, changed or settled since the last scan. */
  changed: Entry[]
  /** Tasks whose file was changed after the claim. */
  edited: Entry[]
  /** State folders that are not there, or not to be used; their entries are kept as they were. */
  missing: State[]
  /** Why, of the first of them. */
  away: string | null
  /** Why not all is known of what lies in another one. */
  dim: string | null
  /** Records of ours whose task is not beside them, settled. */
  orphans: { path: string; id: string; state: State }[]
}

/** An agent slot as the distributor sees it; `available` agents are `idle`. */
export type Slot = Pick<AgentView, 'id' | 'type' | 'state' | 'taskCount'> &
  Partial<Pick<AgentView, 'until' | 'why'>>
/** The status of one agent (specification 3.2). */
export type AgentStatus = AgentView

/** How an agent type did work of one label (specification 9.1.3); label '': all its work. */
export interface Profile {
  agent_type: string
  label: string
  runs: number
  /** Of `runs`. */
  succeeded: number
  /** Means: of the successes, of all, of all. */
  seconds: number | null
  tokens: number | null
  cost_usd: number | null
  /** Attempts before a success, in the mean. */
  retries: number | null
}

/** What the runs and the context have to say of a waiting task. */
export interface Note {
  /** It must not run until a person acts. */
  held?: string
  /** Epoch ms; not before then, because `why`. */
  ready?: { at: number; why: string }
  /** It waits, because; `open`: only time can tell for how long (an editor, a missing file). */
  wait?: string
  open?: boolean
  /** The agent that failed last: another one is preferred. */
  lastAgent?: string
  /** The type whose session it goes on with. */
  stick?: string
  /** While the type it prefers is limited, any other takes it. */
  switches?: boolean
}

export interface Plan {
  /** In the order of claiming; each agent once. */
  assign: { entry: Entry; task: Task; agent: Slot; chosen?: string }[]
  /** One sentence for every pending task that is not assigned, in queue order. */
  waiting: Map<Entry, string>
  held: Map<Entry, string>
  /** Epoch ms at which time alone lets a task start (a delay, `not_before`, a resting agent); null: it never will. */
  later: number | null
  /** Waiting for something that no event tells of (an editor, a missing file). */
  open: Set<Entry>
  /** Of those that wait: they lack an agent, and nothing else. */
  ready: Set<Entry>
}

/** The newest run of an id, as it lies on disk, and whether anything of it lives. */
export interface RunSight {
  record: RunRecord | null
  /**
   * `none`: no folder, or an empty one. `unborn`: prepared, its shim has not begun. `stillborn`: begun, and the agent was not
   * started. `ended`: the exit status is there.
   */
  phase: 'none' | 'unborn' | 'stillborn' | 'running' | 'ended'
  /** The assignment record of this very attempt lies in assigned/. */
  assigned: boolean
  alive: boolean
  /** The agent's own end event. */
  endEvent: Verdict | null
  exit: number | null
  /** ms since its process started, and since it was told to stop, ended, or was found so. */
  ageMs: number
  stoppingMs: number
  endedMs: number
  /** Events so far, tool calls at work, ms since the last event. */
  events: number
  tools: number
  quietMs: number
  /** MiB that it has written to stdout and stderr. */
  outputMb: number
}

export interface Rules {
  deadlineMs: number
  maxOutputMb: number
  hasEndEvent: boolean
  stallMs: AgentSettings['stallMs']
}

export type Action =
  | { do: 'nothing' }
  /** Back to pending: it was claimed and nothing began. */
  | { do: 'back' }
  /** Take the shim's place, so that it can't begin any more; the next look finalises. */
  | { do: 'fence' }
  | { do: 'follow' }
  | { do: 'interrupt'; why: NonNullable<RunRecord['stopping']> }
  | { do: 'kill' }
  | ({ do: 'finalise' } & Ending)
  /** A success: not run again because its file turned up. */
  | { do: 'hold' }
  | { do: 'distribute' }

/** How a run ended, why, and where that was said. */
export interface Ending extends Pick<Verdict, 'error' | 'evidence' | 'resetsAt'> {
  outcome: Outcome
}

export interface Settling {
  state: State
  needsReview: boolean
  retryCount: number
  /** The agent is not to blame: no delay, no count. */
  free: boolean
}

// ---- the orchestrator, as the layers around it see it --------------------------------------------

/** What `add` takes; the keys of a task file. */
export interface NewTask {
  description: string
  id?: string
  priority?: Priority
  dependencies?: string[]
  preferred_agent?: string
  context_files?: string[]
  timeout_minutes?: number
  max_retries?: number
  subtasks?: string[]
  not_before?: string
  continues?: string
  on_limit?: OnLimit
  labels?: string[]
}

/** What `add` has made of it. */
export type AddedTask = NewTask & { id: string; priority: Priority }

export interface Orchestrator {
  /** Takes the lock, makes the folders, arms the watcher, looks once. Throws OrchestrateError `LOCKED` with the owner's pid in its message. */
  start(): Promise<void>
  /**
   * Stops claiming and resolves when it may exit. `wait`: running agents come to their end;
   * `now`: they are interrupted and go back to pending; `detach`: they are left running for the next start.
   * Calling again with a harder word is heeded.
   */
  stop(how: 'wait' | 'now' | 'detach'): Promise<void>
  /** Resolves when nothing runs and nothing can start any more (it waits for delays and `not_before`). */
  finished(): Promise<void>
  /** Something changed: look soon. */
  poke(): void
  reconfigure(settings: Settings): void
  /** Writes task files; all of them or, when `max_size` or an id refuses, none. Returns their ids. */
  add(tasks: NewTask[]): Promise<string[]>
  /** Moves `failed/` (or a held success) back to `pending/`. Returns what was done, one sentence. */
  retry(id: string, feedback?: string): Promise<string>
  /** Agents of this type take tasks again, whatever limit or refused login stood against it. Returns what was done. */
  resume(type: string): Promise<string>
  /** Moves it to `failed/`; a running agent is stopped. Returns what was done, one sentence. */
  cancel(id: string): Promise<string>
  /** Why nothing is claimed now (level 3, DESIGN 3); null when all is well. */
  halted(): string | null
  /** Ids of tasks with a running agent. */
  active(): string[]
}
