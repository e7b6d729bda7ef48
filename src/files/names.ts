// The names that mean something in the task folders, once. Imports nothing: what must start fast reads it, too.

/** A task's id. */
export const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
/** A task file, by its name in a state folder; editors' dot-files are none. */
export const TASK_NAME = /^[^.].*\.ya?ml$/i
/** Ours: `<id>_result.yaml`, `<id>_agent_01.yaml`. Groups: the id, the rest. */
export const RECORD_NAME = /^(.+)_(result|agent_\d+)\.yaml$/i
/** A stem or id that would look like one of our records; a person's task may not have it (DESIGN 2). */
export const OURS = /_(result|agent_\d+)$/i

/** Ours for a moment: a file that is being written (writeDraft), and what write-file-atomic makes beside the image of the index. */
export const DRAFT = /^\..+\.draft(\.\d+)?$/

/** An empty list, one for all: of 100,000 tasks most have none. */
export const NONE: string[] = []
Object.freeze(NONE)

export const stem = (name: string): string =>
  name.endsWith('.yaml') ? name.slice(0, -5) : name.replace(/\.ya?ml$/i, '')
