// The keys of a task file (DESIGN 2), once: the type, the check and the shipped JSON Schema come from here.
import * as v from 'valibot'
import type { Priority } from '../types.ts'
import { ID } from './names.ts'

const about = <T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description))
const text = v.string('must be text')
const names = v.array(text, 'must be a list')
/** For editors: numbers are taken from the source text, so `007` stays `007`. */
const numbersToo = { type: ['string', 'number'] }
/** 24 days: a timer of node holds at most 2^31 ms, and fires at once beyond. */
const minutes = v.pipe(
  v.number('must be a number'),
  v.gtValue(0, 'must be above 0'),
  v.maxValue(35_791, 'must be at most 35791 (24 days)'),
)
const noTime = 'must be an ISO 8601 date, like 2026-01-31T10:00:00Z'
const time = v.pipe(
  text,
  v.regex(/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/, noTime),
  v.check((value) => !Number.isNaN(Date.parse(value)), noTime), // the 13th month
)
const agent = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be the name of an agent type'),
)

const PRIORITIES: Priority[] = ['high', 'normal', 'low']
/** A priority as it may be written: by name in any case, or by number. */
export const PRIORITY = v.pipe(
  v.union([v.number(), v.string()], 'must be high, normal or low (or 0, 1, 2)'),
  v.check((word) => priorityOf(word) !== undefined, 'must be high, normal or low (or 0, 1, 2)'),
  // For editors: `check` is code and not in the JSON Schema.
  v.metadata({
    enum: [
      ...PRIORITIES,
      ...PRIORITIES.map((name) => name.toUpperCase()),
      'High',
      'Normal',
      'Low',
      0,
      1,
      2,
    ],
  }),
)
/** `HIGH`, 0 and '0' are high. */
export function priorityOf(word: string | number | undefined): Priority | undefined {
  return PRIORITIES.find((name, number) => [name, `${number}`].includes(`${word}`.toLowerCase()))
}

export const ON_LIMIT = v.picklist(['wait', 'switch', 'fail'], 'must be wait, switch or fail')
const above0 = v.pipe(
  v.number('must be a number'),
  v.gtValue(0, 'must be above 0'),
  v.maxValue(1e15, 'must be at most 1e15'), // `.inf` is a number of YAML
)
/** Tokens of all kinds together, and US dollars. */
const BUDGET = v.strictObject(
  { tokens: v.optional(above0), usd: v.optional(above0) },
  'must be a group of `tokens: number` and `usd: number`',
)

export const TaskFile = v.object({
  id: about(
    v.optional(
      v.pipe(
        text,
        v.regex(
          ID,
          'must be letters, digits, `.`, `_` and `-`, at most 100, beginning with a letter or digit',
        ),
        v.metadata(numbersToo),
      ),
    ),
    "The task's name; the file's name without .yaml when absent.",
  ),
  description: about(
    v.pipe(text, v.regex(/\S/, 'must not be empty')),
    'What to do, in plain words. Under `preferred_agent: shell`, a shell script.',
  ),
  priority: about(v.optional(PRIORITY), 'high, normal or low; or 0, 1, 2.'),
  created_at: about(v.optional(time), "ISO 8601; the file's modification time when absent."),
  dependencies: about(
    v.optional(v.array(v.pipe(text, v.metadata(numbersToo)), 'must be a list')),
    'Ids of tasks that must be completed first.',
  ),
  context_files: about(
    v.optional(names),
    'Paths inside the workspace that the agent is pointed to.',
  ),
  context_required: about(
    v.optional(v.boolean('must be true or false')),
    'Do not run while a context file is missing.',
  ),
  preferred_agent: about(
    v.optional(agent),
    'An agent type of config.yaml (`orchestrate agents` lists them), or shell.',
  ),
  preferred_agent_type: about(v.optional(agent), 'The same as preferred_agent.'),
  timeout_minutes: about(v.optional(minutes), 'Minutes until the run is interrupted.'),
  max_retries: about(
    v.optional(
      v.pipe(
        v.number('must be a number'),
        v.integer('must be a whole number'),
        v.minValue(0, 'must not be negative'),
      ),
    ),
    'How often a failed run is tried again.',
  ),
  subtasks: about(v.optional(names), 'A checklist for the agent.'),
  not_before: about(v.optional(time), 'ISO 8601: do not start earlier.'),
  continues: about(
    v.optional(v.pipe(text, v.regex(ID, 'must be the id of a task'), v.metadata(numbersToo))),
    'The id of a task whose session its agent goes on with; it must be completed first.',
  ),
  on_limit: about(
    v.optional(ON_LIMIT),
    'At a usage limit: wait for its end, switch to another agent type, or fail.',
  ),
  labels: about(v.optional(names), 'What kind of work it is: agents are compared by that.'),
  budget: about(
    v.optional(BUDGET),
    'What all its attempts together may use; then it waits for a person.',
  ),
})
export type TaskFile = v.InferOutput<typeof TaskFile>

/** Kept for what is coming (DESIGN 2): accepted in silence, without effect yet. */
export const RESERVED = ['verify', 'worktree']
