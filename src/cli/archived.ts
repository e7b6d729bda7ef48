// A task in `tasks/archive/`, as a row like any other. Promises: only what is asked for by its id is read.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findArchived } from '../files/archive.ts'
import { readRegular } from '../files/files.ts'
import { stem, TASK_NAME } from '../files/names.ts'
import { readRecord } from '../files/record.ts'
import { isProblem, readTask, TASK_CAP } from '../files/task.ts'
import type { Workspace } from '../files/workspace.ts'
import type { ResultRecord, Task } from '../types.ts'
import type { TaskRow } from './picture.ts'

/** Null: it is not there. @param id in any case. */
export async function archivedRow(at: Workspace, id: string): Promise<TaskRow | null> {
  const found = findArchived(at.archive, id)
  if (!found) return null
  const folder = join(at.archive, found.month)
  const record = readRecord<Partial<ResultRecord>>(await textOf(join(folder, found.name)))
  const { name, task } = (await taskIn(folder, id)) ?? { name: found.name, task: null }
  return {
    ...{ id: record?.task_id ?? id, status: 'completed', reason: null },
    priority: task?.priority ?? 'normal',
    description: task?.description ?? '',
    agent_id: record?.agent_id ?? null,
    attempt: record?.attempt ?? 0,
    outcome: record?.outcome ?? null,
    needs_review: record?.needs_review ?? false,
    error: record?.error ?? null,
    file: `tasks/archive/${found.month}/${name}`,
  }
}

/** Most are named by their id; the others are looked for. */
async function taskIn(folder: string, id: string): Promise<{ name: string; task: Task } | null> {
  const named = (name: string) => stem(name).toLowerCase() === id.toLowerCase()
  const names = readdirSync(folder).filter((name) => TASK_NAME.test(name))
  for (const name of [...names.filter(named), ...names.filter((one) => !named(one))]) {
    const task = readTask(Buffer.from(await textOf(join(folder, name))), name, 0, 'normal')
    if (!isProblem(task) && task.id.toLowerCase() === id.toLowerCase()) return { name, task }
  }
  return null
}

const textOf = async (path: string) =>
  (await readRegular(path, TASK_CAP).catch(() => Buffer.of())).toString()
