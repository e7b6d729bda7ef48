// completed_tasks.json: what the latest tasks came to, as an array, latest first. Pure.
// Promises: one entry per task and attempt, at most 200; successes, and failures that need a person. No other failure is in it.
import type { ContextEnd, ResultRecord } from '../types.ts'
import { lastParagraph, oneLine, title } from './text.ts'

/** snake_case because it is on disk. */
export interface Entry {
  task_id: string
  attempt: number
  status: ResultRecord['status']
  description: string
  summary: string
  agent_id: string
  agent_type: string
  completed_at: string
  output_file: string
  files_modified: string[] | 'unknown'
  needs_review?: boolean
}

/** 200 entries of about 1 KB: an agent can read it all. */
const KEPT = 200
const FILES_KEPT = 50

/** null: not worth remembering (cancelled, or tried again later). */
export function entryOf({ task, record, text }: ContextEnd, outputFile: string): Entry | null {
  if (record.status !== 'success' && !record.needs_review) return null
  const files = record.files_modified
  return {
    task_id: record.task_id,
    attempt: record.attempt,
    status: record.status,
    description: title(task.description),
    summary: record.status === 'success' ? lastParagraph(text) : oneLine(record.error ?? '', 500),
    agent_id: record.agent_id,
    agent_type: record.agent_type,
    completed_at: record.completed_at,
    output_file: outputFile,
    files_modified: files === 'unknown' ? files : files.slice(0, FILES_KEPT),
    ...(record.needs_review ? { needs_review: true } : {}),
  }
}

/** What can be read of the file. `broken`: some of it can not. */
export function parseEntries(json: string): { entries: Entry[]; broken: boolean } {
  try {
    const found: unknown = JSON.parse(json.replace(/^\uFEFF/, ''))
    if (!Array.isArray(found)) return { entries: [], broken: true }
    const entries = found.filter(isEntry)
    return { entries, broken: entries.length < found.length }
  } catch {
    return { entries: [], broken: true } // not JSON: the caller keeps the file for a person
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { attempt, files_modified: files, ...rest } = value as Record<string, unknown>
  const words = ['task_id', 'status', 'description', 'summary', 'agent_id', 'agent_type']
  return (
    [...words, 'completed_at', 'output_file'].every((key) => typeof rest[key] === 'string') &&
    typeof attempt === 'number' &&
    (files === 'unknown' || (Array.isArray(files) && files.every((one) => typeof one === 'string')))
  )
}

/** Twice is once: a later word on the same task and attempt replaces the earlier. Ids are compared without case. */
export function mergeEntries(old: Entry[], added: Entry[]): Entry[] {
  const all = new Map(
    [...old, ...added].map((one) => [`${one.task_id.toLowerCase()} ${one.attempt}`, one]),
  )
  return [...all.values()].sort(latestFirst).slice(0, KEPT)
}

const time = (entry: Entry): number => Date.parse(entry.completed_at) || 0
const latestFirst = (a: Entry, b: Entry): number =>
  time(b) - time(a) || (a.task_id < b.task_id ? -1 : 1) || b.attempt - a.attempt
