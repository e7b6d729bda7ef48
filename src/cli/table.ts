// All commands and options, as data: help, parsing and the nearest-name search read this one table.
// Promises: importing it loads the short commands alone, which are in one file with it (src/README.md); an option's name
// has one type in the whole program.
import type { Act } from './act.ts'
import { act as add } from './commands/add.ts'
import { act as status } from './commands/status.ts'
import { act as tasks } from './commands/tasks.ts'

export interface Option {
  name: string
  short?: string
  /** What stands for its value in help; absent: a switch. */
  value?: string
  about: string
  hidden?: boolean
}

export interface Command {
  name: string
  about: string
  /** How its words are written in the usage line. */
  words?: string
  min?: number
  max?: number
  options: Option[]
  example?: string
  /** What to say to a word too many. */
  quote?: string
  load(): Promise<{ act: Act }>
}

export const COMMON: Option[] = [
  { name: 'directory', short: 'C', value: 'DIR', about: 'work in DIR instead of here' },
  { name: 'help', short: 'h', about: 'show this' },
  { name: 'version', short: 'v', about: 'show the version' },
]

const json: Option = { name: 'json', about: 'print JSON' }
const agents: Option = {
  name: 'agents',
  value: 'LIST',
  about: 'these slots instead of the configured ones, like claude:2,codex:2',
}
const many = Number.POSITIVE_INFINITY

export const COMMANDS: Command[] = [
  {
    name: 'init',
    about: 'Make a workspace here, or add what is missing to one',
    options: [],
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'start',
    about: 'Start working on the tasks, in the background',
    options: [
      { name: 'foreground', about: 'stay here and show what happens; Ctrl-C stops' },
      agents,
      { name: 'ready-fd', value: 'FD', about: 'tell readiness there', hidden: true },
    ],
    example: 'orchestrate start --agents claude:2,codex:2',
    load: () => import('./commands/start.ts'),
  },
  {
    name: 'stop',
    about: 'Stop; running agents come to their end first',
    options: [
      { name: 'now', about: 'interrupt the running agents; their tasks go back to pending' },
      { name: 'detach', about: 'leave the running agents running; the next start takes them over' },
    ],
    load: () => import('./commands/stop.ts'),
  },
  {
    name: 'run',
    about: 'Work here until nothing is left to do, then exit (2 unless every task was completed)',
    options: [agents],
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'add',
    about: 'Add a task; with `-`, one for each line of the standard input',
    words: 'DESCRIPTION',
    min: 1,
    max: 1,
    quote: 'put the description in quotes: orchestrate add "Write the tests"',
    options: [
      { name: 'priority', short: 'p', value: 'LEVEL', about: 'high, normal or low' },
      {
        name: 'after',
        value: 'ID',
        about: 'only when task ID is completed; may be repeated, or ID,ID',
      },
      { name: 'agent', short: 'a', value: 'TYPE', about: 'only for agents of this type' },
      { name: 'id', value: 'ID', about: 'its name instead of the next number' },
      {
        name: 'context-file',
        value: 'PATH',
        about: 'a file the agent is pointed to; may be repeated',
      },
      { name: 'timeout-minutes', value: 'N', about: 'interrupt it after N minutes' },
      {
        name: 'continues',
        value: 'ID',
        about: 'go on with the session of task ID, when it is done',
      },
      { name: 'on-limit', value: 'WORD', about: 'at a usage limit: wait, switch or fail' },
      { name: 'label', value: 'WORD', about: 'what kind of work it is; may be repeated' },
      {
        name: 'dry-run',
        about: 'write nothing; show the command, the environment and the prompt that it would get',
      },
    ],
    example: 'orchestrate add "Write unit tests for auth" --priority high --after task_001',
    load: async () => ({ act: add }),
  },
  {
    name: 'status',
    about: 'Show how things stand',
    options: [{ name: 'watch', short: 'w', about: 'keep showing it, live' }, json],
    load: async () => ({ act: status }),
  },
  {
    name: 'tasks',
    about: 'List the tasks',
    options: [
      {
        name: 'status',
        short: 's',
        value: 'STATUS',
        about: 'only pending, active, completed, failed, held or invalid ones',
      },
      json,
    ],
    example: 'orchestrate tasks --status failed',
    load: async () => ({ act: tasks }),
  },
  {
    name: 'agents',
    about: 'List the agents and what they are doing',
    options: [
      {
        name: 'stats',
        about: 'how well each type did, by label',
      },
      {
        name: 'resume',
        value: 'TYPE',
        about: 'give tasks to this type again, whatever limit or login stood against it',
      },
      json,
    ],
    load: () => import('./commands/agents.ts'),
  },
  {
    name: 'show',
    about: 'Show one task: its file, its attempts, its result',
    words: 'ID',
    min: 1,
    max: 1,
    options: [json],
    load: () => import('./commands/show.ts'),
  },
  {
    name: 'logs',
    about: 'Show what the agent said in the newest run of a task',
    words: 'ID',
    min: 1,
    max: 1,
    options: [
      { name: 'follow', short: 'f', about: 'go on until the run ends' },
      { name: 'raw', about: 'as the agent wrote it, with its error stream' },
    ],
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'retry',
    about: 'Put failed or held tasks back into the queue',
    words: 'ID…',
    min: 1,
    max: many,
    options: [
      {
        name: 'feedback',
        value: 'TEXT',
        about: 'what to do better; the agent goes on with its session where it can',
      },
    ],
    example: 'orchestrate retry task_001 --feedback "The tests do not run on Windows"',
    load: () => import('./commands/retry.ts'),
  },
  {
    name: 'cancel',
    about: 'Take tasks out of the queue; a running agent is stopped',
    words: 'ID…',
    min: 1,
    max: many,
    options: [],
    load: () => import('./commands/cancel.ts'),
  },
  {
    name: 'archive',
    about: 'Move what was completed long ago to tasks/archive/YYYY-MM/',
    options: [
      { name: 'before', value: 'AGE', about: 'older than 30d, 12h or 2w, or before 2026-01-31' },
      { name: 'dry-run', about: 'move nothing; show what would be moved' },
    ],
    example: 'orchestrate archive --before 30d',
    load: () => import('./commands/archive.ts'),
  },
  {
    name: 'doctor',
    about: 'Check this machine and workspace, and say how to mend what is broken',
    options: [json],
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'verify',
    about:
      'Prove that nothing is lost, repeated or left running here; 2 when something does not hold',
    options: [{ name: 'repair', about: 'mend what can be mended without deleting anything' }, json],
    load: () => import('./commands/verify.ts'),
  },
  {
    name: 'demo',
    about: 'See it work in under a minute: no key, no network, a throw-away workspace',
    options: [{ name: 'clean', about: 'remove the workspace at the end' }],
    load: () => import('./commands/demo.ts'),
  },
]
