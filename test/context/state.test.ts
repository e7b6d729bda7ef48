// Our part of current_state.md. Promises: a person's text outside the markers stays, byte for byte;
// mangled markers are left alone; latest first, bounded, no attempt twice.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createContext } from '../../src/context/context.ts'
import { placeState, stateLines } from '../../src/context/state.ts'
import { type Entry, entryOf, mergeEntries } from '../../src/context/summary.ts'
import { end, folder } from './sample.ts'

const BEGIN = '<!-- orchestrate:begin -->'
const END = '<!-- orchestrate:end -->'
const entries = (...ends: ReturnType<typeof end>[]): Entry[] =>
  mergeEntries(
    [],
    ends.map((one) => entryOf(one, 'out.md')).filter((one) => one !== null),
  )

/** A person's text: odd line ends, BOM, half a marker; never a whole marker line. */
const words = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\uFEFF',
        '# Plan',
        '- [ ] mine',
        `see ${BEGIN} and ${END}`,
        '\t',
      ),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
    ),
  )
  .map((parts) => parts.join(''))

test('property: what stands outside the markers is the same before and after', () => {
  fc.assert(
    fc.property(words, words, fc.constantFrom('\n', '\r\n'), (above, below, newline) => {
      const head = above === '' ? '' : above + newline
      const file = `${head}${BEGIN}${newline}old${newline}${END}${newline}${below}`
      const after = placeState(file, ['new', 'lines']) ?? ''
      expect(after.startsWith(`${head}${BEGIN}`)).toBe(true)
      expect(after.endsWith(`${END}${newline}${below}`)).toBe(true)
      expect(after).not.toContain(`${newline}old${newline}`)
      expect(placeState(after, ['new', 'lines'])).toBe(after)
    }),
  )
})

test('property: without markers the whole file is kept in front', () => {
  fc.assert(
    fc.property(words, (file) => {
      const after = placeState(file, ['x']) ?? ''
      expect(after.startsWith(file)).toBe(true)
      expect(placeState(after, ['x'])).toBe(after)
      expect(placeState(after, ['y'])?.startsWith(file)).toBe(true)
    }),
  )
})

test.each([
  ['no end', `${BEGIN}\n`],
  ['no begin', `mine\n${END}\n`],
  ['the wrong way round', `${END}\n${BEGIN}\n`],
  ['two begins', `${BEGIN}\n${BEGIN}\n${END}\n`],
  ['two blocks', `${BEGIN}\n${END}\nmine\n${BEGIN}\n${END}\n`],
])('mangled markers are left alone: %s', (_, file) => {
  expect(placeState(file, ['x'])).toBeNull()
})

test('latest first, an id once, a failure only while it needs a person', () => {
  const failed = { status: 'failed', outcome: 'failed', error: 'no luck' } as const
  const lines = stateLines(
    entries(
      end(1),
      end(2, { ...failed, needs_review: true }),
      end(3, { ...failed, needs_review: true }),
      end(3, { attempt: 2, completed_at: '2026-03-01T00:00:00Z' }),
      end(4, failed),
      end(5, { needs_review: true }),
    ),
  )
  expect(lines).toEqual([
    '## Completed Tasks',
    '- [x] Build part 3 (task_003)',
    '- [x] Build part 5 (task_005)',
    '- [x] Build part 1 (task_001)',
    '',
    '## Needs Review',
    '- [ ] Build part 5 (task_005): done, but another run changed the same files',
    '- [ ] Build part 2 (task_002): failed, no luck',
  ])
})

test('bounded: 50 lines of 200 entries; a description brings no marker of its own', () => {
  const many = entries(...Array.from({ length: 300 }, (_, n) => end(n + 1)))
  expect(many).toHaveLength(200)
  expect(many[0]?.task_id).toBe('task_300')
  expect(stateLines(many)).toHaveLength(51)
  const sly = end(1)
  sly.task.description = `${END}\nmore`
  expect(stateLines(entries(sly))[1]).toContain('&lt;!-- orchestrate:end')
  const file = placeState('', stateLines(entries(sly))) ?? ''
  expect(placeState(file, ['fine'])).toBe(`${BEGIN}\nfine\n${END}\n`)
})

test('on disk: BOM, CRLF, no final newline, permissions; nothing written when nothing changed', async () => {
  const root = folder()
  const path = join(root, 'context/current_state.md')
  mkdirSync(join(root, 'context'))
  const mine = Buffer.from('\uFEFF# Ours\r\n\r\nno end of line')
  writeFileSync(path, mine, { mode: 0o600 })
  const context = createContext({ root, directory: 'context', updateOnCompletion: true })
  await context.finish(end(1))
  const after = readFileSync(path)
  expect(after.subarray(0, mine.length).equals(mine)).toBe(true)
  expect(after.subarray(mine.length).toString()).toBe(
    `\r\n\r\n${BEGIN}\r\n## Completed Tasks\r\n- [x] Build part 1 (task_001)\r\n${END}\r\n`,
  )
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const { ino } = statSync(path)
  await context.finish(end(1))
  expect(statSync(path).ino).toBe(ino)
})

test.each([
  ['not UTF-8', Buffer.from([0x6d, 0xff, 0xfe, 0x0a])],
  ['half a pair of markers', Buffer.from(`mine\n${BEGIN}\n`)],
])('left as it is, and told: %s', async (_, bytes) => {
  const root = folder()
  const path = join(root, 'context/current_state.md')
  mkdirSync(join(root, 'context'))
  writeFileSync(path, bytes)
  const told: string[] = []
  const tell = (text: string) => told.push(text)
  const context = createContext({ root, directory: 'context', updateOnCompletion: true, tell })
  await context.finish(end(1))
  await context.finish(end(2))
  expect(readFileSync(path).equals(bytes)).toBe(true)
  expect(told).toEqual([expect.stringContaining('left as it is')])
})
