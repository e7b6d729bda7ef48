// Failures of the machine that a person can act on, in words: one sentence for an error of the file system.
const WORDS: Record<string, string> = {
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

/** Null: not a failure of a system call, or one that nobody but us can act on. */
export function inWords(error: unknown): string | null {
  const { code, path, syscall } = (error ?? {}) as NodeJS.ErrnoException
  const why = WORDS[code ?? '']
  // Ours, when a write was cut short, comes without a system call.
  if (!why || !(syscall || code === 'ENOSPC')) return null
  return path || !syscall ? `${path ?? 'a file'}: ${why}` : `${why} (${syscall})`
}
