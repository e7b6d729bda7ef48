// The last words of a command that did not go well. Promises: an expected failure is one sentence and what to do
// next, without a stack; anything else is called a bug, with the stack.
import { OrchestrateError } from '../types.ts'
import type { World } from './act.ts'
import { clean } from './output.ts'

/** Failures of the machine that a person can act on, by their system code. */
const SYSTEM: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many open files; raise `ulimit -n`',
  ENFILE: 'too many open files on this machine',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'it is there already',
  ENOENT: 'no such file or folder',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a link that leads nowhere',
  EIO: 'the disk failed',
}

/** Says it on stderr; returns the exit code. */
export function explain(error: unknown, { talk }: World): number {
  const say = (text: string) => talk.line(`${talk.paint.red('orchestrate:')} ${clean(text)}`)
  if (error instanceof OrchestrateError) {
    say(error.message)
    if (error.hint) talk.line(`  ${clean(error.hint)}`)
    return 1
  }
  const { code, path, syscall } = (error ?? {}) as NodeJS.ErrnoException
  const why = code && SYSTEM[code]
  if (why && syscall) {
    say(path ? `${path}: ${why}` : `${why} (${syscall})`)
    return 1
  }
  say('this is a bug in orchestrate, not a mistake of yours; please report it with the lines below')
  talk.line(clean(error instanceof Error ? (error.stack ?? error.message) : String(error)))
  return 1
}
