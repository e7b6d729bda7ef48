// Where the socket of a workspace is. Promises: server and client find the same path from the root alone, whatever their
// environment; outside the workspace only in a folder that is this user's and private. Cheap to import.
import { lstatSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { OrchestrateError } from '../types.ts'

/** bytes: `sun_path` is 104 on macOS, 108 on Linux, with a NUL; node cuts what is longer without a word. */
const LONGEST = 100

/**
 * `.orchestrate/orchestrate.sock`, or a short name in `/tmp/orchestrate-<uid>/` where that is too long. Neither TMPDIR nor
 * XDG_RUNTIME_DIR: cron, ssh and a terminal differ in them, and the latter is emptied at logout, which agents outlive.
 * Throws `SOCKET_FOLDER` when the folder in /tmp is not this user's alone.
 */
export function socketPath(root: string, tmp = '/tmp'): string {
  const real = realRoot(root)
  const path = join(real, '.orchestrate', 'orchestrate.sock')
  if (Buffer.byteLength(path) <= LONGEST) return path
  const folder = join(tmp, `orchestrate-${process.getuid?.() ?? 0}`)
  if (lstatSync(folder, { throwIfNoEntry: false })) assertPrivate(folder)
  // Not imported above: it costs 2 ms, and few paths are long.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return join(folder, `${createHash('sha256').update(real).digest('hex').slice(0, 16)}.sock`)
}

/** Throws `SOCKET_FOLDER` unless it is a real folder that only this user may enter. */
export function assertPrivate(folder: string): void {
  const stat = lstatSync(folder)
  const mine = stat.isDirectory() && stat.uid === (process.getuid?.() ?? stat.uid)
  if (mine && (stat.mode & 0o077) === 0) return
  const message = `${folder} is not a private folder of yours, so no socket in it can be trusted`
  throw new OrchestrateError('SOCKET_FOLDER', message, `remove it, or \`chmod 700 ${folder}\``)
}

/** Through links, so that two ways to one workspace meet in one socket. */
function realRoot(root: string): string {
  try {
    return realpathSync.native(root)
  } catch {
    return resolve(root) // not there: nobody listens either
  }
}
