// agent_outputs/<id>_output.md. Promises: the agent's own words in the form of the specification;
// never over a file of an agent's or a person's; the same attempt twice is once.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createContext } from '../../src/context/context.ts'
import { end, folder, put } from './sample.ts'

const OUTPUT = 'context/agent_outputs/task_001_output.md'

function open(root: string, updateOnCompletion = true) {
  const told: string[] = []
  const tell = (text: string) => told.push(text)
  const context = createContext({ root, directory: 'context', updateOnCompletion, tell })
  return { context, told, read: () => readFileSync(join(root, OUTPUT), 'utf8') }
}

/** Gives the output file the time of `minutes` after the assignment of task 1. */
const touch = (root: string, minutes: number) => {
  const time = new Date(Date.parse(end(1).record.assigned_at) + minutes * 60_000)
  utimesSync(join(root, OUTPUT), time, time)
}

test('it says what was asked, how it went, and what the agent said', async () => {
  const root = folder()
  const { context, read, told } = open(root)
  const said = 'Test System: \u001b[31mred\u001b[0m\u0007\r\n\r\nDone.'
  expect(await context.finish(end(1, {}, said))).toBe(OUTPUT)
  expect(read()).toBe(
    [
      '## Task: Build part 1',
      '- Id: task_001, attempt 1',
      '- Agent: agent_01 (claude)',
      '- Status: success',
      '- Completed: 2026-01-15T10:03:00.000Z',
      '',
      '### Result:',
      'Test System: red',
      '',
      'Done.',
      '',
      '### Files Modified:',
      '- src/part-1.ts',
      '',
      '<!-- orchestrate: task_001 attempt 1, 2026-01-15T10:02:00.000Z -->',
      '',
    ].join('\n'),
  )
  expect(told).toEqual([])
})

test('a failure has its error; unknown files are said to be unknown', async () => {
  const { context, read } = open(folder())
  await context.finish(
    end(1, { status: 'failed', outcome: 'failed', error: 'exit 3', files_modified: 'unknown' }, ''),
  )
  expect(read()).toContain('### Error:\nexit 3\n')
  expect(read()).toContain('- Status: failed\n')
  expect(read()).toContain('The agent said nothing.')
  expect(read()).toContain('Not known')
})

test('without update_on_completion it is all that is written', async () => {
  const root = folder()
  await open(root, false).context.finish(end(1))
  expect(readdirSync(join(root, 'context'))).toEqual(['agent_outputs'])
  expect(existsSync(join(root, '.orchestrate'))).toBe(false)
})

test('twice is once, by the inode', async () => {
  const root = folder()
  const { context } = open(root)
  await context.finish(end(1))
  touch(root, -60)
  const before = statSync(join(root, OUTPUT)).ino
  await context.finish(end(1))
  expect(statSync(join(root, OUTPUT)).ino).toBe(before)
})

test('a file that the agent wrote during its run stays', async () => {
  const root = folder()
  put(root, { [OUTPUT]: '# My own report\n' })
  touch(root, 1)
  const { context, read } = open(root)
  await context.finish(end(1))
  expect(read()).toBe('# My own report\n')
})

test('a new attempt replaces ours, and so does attempt 1 of a later series', async () => {
  const root = folder()
  const { context, read } = open(root)
  await context.finish(end(1, {}, 'first'))
  touch(root, 1)
  const later = { assigned_at: '2026-02-01T00:00:00Z', completed_at: '2026-02-01T00:01:00Z' }
  await context.finish(end(1, { ...later, attempt: 2 }, 'second'))
  expect(read()).toContain('second')
  touch(root, 1)
  await context.finish(end(1, later, 'again'))
  expect(read()).toContain('again')
  expect(readdirSync(join(root, 'context/agent_outputs'))).toHaveLength(1)
})

test('an older file of someone else moves aside, and nothing is lost', async () => {
  const root = folder()
  put(root, { [OUTPUT]: 'a person wrote this', [`${OUTPUT}.before-1`]: 'older still' })
  touch(root, -60)
  const { context, read } = open(root)
  await context.finish(end(1))
  expect(read()).toContain('All is done.')
  expect(readFileSync(join(root, `${OUTPUT}.before-1`), 'utf8')).toBe('older still')
  expect(readFileSync(join(root, `${OUTPUT}.before-2`), 'utf8')).toBe('a person wrote this')
})

test('links are refused and told, and the rest goes on', async () => {
  const root = folder()
  const other = folder()
  put(other, { victim: 'v' })
  mkdirSync(join(root, 'context/agent_outputs'), { recursive: true })
  symlinkSync(join(other, 'victim'), join(root, OUTPUT))
  const { context, told } = open(root)
  expect(await context.finish(end(1))).toBe(OUTPUT)
  expect(lstatSync(join(root, OUTPUT)).isSymbolicLink()).toBe(true)
  expect(readFileSync(join(other, 'victim'), 'utf8')).toBe('v')
  expect(told).toEqual([expect.stringContaining(OUTPUT)])
  expect(existsSync(join(root, 'context/completed_tasks.json'))).toBe(true)
})

test('a folder of outputs that leads out of the workspace is refused', async () => {
  const root = folder()
  const other = folder()
  put(root, { 'context/current_state.md': '' })
  symlinkSync(other, join(root, 'context/agent_outputs'))
  const { context, told } = open(root)
  await context.finish(end(1))
  expect(readdirSync(other)).toEqual([])
  expect(told).toEqual([expect.stringContaining('leads out')])
})
