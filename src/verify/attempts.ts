// The run folders, as they lie there: every attempt of every id, with what its shim left. Only reads.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readShim } from '../files/run-folder.ts'
import type { RunRecord } from '../types.ts'

export interface Attempt {
  /** As the folder is named. */
  id: string
  attempt: number
  folder: string
  names: readonly string[]
  record: RunRecord | null
  /** There is a run.json, and it cannot be read. */
  damaged: boolean
  pid: number | null
  exit: number | null
}

export async function readRuns(runs: string): Promise<Map<string, Attempt[]>> {
  const all = new Map<string, Attempt[]>()
  for (const id of await names(runs)) {
    const numbers = (await names(join(runs, id)))
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number)
      .sort((a, b) => a - b)
    const found: Attempt[] = []
    for (const attempt of numbers) found.push(await readAttempt(runs, id, attempt))
    if (found.length > 0) all.set(id.toLowerCase(), found)
  }
  return all
}

async function readAttempt(runs: string, id: string, attempt: number): Promise<Attempt> {
  const folder = join(runs, id, String(attempt))
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch(() => null)
  const record = text === null ? null : parsed(text)
  const about = { id, attempt, folder, names: await names(folder) }
  return { ...about, record, damaged: text !== null && !record, ...(await readShim(folder)) }
}

function parsed(text: string): RunRecord | null {
  try {
    const record = JSON.parse(text)
    return typeof record?.task_id === 'string' && typeof record.nonce === 'string' ? record : null
  } catch {
    return null // the caller tells
  }
}

/** RACE: a person may remove the folder at any moment. */
const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

/** It holds what was put away there (a record, a held copy), and no run ever was. */
export const isShelf = ({ names }: Attempt): boolean =>
  names.length > 0 &&
  names.every(
    (name) => /_(result|agent_\d+)\.yaml/i.test(name) || /^(completed|failed)-/.test(name),
  )
