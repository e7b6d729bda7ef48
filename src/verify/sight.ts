// One reading of everything that can be checked: folders, records, run folders, processes, the lock, the configuration.
// Promises: it only reads. What changes while it reads is the caller's to see by reading again.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfig, parseConfig } from '../config/load.ts'
import { readRegular } from '../files/files.ts'
import { readOwner } from '../files/lock.ts'
import { RECORD_NAME } from '../files/names.ts'
import { isRecord, readRecord } from '../files/record.ts'
import type { Workspace } from '../files/workspace.ts'
import { duplicates } from '../look/duplicates.ts'
import { Folders } from '../look/folders.ts'
import {
  type Entry,
  OrchestrateError,
  type Plan,
  type Processes,
  type ProcessInfo,
  type RunRecord,
  type Settings,
  STATES,
  type State,
} from '../types.ts'
import { type Attempt, readRuns } from './attempts.ts'

/** A file of a record's name beside the tasks. */
export interface RecordSight {
  state: State
  name: string
  path: string
  file: string
  id: string
  kind: 'result' | 'agent'
  /** It begins as ours do. */
  ours: boolean
  record: Record<string, unknown> | null
}

export interface Sight {
  at: Workspace
  settings: Settings
  /** Why config.yaml cannot be used. */
  config: string | null
  names: ReadonlyMap<State, ReadonlySet<string>>
  /** Ids of what lies in `tasks/archive/`, in lower case. */
  archived: ReadonlySet<string>
  entries: readonly Entry[]
  /** Whose id or name another one has that counts before it. */
  held: ReadonlyMap<Entry, string>
  records: readonly RecordSight[]
  /** By id in lower case, all attempts, oldest first. */
  runs: ReadonlyMap<string, readonly Attempt[]>
  processes: readonly ProcessInfo[]
  owner: { pid: number; alive: boolean; host: string } | null
}

export const key = (id: string): string => id.toLowerCase()

/** As the core sees it: the record of the highest attempt; null when that one left none. */
export const newest = (sight: Sight, id: string): RunRecord | null =>
  sight.runs.get(key(id))?.at(-1)?.record ?? null

/** The task of that id that is not held, in one of these states. */
export const taskIn = (sight: Sight, id: string, state: State): Entry | undefined =>
  sight.entries.find((one) => one.state === state && key(one.id) === key(id))

export async function see(at: Workspace, processes: Processes): Promise<Sight> {
  const owner = await readOwner(at.lock, processes)
  const { settings, why } = await configured(at)
  const { defaultPriority, maxSize } = settings.queue
  // Nothing is claimed here, so nothing has to settle.
  const rules = { maxSize, defaultPriority, settleMs: 0, readOnly: true }
  const folders = new Folders(at, rules)
  await folders.scan([])
  // RACE: a file that went between its name and its bytes was neither read nor refused.
  const entries = [...folders.entries.values()].filter((one) => one.task || one.problem)
  const plan: Plan = {
    ...{ assign: [], waiting: new Map(), held: new Map(), later: null },
    ...{ open: new Set(), ready: new Set() },
  }
  duplicates(entries, plan)
  return {
    ...{ at, settings, config: why, names: folders.names, entries, held: plan.held, owner },
    archived: folders.archive.ids,
    records: await records(at, folders),
    runs: await readRuns(at.runs),
    processes: processes.list(),
  }
}

/** The defaults, where config.yaml cannot be read. */
async function configured(at: Workspace): Promise<{ settings: Settings; why: string | null }> {
  try {
    return { settings: (await loadConfig(at)).settings, why: null }
  } catch (error) {
    if (!(error instanceof OrchestrateError)) throw error
    return { settings: parseConfig('', 'config.yaml', at.root).settings, why: error.message }
  }
}

async function records(at: Workspace, { names, entries }: Folders): Promise<RecordSight[]> {
  const found: RecordSight[] = []
  for (const state of STATES) {
    for (const name of names.get(state) ?? []) {
      const [, id, what] = RECORD_NAME.exec(name) ?? []
      const file = `tasks/${state}/${name}`
      if (!id || !what || entries.has(file)) continue
      const path = join(at.state[state], name)
      const bytes = await readRegular(path, 1 << 20).catch(() => Buffer.of()) // gone, or no file
      const kind = what.toLowerCase() === 'result' ? 'result' : 'agent'
      found.push({
        ...{ state, name, path, file, id, kind, ours: isRecord(bytes) },
        record: readRecord<Record<string, unknown>>(bytes.toString()),
      })
    }
  }
  return found
}

/** Names in a folder; none where there is no such folder. */
export const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
