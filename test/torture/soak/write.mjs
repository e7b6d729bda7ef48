// How the soak's people and programs write. Promises: all of it, and no handle is left open.
import { open } from 'node:fs/promises'
import { sleep } from './command.mjs'

export const putFile = (path, text, flag) =>
  inFile(path, (file) => put(file, Buffer.from(text)), flag)

export async function inFile(path, write, flag = 'wx') {
  const file = await open(path, flag, 0o644)
  try {
    await write(file)
  } finally {
    await file.close()
  }
}

/** All of it. While the disk is full it waits, with the file open, as a program that does not lose what it holds. */
export async function put(file, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += (await file.write(bytes, at)).bytesWritten
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error
      await sleep(100)
    }
  }
}
