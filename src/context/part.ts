// Bounded looks into files of any size. Promises: at most `cap` bytes in memory, no link followed,
// never hangs on a FIFO; null where there is no such regular file.
import { constants } from 'node:fs'
import { open } from '../files/fs.ts'

/** The first or the last `cap` bytes of a file, as text; a line cut in two at the edge is left out. */
export async function readPart(path: string, cap: number, end: 'first' | 'last') {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await open(path, flags).catch(() => null) // missing, a link, not ours to read
  if (!handle) return null
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) return null
    const buffer = Buffer.alloc(Math.min(cap, stat.size))
    const from = end === 'first' ? 0 : stat.size - buffer.length
    const bytesRead = await handle.read(buffer, 0, buffer.length, from)
    const text = new TextDecoder().decode(buffer.subarray(0, bytesRead))
    if (bytesRead >= stat.size) return text
    return end === 'first'
      ? text.slice(0, text.lastIndexOf('\n') + 1)
      : text.slice(text.indexOf('\n') + 1)
  } finally {
    await handle.close()
  }
}
