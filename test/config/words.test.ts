// Small pure parts: the words splitter, the nearest name, the --agents record.
// Promises: tables of input and outcome; what sh itself says is asked of sh.
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { parseAgents } from '../../src/config/slots.ts'
import { splitWords } from '../../src/config/words.ts'
import { nearest } from '../../src/files/nearest.ts'
import { OrchestrateError } from '../../src/types.ts'

describe('splitWords', () => {
  it.each([
    'claude --print',
    '  a\t b ',
    `a 'b c' "d e" f'g'"h"`,
    `'' ""`,
    'a\\ b \\"c \\\\d \\a',
    '"a\\"b \\$c \\`d \\\\e \\f"',
    `'a\\b "c"'`,
    'x"a\\\nb"y\\\nz',
    'é ü --x=日本',
  ])('%j as sh splits it', (text) => {
    const words = execFileSync('sh', ['-c', `printf '%s\\0' ${text.trim()}`], { encoding: 'utf8' })
    expect(splitWords(text)).toEqual({ words: words.split('\0').slice(0, -1), operators: [] })
  })
  it.each<[string, string[], string[]]>([
    ['', [], []],
    ['  a\n b\n', ['a', 'b'], []],
    ['a|b > c && d; e', ['a|b', '>', 'c', '&&', 'd;', 'e'], ['|', '>', '&&', ';']],
    ['grep \'a|b\' "c>d" e\\|f', ['grep', 'a|b', 'c>d', 'e|f'], []],
    ['x $HOME {prompt_file} *', ['x', '$HOME', '{prompt_file}', '*'], []],
    ['x $(y)', ['x', '$(y)'], ['$(']],
  ])('%j: words and what a shell would have heeded', (text, words, operators) => {
    expect(splitWords(text)).toEqual({ words, operators })
  })
  it.each([`a 'b`, `a "b`, `a "b\\"`, 'a\\', `it's`])('%j is refused', (text) => {
    expect(splitWords(text)).toHaveProperty('error')
  })
})

describe('nearest', () => {
  const keys = ['priority', 'description', 'id', 'max_retries', 'max_instances', 'timeout_minutes']
  it.each<[string, string | undefined]>([
    ['prioirty', 'priority'],
    ['PRIORITY', 'priority'],
    ['descripton', 'description'],
    ['max_retires', 'max_retries'],
    ['max-instances', 'max_instances'],
    ['ids', 'id'],
    ['owner', undefined],
    ['zz', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ])('%.20s: %s', (word, expected) => {
    expect(nearest(word, keys)).toBe(expected)
  })
})

describe('parseAgents', () => {
  it.each<[string, Record<string, number>]>([
    ['claude:2,codex:2', { claude: 2, codex: 2 }],
    [' Claude : 2 , my-agent:0', { claude: 2, 'my-agent': 0 }],
  ])('%j', (text, expected) => {
    expect(parseAgents(text)).toEqual(expected)
  })
  it.each<[string, string]>([
    ['', '`` is not `type:number`'],
    ['claude', '`claude` is not `type:number`'],
    ['claude:', '`claude:` is not `type:number`'],
    ['claude:two', '`claude:two` is not `type:number`'],
    ['claude:-1', 'is not `type:number`'],
    ['claude:1.5', 'is not `type:number`'],
    ['claude:2,', '`` is not `type:number`'],
    ['claude=2', 'is not `type:number`'],
    ['claude:1,CLAUDE:2', 'names `claude` twice'],
    ['claude:257', 'at most 256'],
  ])('%j is refused', (text, expected) => {
    const attempt = () => parseAgents(text)
    expect(attempt).toThrow(OrchestrateError)
    expect(attempt).toThrow(expected)
  })
})
