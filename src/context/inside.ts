// Where a path really leads. Promises: a path that is `inside` stays in its folder with every link followed,
// even where its end does not exist yet; nothing is opened.
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { isErrno } from '../files/files.ts'
import { lstat, readlink, realpath } from '../files/fs.ts'

/** Whether `path` is `folder` or below it, judged by the names alone. */
export function isUnder(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** `path` with all links followed as far as it exists, dangling ones too. Throws ELOOP. */
export async function realPath(path: string, hops = 40): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error
    if (hops === 0) throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP' })
    const target = await readlink(path).catch(() => null) // no link, or not there
    const folder = await realPath(dirname(path), hops - 1)
    return target === null
      ? join(folder, basename(path))
      : realPath(resolve(folder, target), hops - 1)
  }
}

/** Whether `path`, links followed, stays within one of `folders`. */
export async function staysIn(path: string, ...folders: string[]): Promise<boolean> {
  try {
    const [real, ...homes] = await Promise.all([path, ...folders].map((one) => realPath(one)))
    return homes.some((home) => isUnder(home, real ?? ''))
  } catch {
    return false // a loop of links, a folder that may not be searched: not ours to follow
  }
}

/** A path as a task names it: relative to the workspace, inside it, and there. */
export async function placeOf(
  root: string,
  name: string,
): Promise<'there' | 'missing' | 'outside'> {
  if (name.trim() === '') return 'missing'
  if (isAbsolute(name) || name.startsWith('~') || name.includes('\0')) return 'outside'
  if (name.split(/[\\/]/).includes('..')) return 'outside'
  const path = join(root, name)
  if (!(await staysIn(path, root))) return 'outside'
  const real = await realPath(path)
  return (await lstat(real).catch(() => null)) ? 'there' : 'missing'
}
