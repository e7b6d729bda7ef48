// Takes a path for a socket. Promises: its folder is 0700 and the socket 0600; a socket that someone answers on, and any
// other file, is left alone; a dead one is replaced. The caller holds the lock of the workspace.
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { isErrno } from '../files/files.ts'
import { OrchestrateError } from '../types.ts'
import { assertPrivate } from './socket.ts'

/** Makes the folder, private. The mode of the folder is what keeps others out: not every system heeds a socket's own. */
export async function preparePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = await lstat(folder)
  // Ours but open, as `.orchestrate` is after a `cp -r`: close it. In /tmp, socketPath has refused it by now.
  if (uid === process.getuid?.() && (mode & 0o077) !== 0) await chmod(folder, 0o700)
  assertPrivate(folder)
}

/**
 * Throws `SOCKET_BUSY` when another process answers there, or the file is no socket. `mine`: who answers has lost the
 * workspace to us, and may be suspended for ever: its socket is replaced.
 */
export async function listenAt(server: Server, path: string, mine = false): Promise<void> {
  try {
    await listenOnce(server, path)
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE')) throw error
    await removeDead(path, mine)
    await listenOnce(server, path)
  }
  await chmod(path, 0o600).catch((error) => {
    server.close() // or it would keep a process alive that has failed to begin
    throw error
  })
}

function listenOnce(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

async function removeDead(path: string, mine: boolean): Promise<void> {
  const busy = (what: string, hint: string) =>
    new OrchestrateError('SOCKET_BUSY', `${path} ${what}`, hint)
  // Connecting to a plain file is refused just as connecting to a dead socket is.
  if (!(await lstat(path)).isSocket()) throw busy('is not a socket', 'move it away')
  if (!mine && (await answers(path))) {
    throw busy('belongs to another process that is running', 'stop that one first')
  }
  await unlink(path).catch((error) => {
    if (!isErrno(error, 'ENOENT')) throw error
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    // Anything but a plain refusal (a full backlog, for one) may be somebody alive.
    socket.once('error', (error) => end(!isErrno(error, 'ECONNREFUSED', 'ENOENT')))
  })
}
