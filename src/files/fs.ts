// What we use of node:fs/promises, done in the calling thread: to hand a small file to another thread and back costs several
// times the work itself. Promises: no FIFO is waited for; only what waits for the disk itself (`sync`) is left to a thread.
import * as fs from 'node:fs'
import { promisify } from 'node:util'

export const lstat = async (path: string) => fs.lstatSync(path)
export const stat = async (path: string) => fs.statSync(path)
export const readdir = async (path: string) => fs.readdirSync(path)
export const readlink = async (path: string) => fs.readlinkSync(path)
export const realpath = async (path: string) => fs.realpathSync.native(path)
export const rename = async (from: string, to: string) => fs.renameSync(from, to)
export const chmod = async (path: string, mode: number) => fs.chmodSync(path, mode)
export const unlink = async (path: string) => fs.unlinkSync(path)
export const rmdir = async (path: string) => fs.rmdirSync(path)
export const rm = async (path: string, options: fs.RmOptions) => fs.rmSync(path, options)
export const mkdir = async (path: string, options?: fs.MakeDirectoryOptions) =>
  void fs.mkdirSync(path, options)
export const writeFile = async (path: string, text: string, options?: fs.WriteFileOptions) =>
  fs.writeFileSync(path, text, options)

export async function readFile(path: string, encoding: 'utf8'): Promise<string> {
  const file = await open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    return fs.readFileSync(file.fd, encoding)
  } finally {
    await file.close()
  }
}

const fsync = promisify(fs.fsync)

export async function open(path: string, flags: number, mode?: number) {
  const fd = fs.openSync(path, flags, mode)
  return {
    fd,
    stat: async () => fs.fstatSync(fd),
    /** Into `buffer`, from `position` of the file on; returns the bytes read. */
    read: async (buffer: Buffer, offset: number, length: number, position: number) =>
      fs.readSync(fd, buffer, offset, length, position),
    /** At its beginning. A full disk takes a part of it, and says nothing: the size tells. */
    write: async (text: string) => void fs.writeSync(fd, text, 0),
    chmod: async (mode: number) => fs.fchmodSync(fd, mode),
    sync: () => fsync(fd),
    close: async () => fs.closeSync(fd),
  }
}
