// How things look: nothing from outside moves the cursor, nothing is wider than the screen.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  clean,
  count,
  cut,
  duration,
  json,
  oneLine,
  type Paper,
  table,
  usedWords,
  width,
} from '../../src/cli/output.ts'

const plain = (text: string) => text
const paint = {
  bold: plain,
  dim: plain,
  red: plain,
  green: plain,
  yellow: plain,
  blue: plain,
  cyan: plain,
}
const screen = (columns: number): Paper => ({
  write() {},
  line() {},
  live: true,
  columns,
  rows: 24,
  paint,
})

describe('clean', () => {
  it('takes escape sequences and control characters away, and leaves lines and tabs', () => {
    expect(clean('\u001b[1;31mred\u001b[0m\u001b]0;title\u0007 a\tb\r\nc\u0000\u009b\u202ed')).toBe(
      'red a\tb\ncd',
    )
    expect(oneLine(' a\n\n b\u0007 ')).toBe('a b')
  })
  it('whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(clean(text)).not.toMatch(/(?![\n\t])\p{Cc}|\p{Bidi_Control}/u)
      }),
    )
  })
})

it('numbers are written as in English', () => {
  for (const tokens of [1, 12, 999, 1000, 12_345, 123_456, 1_234_567, Number.MAX_SAFE_INTEGER])
    expect(usedWords({ tokens, cost_usd: 0 })).toBe(`${tokens.toLocaleString('en')} tokens`)
})

describe('json', () => {
  it('reads back the same, without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(json({ text }))).toEqual({ text })
        expect(json({ text })).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u)
      }),
    )
  })
})

describe('tables', () => {
  it('line up, also with wide letters, and cut the last column only', () => {
    const rows = [
      ['a', '日本', 'a text that is longer than the screen is wide'],
      ['task_001', 'b', 'short'],
    ]
    expect(table(screen(40), ['ID', 'X', 'TEXT'], rows)).toEqual([
      'ID        X     TEXT',
      'a         日本  a text that is longer …',
      'task_001  b     short',
    ])
    expect(table(screen(Number.POSITIVE_INFINITY), [], rows)[0]).toContain('the screen is wide')
  })
  it('never cut wider than told', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 2, max: 50 }),
        (text, columns) => {
          expect(width(cut(text, columns))).toBeLessThanOrEqual(columns)
        },
      ),
    )
  })
})

it('durations and counts read well', () => {
  expect([0, 59_999, 60_000, 130_000, 3_600_000, 11_100_000, 187_200_000].map(duration)).toEqual([
    '0s',
    '59s',
    '1m',
    '2m 10s',
    '1h',
    '3h 5m',
    '2d 4h',
  ])
  expect([count(1, 'task'), count(2, 'task')]).toEqual(['1 task', '2 tasks'])
})
