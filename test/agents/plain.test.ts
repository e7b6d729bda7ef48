// Kinds without events: the tail of stdout is the text, nothing else is claimed.
import { expect, test } from 'vitest'
import { kinds } from '../../src/agents/index.ts'
import type { AgentKind } from '../../src/types.ts'

const shell = kinds.shell as AgentKind
const CAP = 256 * 1024

test('the tail begins at a line, and holds the end', () => {
  const reader = shell.reader()
  for (let n = 0; n < 100_000; n++) reader.line(`line number ${n}`)
  const { text, ended, files } = reader.findings()
  expect([ended, files]).toEqual([null, null])
  expect(text.length).toBeLessThanOrEqual(CAP)
  expect(text.length).toBeGreaterThan(CAP - 100)
  expect(text).toMatch(/^line number \d+\n/)
  expect(text.endsWith('line number 99999')).toBe(true)
})

test('one endless line is cut without half a character', () => {
  const reader = shell.reader()
  reader.line('😀'.repeat(CAP))
  reader.line('end')
  const { text } = reader.findings()
  expect(Buffer.from(text).toString() === text).toBe(true)
  expect(text.endsWith('😀\nend')).toBe(true)
})

test('a failing script is explained by its own words', () => {
  expect(shell.explain(127, 'prompt.md: 3: foo: not found\n')).toEqual({
    ok: false,
    error: 'prompt.md: 3: foo: not found',
    evidence: 'stderr',
  })
  expect(shell.explain(1, 'first\n\x1b[31mlast\x1b[0m\n\n')?.error).toBe('last')
  expect(shell.explain(1, '')).toBeUndefined()
})
