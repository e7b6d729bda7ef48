// Texts that a task or configuration file may hold by accident or malice: bytes, mutations of good files, all prefixes of
// one, and the shapes that make parsers slow. Pure.
import fc from 'fast-check'

export const CAP = 256 * 1024
export const TASK = `\uFEFF# yaml-language-server: $schema=x
id: task_001
description: |-
  Create notes.md: "a" & 'b' # no comment
    - deeper
priority: HIGH
created_at: 2026-01-31T10:00:00Z
dependencies: [a, "b", 007]
context_files:
  - docs/a.md
context_required: true
preferred_agent: claude
timeout_minutes: 1.5
max_retries: 2
subtasks: [one, {two: 3}]
not_before: 2026-01-31
prioirty: low
`
export const CONFIG = `orchestrator: { mode: local, log_level: info }
agents:
  claude:
    command: "claude -p 'x y'"
    max_instances: 2
    env: { A: "1", B: two }
  shell: { max_instances: 1, timeout_seconds: 5 }
task_queue: { max_size: 10, retry_delay_seconds: 0 }
monitoring:
  enable_metrics: false
`

const times = (text: string, n = CAP) => text.repeat(Math.ceil(n / text.length)).slice(0, n)
const head = 'description: a\n'
/** Each 256 KiB long, and each a way to make something quadratic. */
export const SHAPES: Record<string, string> = {
  'a flat map':
    head +
    Array.from({ length: 30_000 }, (_, n) => `k${n}: 1`)
      .join('\n')
      .slice(0, CAP - 99),
  'one key again and again': head + times('key: 1\n'),
  'a long flow sequence': `description: a\nsubtasks: [${times('a,', CAP - 99)}]\n`,
  'a long flow map': `description: a\nx: {${Array.from({ length: 20_000 }, (_, n) => `k${n}: 1`)
    .join(', ')
    .slice(0, CAP - 99)}}\n`,
  'deep flow': head + times('x: [', 4) + times('[', CAP - 99),
  'deep flow, closed': `x: ${times('[', 100_000)}${times(']', 100_000)}\n${head}`,
  'deep maps': `x: ${times('{a: ', 200_000)}\n${head}`,
  'deep blocks': times('- ', 200_000) + head,
  stairs: Array.from({ length: 700 }, (_, n) => `${' '.repeat(n)}k${n}:`).join('\n'),
  'anchors on anchors': `${'&description: '.repeat(4000)}\n${head}`,
  comments: times('# a comment\n', CAP - 99) + head,
  'comments behind values': times('a: 1 # b\n', CAP - 99) + head,
  'blank lines': times('\n', CAP - 99) + head,
  spaces: head + times(' ', CAP - 99),
  tabs: head + times('\t', CAP - 99),
  'a long plain scalar': `description: ${times('a ', CAP - 99)}\n`,
  folds: `description: a\n${times('  b\n', CAP - 99)}`,
  'folds with blank lines': `description: a\n${times('  b\n\n', CAP - 99)}`,
  'a folded block': `description: >\n${times('  b\n\n   c\n', CAP - 99)}`,
  'a quoted text of escapes': `description: "${times('\\u0041', CAP - 99)}"\n`,
  'a quoted text of folds': `description: "${times('a\n  ', CAP - 99)}"\n`,
  'an open quote': `description: "${times('a\n', CAP - 99)}`,
  'many quotes': times(`'a' `, CAP - 99),
  colons: times(': ', CAP - 99),
  'question marks': times('? ', CAP - 99),
  'question marks on lines': times('? a\n', CAP - 99),
  dashes: times('-\n', CAP - 99),
  ampersands: times('&a ', CAP - 99),
  aliases: `a: &a b\n${times('- *a\n', CAP - 99)}`,
  tags: times('!a ', CAP - 99),
  documents: times('--- a\n', CAP - 99),
  ends: head + times('...\n', CAP - 99),
  directives: times('%YAML 1.1\n', CAP - 99),
  percents: head + times(' %\n', CAP - 99),
  'carriage returns': times('a: b\r', CAP - 99),
  'a huge key': `${times('k', CAP - 99)}: 1\n${head}`,
  'many unknown keys, nearly right':
    head + Array.from({ length: 990 }, (_, n) => `prioirt${n}: 1`).join('\n'),
  'many list items': `description: a\ndependencies:\n${times('- a\n', CAP - 99)}`,
  'many maps in a list': `description: a\nsubtasks:\n${times('- {}\n', CAP - 99)}`,
  'many merges': head + times('<<: {a: 1}\n', CAP - 99),
  digits: `description: a\ntimeout_minutes: ${times('9', CAP - 99)}\n`,
  'a date that goes on': `description: a\nnot_before: 2026-01-31T10:00:00.${times('9', CAP - 99)}\n`,
  'an id that goes on': `id: ${times('a', CAP - 99)}\n${head}`,
  'an agent that goes on': `preferred_agent: ${times('a', CAP - 99)}!\n${head}`,
  'a command that goes on': `agents: { a: { command: "${times("' ", CAP - 99)}" } }\n`,
  'a command of backslashes': `agents: { a: { command: '${times('\\\\', CAP - 99)}' } }\n`,
  'many agents': `agents:\n${Array.from({ length: 10_000 }, (_, n) => `  a${n}: {max_instances: 1}`)
    .join('\n')
    .slice(0, CAP - 99)}\n`,
}

/** A change of a good file: a piece cut out, doubled, moved, or other text put in. */
const mutated = (good: string) =>
  fc
    .array(
      fc.tuple(
        fc.nat({ max: good.length }),
        fc.nat({ max: 40 }),
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 12 }),
          fc.constantFrom(
            '',
            '\0',
            '\uFEFF',
            '\r\n',
            '\t',
            '%YAML 1.1\n',
            '---\n',
            '...\n',
            '&a ',
            '*a',
            '!!js/function ',
            '<<: ',
            '{',
            '[',
            '"',
            "'",
            '|',
            '>',
            '? ',
            ': ',
            '- ',
            '# ',
            '\ud800',
            '../',
            '__proto__: 1\n',
          ),
        ),
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((changes) =>
      changes.reduce(
        (text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut),
        good,
      ),
    )

const piece = fc.constantFrom(
  ...'[]{}:,-?!&*#|>%@`"\'',
  '\n',
  '\r',
  ' ',
  '  ',
  '\t',
  'a',
  'description: ',
  '- ',
  ': ',
  '\0',
  '0',
  '~',
  '\u2028',
)
/** Syntax in any order, long: what quadratic corners are made of. */
const soup = fc
  .tuple(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.nat({ max: 32_768 }))
  .map(([pieces, n]) =>
    pieces
      .join('')
      .repeat(n + 1)
      .slice(0, CAP),
  )

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8').subarray(0, CAP)
export const inputs = (good: string): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 400 }) },
    { weight: 6, arbitrary: mutated(good).map(bytes) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }).map(bytes) },
    { weight: 2, arbitrary: soup.map((text) => bytes(`${text}\n${head}`)) },
    { weight: 2, arbitrary: soup.map((text) => bytes(`${head}x: ${text}`)) },
  )

/** All prefixes, by bytes. */
export function prefixes(good: string): Uint8Array[] {
  const whole = Buffer.from(good)
  return Array.from({ length: whole.length + 1 }, (_, n) => whole.subarray(0, n))
}
