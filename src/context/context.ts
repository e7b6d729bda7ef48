// The shared context of a workspace (specification 3.4, 6): the only writer of context/ besides agents and people.
// Promises: a broken context never stops a task (it is told once instead); a full disk does surface.
import { join, relative, resolve } from 'node:path'
import { isErrno, syncFolder } from '../files/files.ts'
import { mkdir, stat } from '../files/fs.ts'
import { workspace } from '../files/workspace.ts'
import type { ContextEnd, ContextPort, Task } from '../types.ts'
import { batched } from './batch.ts'
import { changedSince } from './changes.ts'
import { isUnder, placeOf, staysIn } from './inside.ts'
import { withLock } from './lock.ts'
import { merge } from './merge.ts'
import { writeOutput } from './output.ts'
import { promptText } from './prompt.ts'
import { readSharedContext, type SharedContext } from './read.ts'
import { type Entry, entryOf } from './summary.ts'

export interface ContextOptions {
  root: string
  /** Absolute, or relative to `root`. */
  directory: string
  /** false: only the output file is written. Read at each finish, so a getter follows a reload. */
  readonly updateOnCompletion: boolean
  /** Handed each thing that is wrong with the context, one sentence, once. */
  tell?: (text: string) => void
  env?: NodeJS.ProcessEnv
}

export interface Context extends ContextPort {
  read(): Promise<SharedContext>
}

/** What every agent is pointed to, where it exists. completed_tasks.json is not: current_state.md says it shorter. */
const STANDARD = [
  'project_overview',
  'current_state',
  'objectives',
  'known_issues',
  'code_structure',
]
/** Entries that a failed merge keeps for the next one; as many as the file holds. */
const KEPT = 200
const TOLD = 1000

export function createContext(options: ContextOptions): Context {
  const root = resolve(options.root)
  const directory = resolve(root, options.directory)
  /** A context that a person configured elsewhere may be there; one in the workspace may not lead out. */
  const homes = isUnder(root, directory) ? [root] : [root, directory]
  const place = (...names: string[]) => relative(root, join(directory, ...names))
  const output = (id: string) => place('agent_outputs', `${id}_output.md`)

  const told = new Set<string>()
  const tell = (text: string) => {
    if (told.has(text)) return
    if (told.size < TOLD) told.add(text)
    options.tell?.(text)
  }
  /** A full disk is the caller's to handle; anything else wrong here costs no task its end. */
  const orTell = (what: string) => (error: unknown) => {
    if (isErrno(error, 'ENOSPC', 'EDQUOT')) throw error
    tell(`${what} was not written: ${error instanceof Error ? error.message : String(error)}`)
  }

  let kept: Entry[] = []
  const mergeBatch = batched<Entry>(async (batch) => {
    const entries = [...kept, ...batch]
    kept = entries.slice(-KEPT)
    await withLock(workspace(root).home, async (held) => {
      if (!(await staysIn(directory, ...homes))) throw new Error('a link leads out')
      await merge(directory, entries, held, tell)
      kept = []
    }).catch(orTell(place()))
  })

  async function placed(names: string[]) {
    const found = await Promise.all(
      [...new Set(names)].map(async (name) => ({ name, at: await placeOf(root, name) })),
    )
    const those = (at: string) => found.filter((one) => one.at === at).map((one) => one.name)
    return { there: those('there'), missing: those('missing'), outside: those('outside') }
  }

  /** A file of ours that may be handed over. */
  async function readable(name: string): Promise<boolean> {
    const path = resolve(root, name)
    // Most are not there, and to find where they lead costs more.
    return (await stat(path).catch(() => null)) !== null && staysIn(path, ...homes)
  }

  async function check(task: Task) {
    const { missing, outside } = await placed(task.contextFiles)
    return { missing, outside }
  }

  async function finish(end: ContextEnd): Promise<string> {
    const path = output(end.record.task_id)
    const folder = join(directory, 'agent_outputs')
    try {
      if (!(await staysIn(folder, ...homes))) throw new Error('a link leads out')
      await mkdir(folder, { recursive: true })
      await writeOutput(resolve(root, path), end)
      await syncFolder(folder)
    } catch (error) {
      orTell(path)(error)
    }
    const entry = options.updateOnCompletion ? entryOf(end, path) : null
    if (entry) await mergeBatch(entry)
    return path
  }

  return {
    output,
    check,
    finish,
    async prompt(task, run) {
      const named = await placed(task.contextFiles)
      const own = [...STANDARD.map((name) => place(`${name}.md`)), ...task.dependencies.map(output)]
      const there = await Promise.all(own.map(readable))
      return promptText(task, run, {
        read: [...new Set([...own.filter((_, index) => there[index]), ...named.there])],
        missing: named.missing,
        notes: place('agent_notes', `${run.agentId}.md`),
        issues: place('known_issues.md'),
        objectives: place('objectives.md'),
        output: output(task.id),
      })
    },
    changedSince(since) {
      const own = ['tasks', '.orchestrate', 'tasks.db']
      if (directory !== root && isUnder(root, directory)) own.push(place())
      return changedSince(root, own, since, options.env ?? process.env)
    },
    read: () => readSharedContext(root, directory),
  }
}

/** The Context Manager of the founding specification (3.4): `createContext` by its old name. */
export class ContextManager implements Context {
  readonly prompt: Context['prompt']
  readonly output: Context['output']
  readonly check: Context['check']
  readonly finish: Context['finish']
  readonly changedSince: Context['changedSince']
  readonly read: Context['read']

  constructor(options: ContextOptions) {
    const context = createContext(options)
    this.prompt = context.prompt
    this.output = context.output
    this.check = context.check
    this.finish = context.finish
    this.changedSince = context.changedSince
    this.read = context.read
  }
}
