// The keys of config.yaml, in both forms of the founding specification (8.3 and Appendix B), once.
// Promises: types, checks and the JSON Schema that editors use all come from here; an unknown key is refused.
import * as v from 'valibot'
import { ON_LIMIT, PRIORITY } from '../files/task-schema.ts'
import { MOST_INSTANCES } from './defaults.ts'

/** A timer of node holds at most 2^31 ms, and fires at once beyond: nothing may wait longer than 24 days. */
const LONGEST_MS = 2 ** 31 - 1

const about = <T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(v.optional(schema), v.description(description))
const flag = v.boolean('must be true or false')
const text = v.string('must be text')
const above0 = (max: number) =>
  v.pipe(
    v.number('must be a number'),
    v.gtValue(0, 'must be above 0'),
    v.maxValue(max, `must be at most ${max}`),
  )
const from0 = (max: number) =>
  v.pipe(
    v.number('must be a number'),
    v.minValue(0, 'must not be negative'),
    v.maxValue(max, `must be at most ${max}`),
  )
const whole = (min: number, max: number) =>
  v.pipe(
    v.number('must be a whole number'),
    v.integer('must be a whole number'),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  )
const path = v.pipe(
  text,
  v.nonEmpty('must not be empty'),
  v.check((at) => !/^~|:\/\/|\0/.test(at), 'must be a plain path (`~` and addresses are not read)'),
)
const levels = ['debug', 'info', 'warn', 'warning', 'error']
const level = v.pipe(
  text,
  v.check((word) => levels.includes(word.toLowerCase()), 'must be debug, info, warn or error'),
  v.metadata({ enum: levels.flatMap((word) => [word, word.toUpperCase()]) }),
)

export const AGENT = {
  command: about(
    v.pipe(
      text,
      v.regex(/\S/, 'must name a program'),
      v.check((line) => !line.includes('\0'), 'must not hold a NUL character'),
    ),
    'Split into words as a shell would, and run without one; flags that a headless run needs are added when missing. `{prompt_file}` becomes the path of the prompt.',
  ),
  max_instances: about(
    whole(0, MOST_INSTANCES),
    'How many may work at once; 0 leaves the type out. Default: 2 (shell: 1).',
  ),
  timeout_seconds: about(
    above0(Math.floor(LONGEST_MS / 1000)),
    "Seconds until a run is interrupted; the task's own time-out goes before, the queue's after.",
  ),
  start_timeout_seconds: about(
    above0(Math.floor(LONGEST_MS / 1000)),
    'Seconds that it may take to its first event. Default: 120 for the built-in CLIs.',
  ),
  idle_timeout_seconds: about(
    above0(Math.floor(LONGEST_MS / 1000)),
    'Seconds without an event while no tool is at work. Default: 1200 for the built-in CLIs.',
  ),
  tool_timeout_seconds: about(
    above0(Math.floor(LONGEST_MS / 1000)),
    'Seconds that one tool call may take. Default: 7200 for the built-in CLIs.',
  ),
  on_limit: about(
    ON_LIMIT,
    'What becomes of a task at a usage limit: wait for its end, switch to another type, or fail. Default: wait.',
  ),
  max_output_mb: about(
    above0(1e6),
    'What one run may print, stdout and stderr together; more ends it, and asks a person. Default: 100.',
  ),
  retry_on_failure: about(flag, 'Try a failed run again. Default: true.'),
  env: about(
    v.record(
      v.pipe(
        v.string(),
        v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must have names of letters, digits and `_`'),
        // The mark of a run is how its processes are found again.
        v.check(
          (name) => !name.startsWith('ORCHESTRATE_'),
          'must not set names that begin with ORCHESTRATE_: they are ours',
        ),
      ),
      v.pipe(
        v.string('must be text'),
        v.check((value) => !value.includes('\0'), 'must not hold a NUL character'),
        v.metadata({ type: ['string', 'number', 'boolean'] }), // taken from the source text
      ),
      'must be a group of `NAME: value` lines',
    ),
    'Added to the environment of its runs.',
  ),
  inherit_env: about(
    v.picklist(['all', 'minimal'], 'must be all or minimal'),
    'Which of your environment its runs see: all of it, or a short allow-list. Default: all.',
  ),
  billing: about(
    v.picklist(['api', 'subscription'], 'must be api or subscription'),
    'How the agent is paid. With `subscription`, API keys are kept from it.',
  ),
}

const minutes = above0(Math.floor(LONGEST_MS / 60_000))
const group = <T extends v.ObjectEntries>(entries: T) =>
  v.pipe(
    v.strictObject(entries, 'must be a group of `key: value` lines'),
    v.metadata({ type: ['object', 'null'] }), // for editors: `gemini:` with nothing behind it is fine
  )
const section = <T extends v.ObjectEntries>(entries: T, description: string) =>
  about(group(entries), description)

export const SECTIONS = {
  orchestrator: {
    mode: about(
      v.literal('local', 'must be local: `distributed` does not exist yet'),
      'Where agents run: on this machine. Default: local.',
    ),
    database: about(
      path,
      'The index image, rebuilt from the task files at any time. Default: ./tasks.db.',
    ),
    context_dir: about(path, 'The folder of the shared context. Default: ./context.'),
    log_level: about(level, 'debug, info, warn or error. Default: info.'),
  },
  task_queue: {
    database: about(path, 'The same as orchestrator.database.'),
    timeout_minutes: about(minutes, 'Minutes until a run is interrupted. Default: 30.'),
    default_timeout_minutes: about(minutes, 'The same as timeout_minutes.'),
    max_retries: about(whole(0, 1000), 'How often a failed run is tried again. Default: 3.'),
    retry_delay_seconds: about(
      from0(Math.floor(LONGEST_MS / 1000)),
      'Seconds before a failed task is tried again. Default: 60.',
    ),
    max_size: about(
      whole(1, 1_000_000),
      'Pending tasks; `add` refuses more, a surplus file is held. Default: 1000.',
    ),
    default_priority: about(PRIORITY, 'For tasks that name none. Default: normal.'),
    settle_ms: about(
      whole(0, 60_000),
      'How long a dropped file must stand still before it is read. Default: 250.',
    ),
    selection: about(
      v.picklist(['least-loaded', 'learned'], 'must be least-loaded or learned'),
      'Which free agent type takes a task that names none: the one with the least to do, or the one that did such work (`labels`) best. Default: least-loaded.',
    ),
    on_interrupt: about(
      v.picklist(['retry', 'hold'], 'must be retry or hold'),
      'What becomes of a task whose run vanished (a reboot, a kill). Default: retry.',
    ),
  },
  budget: {
    tokens_per_task: about(above0(1e15), 'For all attempts of a task together; then it is held.'),
    usd_per_task: about(above0(1e9), 'The same in US dollars, where the agent tells its cost.'),
    tokens_per_day: about(above0(1e15), 'For all agents, from midnight; then nothing is claimed.'),
    usd_per_day: about(above0(1e9), 'The same in US dollars, where the agents tell their cost.'),
  },
  context: {
    directory: about(path, 'The same as orchestrator.context_dir.'),
    update_on_completion: about(
      flag,
      'Bring the context up to date after each task. Default: true.',
    ),
  },
  monitoring: {
    enable_metrics: about(flag, 'Prometheus metrics on 127.0.0.1. Default: false.'),
    metrics_port: about(whole(1, 65_535), 'Default: 9090.'),
    health_check_interval: about(
      above0(Math.floor(LONGEST_MS / 1000)),
      'Seconds between looks at processes, folders, limits and resting agents. Default: 30.',
    ),
  },
  performance: {
    max_memory_mb: about(
      above0(1e9),
      'All agents together; 30 s over it: no new runs, then the newest run is ended. Default: none.',
    ),
    max_cpu_percent: about(
      above0(1e6),
      'All agents together, 100 is one core; above it: no new runs. Default: none.',
    ),
    max_disk_io_mbps: about(
      above0(1e9),
      'All agents together; above it: no new runs. Default: none.',
    ),
  },
}

/** Without a leading digit, so that the order of the file is the order of an object's keys. */
const TYPE = /^[A-Za-z][A-Za-z0-9_-]{0,49}$/

export const ConfigFile = v.strictObject({
  orchestrator: section(SECTIONS.orchestrator, 'Where things lie, and how much is told.'),
  agents: about(
    v.record(
      v.pipe(
        v.string(),
        v.regex(TYPE, 'is not a name for an agent type: use letters, digits, `_`, `-`'),
      ),
      group(AGENT),
      'must be a group of agent types, like `claude:`',
    ),
    'One entry per agent type: claude, codex, gemini, cursor, opencode, shell are built in; any other needs a command.',
  ),
  task_queue: section(SECTIONS.task_queue, 'Limits and defaults of tasks.'),
  budget: section(
    SECTIONS.budget,
    'What agents may use, by their own reports; nothing is claimed beyond.',
  ),
  context: section(SECTIONS.context, 'The context that agents share.'),
  monitoring: section(SECTIONS.monitoring, 'What can be watched, and how often it looks.'),
  performance: section(SECTIONS.performance, 'Limits over all agents together.'),
})
export type ConfigFile = v.InferOutput<typeof ConfigFile>
export type AgentFile = NonNullable<ConfigFile['agents']>[string]
