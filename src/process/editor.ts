// Whether a person has a file open in an editor, told by the swap or lock file that vim, nano and emacs leave beside it.
// Promises: reads only small regular files, never hangs; a dead editor's file, or one of 15 minutes ago, holds nothing up.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { orNull } from '../files/files.ts'

/** An editor that someone forgot must not hold a task for ever (DESIGN 2). */
const OLD_MS = 15 * 60_000
/** Of vim's block 0 (memline.c, struct block0), which nano imitates (files.c, write_lockfile). */
const PID_AT = 24
const HOST_AT = 68
const HOST_LENGTH = 40

interface Session {
  editor: string
  /** Null: not told. */
  pid: number | null
  host: string | null
  mtimeMs: number
}

/** @param living whether a pid of this host is a living process. */
export function editor(
  living: (pid: number) => boolean,
  folder: string,
  name: string,
  names: ReadonlySet<string>,
): string | null {
  // By name: a folder may hold 10,000 others.
  const swaps = LETTERS.map((letter) => `.${name}.sw${letter}`).filter((swap) => names.has(swap))
  const sessions = swaps.map((swap) => readSwap(join(folder, swap)))
  if (names.has(`.#${name}`)) sessions.push(readLink(join(folder, `.#${name}`)))
  return sessions.find((one) => one !== null && isOpen(one, living))?.editor ?? null
}

/** vim counts .swp, .swo, … .swa when a name is taken. */
const LETTERS = [...'ponmlkjihgfedcbazyxwvutsrq']

function isOpen(session: Session, living: (pid: number) => boolean): boolean {
  if (Date.now() - session.mtimeMs > OLD_MS) return false
  const here = session.host === null || isHere(session.host)
  return session.pid === null || !here || living(session.pid)
}

/** nano cuts a host's name to 31 characters, vim to 39. */
const isHere = (host: string): boolean =>
  host === hostname() || (host.length >= 31 && hostname().startsWith(host))

/** RACE: editors make and remove these at any moment; one that is gone is no session. */
function readSwap(path: string): Session | null {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = fstatSync(fd)
    if (!stat.isFile()) return null
    const head = Buffer.alloc(HOST_AT + HOST_LENGTH)
    const whole = readSync(fd, head, 0, head.length, 0) === head.length
    const told = whole && head.toString('latin1', 0, 2) === 'b0'
    const word = /^b0(vim|nano)/i.exec(head.toString('latin1', 0, 6))?.[1]?.toLowerCase()
    return {
      editor: word ?? 'an editor',
      pid: (told && head.readInt32LE(PID_AT)) || null,
      host: (told && head.toString('latin1', HOST_AT).replace(/\0.*$/s, '')) || null,
      mtimeMs: stat.mtimeMs,
    }
  } catch (error) {
    return orNull(error)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** emacs: a dangling link to `user@host.pid:boot` (filelock.c). */
function readLink(path: string): Session | null {
  try {
    const { mtimeMs } = lstatSync(path)
    const [, host, pid] = /@(.+)\.(\d+)(?::\d+)?$/.exec(readlinkSync(path)) ?? []
    return { editor: 'emacs', pid: pid ? Number(pid) : null, host: host ?? null, mtimeMs }
  } catch {
    return null
  }
}
