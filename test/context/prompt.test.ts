// The text an agent is given, and which context files may be handed over.
// Promises: the person's words first; references that exist; nothing from outside the workspace; short.
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createContext } from '../../src/context/context.ts'
import { folder, put, run, task } from './sample.ts'

const contextIn = (root: string, directory = 'context') =>
  createContext({ root, directory, updateOnCompletion: true })

test('a shell task is its description and nothing else', async () => {
  const description = 'set -e\nnpm test\n'
  const text = await contextIn(folder()).prompt(
    task({ description, subtasks: ['x'], contextFiles: ['a.md'] }),
    run({ agentType: 'shell', lastError: 'exit 1' }),
  )
  expect(text).toBe(description)
})

test('the words come first, then what to read, where to write, how to report', async () => {
  const root = folder()
  put(root, {
    'context/project_overview.md': 'Project: Test System',
    'context/current_state.md': '',
    'context/agent_outputs/task_000_output.md': 'the plan',
    'docs/schema.sql': 'create',
  })
  const text = await contextIn(root).prompt(
    task({
      description: 'Make it.\nSecond line: $(rm -rf /) `x`',
      dependencies: ['task_000', 'task_404'],
      contextFiles: ['docs/schema.sql', 'context/project_overview.md', 'later.md', '../secret'],
      subtasks: ['Design', 'Build\nand test'],
    }),
    run({ attempt: 2, lastError: `exit 1: \u001b[31mno\u001b[0m ${'x'.repeat(5000)}` }),
  )
  expect(text.startsWith('Make it.\nSecond line: $(rm -rf /) `x`\n')).toBe(true)
  const lines = text.split('\n')
  const at = (line: string) => lines.indexOf(line)
  expect(at('- [ ] Design')).toBeGreaterThan(0)
  expect(at('- [ ] Build and test')).toBe(at('- [ ] Design') + 1)
  expect(lines.filter((line) => line === '- context/project_overview.md')).toHaveLength(1)
  for (const path of [
    'context/current_state.md',
    'context/agent_outputs/task_000_output.md',
    'docs/schema.sql',
    'later.md',
  ]) {
    expect(at(`- ${path}`)).toBeGreaterThan(0)
  }
  expect(at('- later.md')).toBeGreaterThan(lines.findIndex((line) => line.includes('not there')))
  expect(text).not.toMatch(/task_404|secret|objectives\.md$/m)
  expect(text).not.toContain('\u001b')
  expect(text).toContain('The last attempt failed: exit 1: no xxx')
  expect(text).toContain('context/agent_notes/agent_01.md')
  expect(text).toContain('context/agent_outputs/task_001_output.md')
  expect(text).toContain('Other agents work in this folder')
  expect(text).toContain('one short summary')
  expect(text.length).toBeLessThan(3000)
  expect(lines.length - 2).toBeLessThan(40)
})

test('paths follow a context folder that lies elsewhere', async () => {
  const root = folder()
  put(root, { 'docs/shared/objectives.md': '- win' })
  const text = await contextIn(root, join(root, 'docs/shared')).prompt(task(), run())
  expect(text).toContain('\n- docs/shared/objectives.md\n')
  expect(text).toContain('docs/shared/agent_outputs/task_001_output.md')
})

test('context files: missing and outside, links followed', async () => {
  const root = folder()
  const other = folder()
  put(other, { 'secret.txt': 's' })
  put(root, { 'a.md': 'a', 'deep/b.md': 'b' })
  mkdirSync(join(root, 'tasks'))
  symlinkSync(join(other, 'secret.txt'), join(root, 'leak.md'))
  symlinkSync(other, join(root, 'leakdir'))
  symlinkSync(join(other, 'not-yet'), join(root, 'dangling.md'))
  symlinkSync('not-yet-either', join(root, 'dangling-inside.md'))
  symlinkSync('deep/b.md', join(root, 'fine.md'))
  symlinkSync('loop.md', join(root, 'loop.md'))
  const outside = ['/etc/passwd', '~/x', '..', 'deep/../a.md', 'leak.md', 'leakdir/secret.txt']
  outside.push('leakdir/none/x', 'dangling.md', 'loop.md', 'a\0b')
  const missing = ['none.md', 'deep/none/x.md', 'a.md/x', 'dangling-inside.md', '']
  const contextFiles = ['a.md', 'deep', 'deep/b.md', 'fine.md', ...outside, ...missing]
  const found = await contextIn(root).check(task({ contextFiles }))
  expect(found).toEqual({ missing, outside })
})
