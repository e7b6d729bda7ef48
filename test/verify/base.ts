// Workspaces that a real orchestrator has worked in, to be broken by hand: one that is settled and stopped, one of which an
// agent still runs (left by `stop --detach`). Each test gets a copy of its own; every byte of it can be asked for.
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'
import { type Workspace, workspace } from '../../src/files/workspace.ts'
import type { RunRecord } from '../../src/types.ts'
import { SHELLS, type Stage, shell, started } from '../acceptance/stage.ts'

const kept: string[] = []
const copies: string[] = []
afterEach(() => {
  for (const path of copies.splice(0)) rmSync(path, { recursive: true, force: true })
})
afterAll(() => {
  for (const path of kept) rmSync(path, { recursive: true, force: true })
})

/** Tasks that succeed, fail at every try, were cancelled while they waited, were tried again by a person, and wait. */
export async function worked(): Promise<Stage> {
  const stage = await started(SHELLS.replace('max_retries: 0', 'max_retries: 1'))
  stage.drop('ok.yaml', shell('echo done'))
  stage.drop('bad.yaml', shell('exit 3'))
  stage.drop('again.yaml', shell('test -e again', 'max_retries: 0\n'))
  for (const name of ['wait', 'cancelled'])
    stage.drop(`${name}.yaml`, shell('true', 'not_before: 2099-01-01\n'))
  await stage.until('both failed', () => stage.result('bad') && stage.result('again'))
  await stage.until('the others wait', async () => (await stage.status()).tasks.pending === 2)
  stage.write('again', '')
  await stage.must('orchestrate retry again')
  await stage.must('orchestrate cancel cancelled')
  await stage.until('the ends', () =>
    ['completed/again.yaml', 'completed/ok.yaml', 'failed/bad.yaml', 'failed/cancelled.yaml'].every(
      (one) => stage.files().includes(one),
    ),
  )
  await stage.until('the record of it', () => stage.result('again')?.status === 'success')
  // That of its first end is alone now, and is put away by a later look: from then on nothing is written.
  await stage.until('the record of its first end to be put away', () => {
    process.kill(stage.pid() as number, 'SIGHUP')
    return !existsSync(join(stage.at.state.failed, 'again_result.yaml'))
  })
  return stage
}

/** The workspace as it is now, kept for the whole test file. */
export function keep(stage: Stage): string {
  const folder = mkdtempSync(join(tmpdir(), 'verify-base-'))
  kept.push(folder)
  copy(stage.root, folder)
  return folder
}

export function copyOf(base: string, { image = false } = {}): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'))
  copies.push(folder)
  copy(base, folder)
  // Of a copy every file is newer than the image.
  if (!image) rmSync(join(folder, 'tasks.db'), { force: true })
  return workspace(folder)
}

const copy = (from: string, to: string) =>
  cpSync(from, to, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.sock'),
  })

export const runPath = (at: Workspace, id: string, attempt: number, name = 'run.json') =>
  join(at.runs, id, String(attempt), name)

export function changeRun(
  at: Workspace,
  id: string,
  attempt: number,
  change: (run: RunRecord) => void,
): RunRecord {
  const path = runPath(at, id, attempt)
  const run = JSON.parse(readFileSync(path, 'utf8')) as RunRecord
  change(run)
  writeFileSync(path, JSON.stringify(run))
  return run
}

/** Every file and folder below, with what a writer would change of it. */
export function faces(root: string, skip: (path: string) => boolean = () => false): string[] {
  return walk(root).flatMap((path) => {
    if (skip(path)) return []
    const seen = lstatSync(path, { bigint: true })
    const what = [seen.ino, seen.mode, seen.size, seen.mtimeNs, seen.ctimeNs, bytes(path)]
    return [`${path} ${what.join()}`]
  })
}

/** The bytes of every file, wherever it is. */
export const sums = (root: string): Set<string> =>
  new Set(walk(root).flatMap((path) => bytes(path)))

function walk(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .sort()
}

function bytes(path: string): string[] {
  const seen = lstatSync(path)
  if (seen.isSymbolicLink()) return [readlinkSync(path)]
  return seen.isFile() ? [createHash('sha256').update(readFileSync(path)).digest('hex')] : []
}
