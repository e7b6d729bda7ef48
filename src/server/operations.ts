// The one table of what can be asked of a running orchestrator. Promises: knows no transport; nothing is asked or done
// but through the two interfaces it is handed.
import { type NewTask, OrchestrateError, type Orchestrator } from '../types.ts'
import { above0, type Check, keys, list, oneOf, text, whole } from './input.ts'

/** The questions that the server needs an answer to; the index answers them. */
interface Questions {
  status(extra: { pid: number; halted: string | null; notes: string[] }): object
  tasks(filter: { status?: Status; limit?: number }): object[]
  agents(): object[]
  profiles(): object[]
  /** Null when there is no such task. */
  show(id: string): object | null
  events(after: number): { events: object[]; last: number }
  /** Calls back after each event; returns how to stop that. */
  onEvent(listener: () => void): () => void
}

export interface Context {
  index: Questions
  orchestrator: Pick<
    Orchestrator,
    'add' | 'retry' | 'cancel' | 'resume' | 'poke' | 'halted' | 'active'
  >
  pid: number
  /** What a person should know, one sentence each: a configuration that could not be read again, for one. */
  notes(): string[]
  /** Begins to stop; returns at once. */
  stop(how: How): void
}

export interface Operation {
  name: string
  method: 'GET' | 'POST'
  /** `:id` stands for one part of the path, handed over as the key `id`. */
  path: string
  /** Of an answer that went well. */
  status: number
  /** Checks the input and answers. Throws OrchestrateError: `BAD_INPUT`, `NO_TASK`, or what the core says. */
  answer(context: Context, input: unknown, signal: AbortSignal): unknown
}

const STATUS = ['pending', 'active', 'assigned', 'completed', 'failed', 'held', 'invalid'] as const
type Status = (typeof STATUS)[number]
const HOW = ['wait', 'now', 'detach'] as const
type How = (typeof HOW)[number]

/** What one `add` may bring; the body's limit of 1 MiB comes first in practice. */
const MANY = 10_000
/** s; under the time-out of usual clients and proxies. */
const LONGEST_WAIT = 25

const nothing = keys({}, {})
const id = keys({ id: text }, {})
/** Types only: what an id or a date may be is the core's to say. */
const newTask: Check<NewTask> = keys(
  { description: text },
  {
    id: text,
    priority: oneOf('high', 'normal', 'low'),
    dependencies: list(text, 0, 1000),
    preferred_agent: text,
    context_files: list(text, 0, 1000),
    timeout_minutes: above0,
    max_retries: whole(0, 1_000_000),
    subtasks: list(text, 0, 1000),
    not_before: text,
    continues: text,
    on_limit: oneOf('wait', 'switch', 'fail'),
    labels: list(text, 0, 100),
  },
)

export const OPERATIONS: readonly Operation[] = [
  get('health', '/healthz', nothing, ({ pid, orchestrator }) => {
    return { ok: true, pid, halted: orchestrator.halted() }
  }),
  get('status', '/status', nothing, ({ index, orchestrator, pid, notes }) =>
    index.status({ pid, halted: orchestrator.halted(), notes: notes() }),
  ),
  get(
    'tasks',
    '/tasks',
    keys({}, { status: oneOf(...STATUS), limit: whole(0, 1_000_000) }),
    ({ index }, filter) => index.tasks(filter),
  ),
  get('agents', '/agents', nothing, ({ index }) => index.agents()),
  get('profiles', '/profiles', nothing, ({ index }) => index.profiles()),
  get('show', '/tasks/:id', id, ({ index }, input) => {
    const found = index.show(input.id)
    if (found) return found
    throw new OrchestrateError('NO_TASK', `there is no task \`${input.id}\``, 'GET /tasks has all')
  }),
  get(
    'events',
    '/events',
    keys({}, { after: whole(0, Number.MAX_SAFE_INTEGER), wait: whole(0, LONGEST_WAIT) }),
    async ({ index }, { after = 0, wait = 0 }, signal) => {
      const found = index.events(after)
      if (found.events.length > 0 || wait === 0) return found
      await nextEvent(index, wait * 1000, signal)
      return index.events(after)
    },
  ),
  post(
    'add',
    '/tasks',
    keys({ tasks: list(newTask, 1, MANY) }, {}),
    // The agents, too: whether one can do it is what is asked next.
    async ({ orchestrator, index }, { tasks }) => {
      return { ids: await orchestrator.add(tasks), agents: index.agents() }
    },
    201,
  ),
  post(
    'retry',
    '/tasks/:id/retry',
    keys({ id: text }, { feedback: text }),
    async ({ orchestrator }, input) => {
      return { message: await orchestrator.retry(input.id, input.feedback) }
    },
  ),
  post('resume', '/agents/:id/resume', id, async ({ orchestrator }, input) => {
    return { message: await orchestrator.resume(input.id) }
  }),
  post('cancel', '/tasks/:id/cancel', id, async ({ orchestrator }, input) => {
    return { message: await orchestrator.cancel(input.id) }
  }),
  post(
    'stop',
    '/stop',
    keys({}, { how: oneOf(...HOW) }),
    ({ orchestrator, stop }, { how = 'wait' }) => {
      const active = orchestrator.active()
      stop(how)
      return { how, active }
    },
    202,
  ),
  post('look', '/look', nothing, ({ orchestrator }) => {
    orchestrator.poke()
    return {}
  }),
]

type Handler<T> = (context: Context, input: T, signal: AbortSignal) => unknown

function get<T>(name: string, path: string, input: Check<T>, handle: Handler<T>): Operation {
  return operation({ name, method: 'GET', path, status: 200 }, input, handle)
}

function post<T>(
  name: string,
  path: string,
  input: Check<T>,
  handle: Handler<T>,
  status = 200,
): Operation {
  return operation({ name, method: 'POST', path, status }, input, handle)
}

function operation<T>(head: Omit<Operation, 'answer'>, input: Check<T>, handle: Handler<T>) {
  const answer: Operation['answer'] = (context, given, signal) =>
    handle(context, input(given, 'the input'), signal)
  return { ...head, answer }
}

/** Resolves at the next event, after `ms`, or when nobody waits any more. */
function nextEvent(index: Questions, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      forget()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms).unref()
    const forget = index.onEvent(done)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
