// Small workspaces, tasks and ends for the tests of the context.
// Promises: real folders under the system's temporary one, removed after each test.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ContextEnd, PromptRun, ResultRecord, Task } from '../../src/types.ts'

export function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'orchestrate-context-')))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Writes files (text or bytes) by path below `root`. */
export function put(root: string, files: Record<string, string | Buffer>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

export const task = (over: Partial<Task> = {}): Task => ({
  id: 'task_001',
  description: 'Implement user authentication',
  priority: 'normal',
  createdAt: 0,
  dependencies: [],
  contextFiles: [],
  contextRequired: false,
  subtasks: [],
  labels: [],
  remarks: [],
  ...over,
})

export const run = (over: Partial<PromptRun> = {}): PromptRun => ({
  attempt: 1,
  agentId: 'agent_01',
  agentType: 'claude',
  ...over,
})

/** The end of task `n`; its time grows with `n`. */
export function end(
  n: number,
  over: Partial<ResultRecord> = {},
  said = 'All is done.',
): ContextEnd {
  const id = `task_${String(n).padStart(3, '0')}`
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 15, 10, n * 2 + minute)).toISOString()
  return {
    task: task({ id, description: `Build part ${n}` }),
    text: said,
    record: {
      task_id: id,
      agent_id: 'agent_01',
      agent_type: 'claude',
      status: 'success',
      assigned_at: at(0),
      completed_at: at(1),
      attempt: 1,
      files_modified: [`src/part-${n}.ts`],
      outcome: 'success',
      run: `.orchestrate/runs/${id}/1`,
      ...over,
    },
  }
}
