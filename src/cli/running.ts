// The way to a running orchestrator: its socket. Promises: null when nobody listens; a refusal there is the same error
// here; loads node:net, and that only when there is a socket.
import { existsSync } from 'node:fs'
import type { Workspace } from '../files/workspace.ts'
import { ask, type Reply, SHOWN } from '../server/client.ts'
import { socketPath } from '../server/socket.ts'
import { OrchestrateError } from '../types.ts'

/** ms between two looks at a process that is about to end. */
const EVERY = 30
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

type Question = Parameters<typeof ask> extends [string, ...infer Rest] ? Rest : never

interface Refusal {
  error?: { code?: string; message?: string; hint?: string }
}

/** @param route path and query, encoded. Throws what the orchestrator refused, or `NO_ANSWER`. */
export async function asked<T>(
  at: Workspace,
  method: 'GET' | 'POST',
  route: string,
  body?: unknown,
  timeoutMs?: number,
): Promise<T | null> {
  const reply = await answer(at, method, route, body, timeoutMs)
  return reply && (reply.body as T)
}

/** What is to be printed of an answer, as bytes; from an orchestrator that is older than this, the answer. */
export function askedShown(at: Workspace, route: string): Promise<Reply | null> {
  return answer(at, 'GET', route, undefined, undefined, SHOWN)
}

async function answer(at: Workspace, ...question: Question): Promise<Reply | null> {
  const path = socketPath(at.root)
  if (!existsSync(path)) return null // and `ask` need not load node:net
  const reply = await ask(path, ...question)
  if (!reply || reply.status < 400) return reply
  const {
    code = 'REFUSED',
    message = `it answered ${reply.status}`,
    hint,
  } = (reply.body as Refusal | null)?.error ?? {}
  throw new OrchestrateError(code, message, hint)
}

/** The pid of the orchestrator that holds the lock and lives; null: none does. */
export async function owner(at: Workspace): Promise<number | null> {
  const [{ readOwner }, { createProcesses }] = await Promise.all([
    import('../files/lock.ts'),
    import('../process/index.ts'),
  ])
  const found = await readOwner(at.lock, createProcesses())
  return found?.alive ? found.pid : null
}

/** Resolves when that process is gone: the lock is free a little before its index is saved and its socket closed. */
export async function gone(pid: number): Promise<void> {
  const { createProcesses } = await import('../process/index.ts')
  const { started } = createProcesses()
  const begun = started(pid)
  while (begun !== null && started(pid) === begun) await sleep(EVERY)
}
