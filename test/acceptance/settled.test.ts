// What was settled before a start is shown as its row says, and read only by who asks for it. Through the command line.
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import initSqlJs from 'sql.js'
import { expect, it } from 'vitest'
import { SHELLS, type Stage, shell, started } from './stage.ts'

const DB = 'tasks.db'

async function settled(): Promise<Stage> {
  const stage = await started(SHELLS)
  stage.drop('a.yaml', shell('echo again >> said'))
  stage.drop('named.yaml', shell('true', 'id: b\n'))
  stage.drop('c.yaml', shell('exit 1'))
  const all = ['completed/a.yaml', 'completed/named.yaml', 'failed/c.yaml']
  await stage.until('their end', () => stage.files().join() === all.join())
  await stage.until('their records', () => ['a', 'b', 'c'].every((id) => stage.result(id)))
  await stage.must('orchestrate stop')
  return stage
}

/** So that it is seen who believes the rows. */
async function mark(stage: Stage): Promise<void> {
  const { Database } = await initSqlJs()
  const db = new Database(readFileSync(join(stage.root, DB)))
  db.run(`UPDATE tasks SET description = 'as its row says'`)
  writeFileSync(join(stage.root, DB), db.export())
  db.close()
}

const described = async (stage: Stage) =>
  Object.fromEntries((await stage.tasks()).map(({ id, description }) => [id, description.trim()]))
const ROW = 'as its row says'

it('a start believes the rows of files that are the same, and reads what is asked for', async () => {
  const stage = await settled()
  await mark(stage)
  await stage.must('orchestrate start')
  expect(await described(stage)).toEqual({ a: ROW, b: ROW, c: ROW })

  stage.drop('after.yaml', shell('true', 'dependencies: [B]\n'))
  stage.drop('other.yaml', shell('echo never >> said', 'id: A\n'))
  await stage.until('what depends on it', () => stage.files().includes('completed/after.yaml'))
  await stage.until(
    'the second of an id',
    async () => (await stage.row('pending/other.yaml'))?.status === 'held',
  )
  expect(await described(stage)).toMatchObject({ a: 'echo again >> said', b: 'true', c: ROW })
  rmSync(join(stage.at.state.pending, 'other.yaml'))

  await stage.must('orchestrate retry a')
  await stage.until('its second end', () => stage.read('said') === 'again\nagain\n')
  await stage.must('orchestrate retry c')
  await stage.until('the other too', () => stage.runs('c').length === 2)
  await stage.until('its end', () => stage.files().includes('failed/c.yaml'))
  expect((await stage.must('orchestrate verify')).stdout).toBe('')
  await stage.must('orchestrate stop')
})

it('a file, a run or a record that is another one is read again, and so is all by other rules', async () => {
  const stage = await settled()
  await mark(stage)
  appendFileSync(join(stage.at.state.completed, 'a.yaml'), 'priority: high\n')
  const run = join(stage.at.runs, 'b', '1', 'run.json')
  writeFileSync(run, JSON.stringify({ ...JSON.parse(readFileSync(run, 'utf8')), error: 'other' }))
  await stage.must('orchestrate start')
  await stage.until('its run', async () => (await stage.row('completed/named.yaml'))?.error)
  expect(await described(stage)).toEqual({ a: 'echo again >> said', b: 'true', c: ROW })
  expect(await stage.row('completed/a.yaml')).toMatchObject({ priority: 'high' })
  await stage.must('orchestrate stop')

  await mark(stage)
  stage.write(
    'config.yaml',
    `${SHELLS}context: {}\n`.replace('max_retries: 0', 'max_retries: 0, default_priority: low'),
  )
  await stage.must('orchestrate start')
  expect(Object.values(await described(stage))).not.toContain(ROW)
  expect((await stage.type('orchestrate verify')).stderr).not.toContain('index-differs')
})

it('after a kill, too, and what is gone meanwhile is not shown', async () => {
  const stage = await settled()
  await stage.must('orchestrate start')
  process.kill(stage.pid() ?? 0, 'SIGKILL')
  rmSync(join(stage.at.state.completed, 'a.yaml'))
  await mark(stage)
  await stage.must('orchestrate start')
  await stage.until('that it is gone', async () => !(await stage.row('completed/a.yaml')))
  expect(await described(stage)).toEqual({ b: ROW, c: ROW })
  await stage.must('orchestrate stop')
  const listed = JSON.parse((await stage.must('orchestrate tasks --json')).stdout)
  expect(listed).toMatchObject([{ id: 'b', description: ROW, status: 'completed' }, { id: 'c' }])
})
