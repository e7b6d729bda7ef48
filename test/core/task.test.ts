// Task files: every form of the specification is read, and whatever bytes come, a task or one clear problem comes out.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isProblem, readTask } from '../../src/files/task.ts'
import type { Task } from '../../src/types.ts'

const read = (text: string | Uint8Array, name = 'task_001.yaml') =>
  readTask(typeof text === 'string' ? Buffer.from(text) : text, name, 1000)
const task = (text: string, name?: string): Task => {
  const it = read(text, name)
  if (isProblem(it)) throw new Error(`${it.line}:${it.column} ${it.message}`)
  return it
}
const problem = (text: string | Uint8Array, name?: string) => {
  const it = read(text, name)
  return isProblem(it) ? `${it.line ?? '-'}:${it.column ?? '-'} ${it.message}` : 'a task'
}

describe('the forms of the specification', () => {
  it('4.2', () => {
    const text = `# tasks/pending/task_001.yaml
id: task_001
description: "Implement user authentication"
priority: 1
created_at: "2025-01-15T10:00:00Z"
dependencies: []
context_files:
  - "context/project_overview.md"
  - "context/current_state.md"
`
    expect(task(text)).toEqual({
      id: 'task_001',
      description: 'Implement user authentication',
      priority: 'normal',
      createdAt: Date.UTC(2025, 0, 15, 10),
      dependencies: [],
      contextFiles: ['context/project_overview.md', 'context/current_state.md'],
      contextRequired: false,
      ...{ subtasks: [], labels: [], remarks: [] },
    })
  })
  it('the keys of sessions, limits and costs', () => {
    const text = `description: x
dependencies: [a]
continues: 007
on_limit: switch
labels: [docs, 12]
budget: { tokens: 500000, usd: 2.5 }
`
    expect(task(text)).toMatchObject({
      ...{ dependencies: ['a', '007'], continues: '007', onLimit: 'switch', remarks: [] },
      ...{ labels: ['docs', '12'], budget: { tokens: 500_000, usd: 2.5 } },
    })
  })
  it.each([
    ['on_limit: perhaps', /`on_limit` must be wait, switch or fail/],
    ['budget: 5', /`budget` must be a group/],
    ['budget: { usd: 0 }', /must be above 0/],
    ['budget: { tokens: .inf }', /must be at most 1e15/],
    ['budget: { euros: 5 }', /must be a group of .tokens: number. and .usd/],
    ['continues: ../x', /must be the id of a task/],
    ['labels: docs', /`labels` must be a list/],
  ])('%s is refused', (line, message) => {
    expect(readTask(Buffer.from(`description: x\n${line}\n`), 'a.yaml', 0)).toMatchObject({
      message: expect.stringMatching(message),
      line: 2,
    })
  })

  it('A.1 and A.2', () => {
    const simple = `id: TASK-001
description: "Create a README file"
priority: normal
context_required: false
preferred_agent: claude
timeout_minutes: 10
`
    expect(task(simple)).toMatchObject({
      id: 'TASK-001',
      preferredAgent: 'claude',
      timeoutMinutes: 10,
    })
    const complex = `id: TASK-002
description: "Implement complete authentication system"
priority: high
context_required: true
context_files:
  - "requirements.md"
  - "database_schema.sql"
preferred_agent: codex
timeout_minutes: 60
subtasks:
  - "Design auth schema"
  - "Implement JWT tokens"
`
    expect(task(complex)).toMatchObject({
      priority: 'high',
      contextRequired: true,
      subtasks: ['Design auth schema', 'Implement JWT tokens'],
    })
  })

  it.each([
    ['high', 'high'],
    ['Normal', 'normal'],
    ['LOW', 'low'],
    ['0', 'high'],
    ['1', 'normal'],
    ['2', 'low'],
    ['"0"', 'high'],
  ])('priority %s', (written, read) => {
    expect(task(`description: x\npriority: ${written}\n`).priority).toBe(read)
  })

  it('runs a file with only a description, named after the file', () => {
    expect(task('description: do it\n', 'fix-login.yml')).toMatchObject({
      id: 'fix-login',
      createdAt: 1000,
      priority: 'normal',
    })
  })

  it('keeps ids as they are written', () => {
    const odd = task('id: 007\ndescription: x\ndependencies: [0x1F, 1e3, 012]\n')
    expect(odd.id).toBe('007')
    expect(odd.dependencies).toEqual(['0x1F', '1e3', '012'])
  })

  it('takes preferred_agent_type for preferred_agent, and refuses two different ones', () => {
    expect(task('description: x\npreferred_agent_type: codex\n').preferredAgent).toBe('codex')
    expect(
      problem('description: x\npreferred_agent: claude\npreferred_agent_type: codex\n'),
    ).toMatch(/^3:23 .*keep one/)
  })

  it('treats an empty value as absent', () => {
    expect(task('description: x\nid:\ndependencies:\npriority: ~\n')).toMatchObject({
      id: 'task_001',
      dependencies: [],
    })
  })

  it('reads CRLF and a BOM', () => {
    expect(task('\ufeffdescription: x\r\npriority: high\r\n')).toMatchObject({
      description: 'x',
      priority: 'high',
    })
  })

  it('makes a slug of an unfit name, and says so', () => {
    const odd = task('description: x\n', 'fix the login (2).yaml')
    expect(odd.id).toBe('fix-the-login-2')
    expect(odd.remarks).toEqual(['its name gives no fit id; it is called `fix-the-login-2`'])
  })
})

describe('unknown keys', () => {
  it('are told with the nearest name', () => {
    expect(task('description: x\nprioirty: high\n').remarks).toEqual([
      '`prioirty`: did you mean `priority`?',
    ])
    expect(task('description: x\nmood: gloomy\n').remarks).toEqual([
      '`mood`: not a key of a task; it has no effect',
    ])
  })
  it('are silent when reserved', () => {
    expect(task('description: x\nlabels: [a]\nworktree: true\n').remarks).toEqual([])
  })
})

describe('problems name the place and what to do', () => {
  it.each<[string, RegExp]>([
    ['', /empty/],
    ['   \n', /empty/],
    ['# only a comment\n', /not a task/],
    ['just words\n', /not a task/],
    ['priority: high\n', /needs `description`/],
    ['description: ""\n', /1:14 .*must not be empty/],
    ['description: x\npriority: urgent\n', /^2:11 `priority` must be high, normal or low/],
    ['description: x\ncreated_at: yesterday\n', /^2:13 `created_at` must be an ISO 8601 date/],
    ['description: x\nnot_before: 2026-99-99\n', /^2:13 `not_before`/],
    ['description: x\nid: ../../etc/passwd\n', /^2:5 `id` must be letters/],
    ['description: x\nid: a/b\n', /^2:5 `id`/],
    ['description: x\ndependencies: task_001\n', /^2:15 `dependencies` must be a list/],
    ['description: x\ncontext_files: [[a]]\n', /^2:17 `context_files`/],
    ['description: x\ntimeout_minutes: -1\n', /^2:18 `timeout_minutes` must be above 0/],
    ['description: x\nmax_retries: 1.5\n', /^2:14 `max_retries` must be a whole number/],
    ['description: x\ncontext_required: maybe\n', /^2:19 `context_required`/],
    ['description: x\ndescription: y\n', /^2:1 has `description` twice/],
    ['description: [unclosed\n', /^\d+:\d+ /],
    ['description: "unclosed\n', /^\d+:\d+ /],
    ['\tdescription: x\n', /^\d+:\d+ /],
    ['description: x\n---\ndescription: y\n', /one task a file/],
    ['%YAML 1.1\n---\ndescription: no\n', /directive/],
    ['description: &a x\nid: *a\n', /anchor or alias/],
    ['description: !!str x\n', /tag/],
    ['description: !run x\n', /tag/],
    ['description: "a\0b"\n', /NUL/],
    ['description: x\nid: task_001_agent_01\n', /our own records/],
    [`description: x\nmore: ${'['.repeat(30)}${']'.repeat(30)}\n`, /deeper than 20/],
  ])('%j', (text, expected) => {
    expect(problem(text)).toMatch(expected)
  })

  it('refuses names of our own records, and bytes that are not UTF-8', () => {
    expect(problem('description: x\n', 'task_001_result.yaml')).toMatch(/our own records/)
    expect(problem('description: x\n', 'a_agent_02.yaml')).toMatch(/our own records/)
    expect(problem(Buffer.from([0x61, 0xff, 0xfe]))).toMatch(/UTF-8/)
  })
})

it('never throws and never takes long, whatever the bytes', () => {
  const valid =
    'id: a\ndescription: "do it"\npriority: high\ndependencies: [b, c]\ncontext_files:\n  - x.md\n'
  const mutated = fc
    .tuple(fc.nat(valid.length), fc.nat(8), fc.string({ unit: 'binary', maxLength: 8 }))
    .map(([from, length, put]) => valid.slice(0, from) + put + valid.slice(from + length))
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    mutated.map((text) => new Uint8Array(Buffer.from(text))),
  )
  fc.assert(
    fc.property(bytes, (input) => {
      const it = read(input)
      if (isProblem(it)) expect(it.message).toBeTruthy()
      else expect(it.id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)
    }),
    { numRuns: 1000 },
  )
})

it('reads 35,000 keys in linear time, by refusing them', () => {
  const huge =
    `description: x\n${Array.from({ length: 30_000 }, (_, n) => `k${n}: 1`).join('\n')}\n`.slice(
      0,
      262_144,
    )
  const begun = performance.now()
  expect(problem(huge)).toMatch(/more than 10000 pieces/)
  expect(performance.now() - begun).toBeLessThan(1000) // the package's own check took 35 s for a file of 1 MB
})
