// The reader for kinds without events (shell, custom): what they printed last is what they said.
// Promises: holds at most twice the cap; the tail begins at a line; it judges nothing.
import type { OutputReader } from '../types.ts'
import { TEXT_CAP, tail } from './events.ts'

export function plainReader(): OutputReader {
  let text = ''
  let events = 0
  return {
    many: true,
    line(line) {
      events++
      text += `${line}\n`
      if (text.length > 2 * TEXT_CAP) text = tail(text)
    },
    findings: () => ({
      ended: null,
      waits: null,
      events,
      tools: 0,
      text: tail(text).trimEnd(),
      files: null,
    }),
  }
}
