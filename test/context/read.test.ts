// The shared context as one value. Promises: the shapes of specification 6.1; missing is empty;
// bounded whatever lies there; links that lead out are not followed.
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createContext } from '../../src/context/context.ts'
import { readSharedContext } from '../../src/context/read.ts'
import { end, folder, put } from './sample.ts'

test('missing is empty', async () => {
  const root = folder()
  expect(await readSharedContext(root, join(root, 'context'))).toEqual({
    projectOverview: '',
    currentObjectives: [],
    completedTasks: [],
    codeStructure: {},
    knownIssues: [],
    agentNotes: {},
  })
})

test('each file in its shape', async () => {
  const root = folder()
  put(root, {
    'context/project_overview.md': '\uFEFFProject: Test System\n',
    'context/objectives.md': '# Goals\n\n- ship\n* [ ] test\r\n1. measure\n- [x] done\nprose\n',
    'context/known_issues.md': '- slow start\n',
    'context/code_structure.md':
      '- src/core: the idea\n- `node:fs`: disk\n- __proto__: odd\n- no description\n',
    'context/agent_notes/agent_01.md': 'use tabs\n',
    'context/agent_notes/.hidden.md': 'no',
  })
  const context = createContext({ root, directory: 'context', updateOnCompletion: true })
  await context.finish(end(1, { needs_review: true }, 'Long story.\n\nBuilt part\n1.'))
  const shared = await context.read()
  expect(shared.projectOverview).toBe('Project: Test System\n')
  expect(shared.currentObjectives).toEqual(['ship', 'test', 'measure'])
  expect(shared.knownIssues).toEqual(['slow start'])
  expect(Object.entries(shared.codeStructure)).toEqual([
    ['src/core', 'the idea'],
    ['node:fs', 'disk'],
    ['__proto__', 'odd'],
  ])
  expect(shared.agentNotes).toEqual({ agent_01: 'use tabs\n' })
  expect(shared.completedTasks).toEqual([
    {
      taskId: 'task_001',
      attempt: 1,
      status: 'success',
      description: 'Build part 1',
      summary: 'Built part 1.',
      agentId: 'agent_01',
      agentType: 'claude',
      completedAt: '2026-01-15T10:03:00.000Z',
      outputFile: 'context/agent_outputs/task_001_output.md',
      filesModified: ['src/part-1.ts'],
      needsReview: true,
    },
  ])
})

test('bounded and unharmed by large files, FIFOs and links out', async () => {
  const root = folder()
  const other = folder()
  put(other, { secret: '- secret\n' })
  put(root, {
    'context/project_overview.md': 'start\n',
    'context/agent_outputs/task_001_output.md': '',
    'context/agent_notes/agent_01.md': `${'old\n'.repeat(50_000)}latest\n`,
    'context/completed_tasks.json': 'broken',
  })
  truncateSync(join(root, 'context/project_overview.md'), 100 << 20)
  truncateSync(join(root, 'context/agent_outputs/task_001_output.md'), 100 << 20)
  execFileSync('mkfifo', [join(root, 'context/objectives.md')])
  symlinkSync(join(other, 'secret'), join(root, 'context/known_issues.md'))
  mkdirSync(join(root, 'context/code_structure.md'))
  const begun = performance.now()
  const shared = await readSharedContext(root, join(root, 'context'))
  expect(performance.now() - begun).toBeLessThan(1000)
  expect(shared.projectOverview).toBe('start\n')
  expect(shared.agentNotes.agent_01?.endsWith('old\nlatest\n')).toBe(true)
  expect(shared.agentNotes.agent_01?.length).toBeLessThanOrEqual(64 << 10)
  expect(shared.currentObjectives).toEqual([])
  expect(shared.knownIssues).toEqual([])
  expect(shared.codeStructure).toEqual({})
  expect(shared.completedTasks).toEqual([])
})
