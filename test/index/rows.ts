// Rows as the core puts them, a folder of its own for each test, a log that is kept, and timers turned by hand.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Index, openIndex } from '../../src/index/index.ts'
import type { Timers } from '../../src/index/save.ts'
import type { AgentView, EventView, Log, RunRecord, TaskView } from '../../src/types.ts'

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'orchestrate-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  return { lines, log: (level, text) => lines.push(`${level} ${text}`) }
}

/** Opened, and closed at the end of the test. */
export async function opened(
  file: string,
  { log, timers }: { log?: Log; timers?: Timers } = {},
): Promise<Index> {
  const index = await openIndex({ file, log: log ?? (() => {}), ...(timers && { timers }) })
  onTestFinished(() => index.close())
  return index
}

export function handTimers() {
  const waiting = new Map<number, { act: () => void; ms: number }>()
  let id = 0
  const timers: Timers = {
    set(act, ms) {
      waiting.set(++id, { act, ms })
      return id
    },
    clear: (timer) => void waiting.delete(Number(timer)),
  }
  return {
    timers,
    /** The ms of each timer that is set. */
    waits: () => [...waiting.values()].map(({ ms }) => ms),
    fire() {
      const due = [...waiting.values()]
      waiting.clear()
      for (const { act } of due) act()
    },
  }
}

export const task = (id: string, more: Partial<TaskView> = {}): TaskView => ({
  file: `tasks/${more.status === 'held' || more.status === 'invalid' ? 'pending' : (more.status ?? 'pending')}/${id}.yaml`,
  id,
  status: 'pending',
  priority: 'normal',
  description: `do ${id}`,
  createdAt: Date.UTC(2026, 0, 1),
  agentId: null,
  attempt: 0,
  outcome: null,
  needsReview: false,
  error: null,
  reason: null,
  stamp: null,
  learnt: null,
  ...more,
})

export const run = (id: string, more: Partial<RunRecord> = {}): RunRecord => ({
  task_id: id,
  attempt: 1,
  agent_id: 'agent_01',
  agent_type: 'claude',
  argv: ['claude', '-p'],
  nonce: `nonce-${id}`,
  boot_id: 'boot',
  assigned_at: '2026-01-01T10:00:00.000Z',
  file: `${id}.yaml`,
  ...more,
})

export const agent = (id: string, more: Partial<AgentView> = {}): AgentView => ({
  id,
  type: 'claude',
  state: 'idle',
  until: null,
  why: null,
  taskId: null,
  taskCount: 0,
  pid: null,
  ...more,
})

export const event = (text: string, more: Partial<EventView> = {}): EventView => ({
  at: Date.UTC(2026, 0, 1),
  kind: 'system',
  taskId: null,
  agentId: null,
  text,
  ...more,
})
