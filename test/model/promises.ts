// The promises of DESIGN 1 as a small model: what a person did, and where each task must be once all has come to rest.
// Pure. It knows nothing of how the program keeps them.

/** `task_queue.max_retries` of the workspaces that are compared with this. */
export const MAX_RETRIES = 1
export type Place = 'pending' | 'assigned' | 'completed' | 'failed'

/** One id. A version is a number: the text that a person wrote last. */
export interface Task {
  id: string
  main: { place: Place; version: number } | null
  /** A second file of its name, in pending/: never run, never lost, while the first is there. */
  held: number | null
  /** First files that `retry` put away for the second. */
  shelved: number[]
  /** The newest attempt succeeded: its file in pending/ does not run again. */
  success: boolean
  /** Attempts that count against max_retries since a person was last asked. */
  failures: number
  /** The newest of these was interrupted. */
  interrupted: boolean
  /** The version that an agent works on. */
  running: number | null
  /** How that attempt was told to end. */
  end: 'ok' | 'bad' | 'killed' | null
  /** Over, and on its way to pending/, where the second file lies. */
  stuck: boolean
  /** Attempts that have begun, ever. */
  starts: number
  /** Something was done and nobody has waited for what follows. */
  moving: boolean
}

export interface Model {
  tasks: Record<string, Task>
  up: boolean
  full: boolean
  versions: number
}

export const fresh = (ids: readonly string[]): Model => ({
  tasks: Object.fromEntries(
    ids.map((id): [string, Task] => [
      id,
      {
        ...{ id, main: null, held: null, shelved: [], success: false, failures: 0 },
        ...{ interrupted: false, running: null, end: null, stuck: false, starts: 0, moving: false },
      },
    ]),
  ),
  ...{ up: false, full: false, versions: 0 },
})

/** Lets everything happen that follows by itself while an orchestrator works on a disk with room. */
export function rest(model: Model): void {
  if (model.up && !model.full) for (const task of Object.values(model.tasks)) while (step(task));
}

/** One thing that follows; `false`: nothing does. */
function step(task: Task): boolean {
  const { main } = task
  if (task.running !== null && main?.place !== 'assigned') {
    over(task)
    if (main && main.place !== 'pending') task.failures = 0
    return true
  }
  if (!main) {
    if (task.held === null) return false
    task.main = { place: 'pending', version: task.held }
    task.held = null
    return true
  }
  if (main.place === 'pending') {
    if (task.success) return false
    main.place = 'assigned'
    task.running = main.version
    task.starts++
    return true
  }
  if (main.place !== 'assigned') return false
  if (task.stuck) {
    if (task.held !== null) return false
    task.stuck = false
    main.place = 'pending'
    return true
  }
  return ended(task, main)
}

function ended(task: Task, main: { place: Place }): boolean {
  const { end } = task
  if (end === null) return false
  const again = end === 'bad' ? task.failures < MAX_RETRIES : !task.interrupted
  over(task)
  task.success = end === 'ok'
  task.interrupted = end === 'killed' && again
  task.failures = end === 'ok' || !again ? 0 : task.failures + (end === 'bad' ? 1 : 0)
  if (end === 'ok') main.place = 'completed'
  else if (!again) main.place = 'failed'
  else if (task.held !== null) task.stuck = true
  else main.place = 'pending'
  return true
}

/** The attempt is over; a cancelled one is no success. */
function over(task: Task): void {
  Object.assign(task, { running: null, end: null, success: false, interrupted: false })
}

/** Every file that must be there, with its version. */
export const files = (model: Model): Map<string, number> =>
  new Map(
    Object.values(model.tasks).flatMap(({ id, main, held }): [string, number][] => [
      ...(main ? ([[`${main.place}/${id}.yaml`, main.version]] as [string, number][]) : []),
      ...(held !== null ? ([[`pending/${id}.yaml`, held]] as [string, number][]) : []),
    ]),
  )
