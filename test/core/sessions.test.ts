// Sessions (specification 9.2.4): an agent goes on with what it knows, after a person's feedback or in a task that continues another.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type House, open, simulated } from './harness.ts'

async function house() {
  const all = open()
  all.settings.agents = {
    claude: simulated(1, { env: { SIM_SESSIONS: join(all.at.root, 'sessions') } }),
  }
  await all.orchestrator.start()
  return all
}
const ends = (all: House, id: string, where: string) =>
  all.until(`${id} in ${where}`, () => all.files().includes(`${where}/${id}.yaml`))
const prompt = (all: House, id: string, attempt: number) =>
  readFileSync(join(all.at.runs, id, String(attempt), 'prompt.md'), 'utf8')

it('retry with feedback goes on with the session, and says what was wrong', async () => {
  const all = await house()
  all.drop('a.yaml', 'description: Write the tests SIM:fail-once\n')
  await ends(all, 'a', 'failed')
  await all.orchestrator.retry('a', 'They do not run on Windows.')
  await ends(all, 'a', 'completed')
  const [first, second] = await all.runs('a')
  expect(second).toMatchObject({ resumed: true, session_id: first?.session_id })
  expect(prompt(all, 'a', 2)).toMatch(/A person said of your last attempt:\nThey do not run on Win/)
  expect(prompt(all, 'a', 2)).not.toMatch(/Write the tests/)
})

it('a task that continues another waits for it, and has its session', async () => {
  const all = await house()
  all.drop('b.yaml', 'description: Now the docs\ncontinues: a\n')
  await all.until('the wait', () =>
    /no such task/.test(all.views()['pending/b.yaml']?.reason ?? ''),
  )
  all.drop('a.yaml', 'description: Write the tests\n')
  await ends(all, 'b', 'completed')
  const [[first], [second]] = [await all.runs('a'), await all.runs('b')]
  expect(second).toMatchObject({ resumed: true, session_id: first?.session_id })
  expect(prompt(all, 'b', 1)).toMatch(/^Now the docs/)
})

it('a session that is gone costs no attempt: it starts afresh, and says so', async () => {
  const all = await house()
  all.drop('a.yaml', 'description: Write the tests\n')
  await ends(all, 'a', 'completed')
  rmSync(join(all.at.root, 'sessions'), { recursive: true })
  all.drop('b.yaml', 'description: Now the docs\ncontinues: a\n')
  await ends(all, 'b', 'completed')
  const [first, second] = await all.runs('b')
  expect(first).toMatchObject({ outcome: 'never-started', settled: 'pending' })
  expect(second?.resumed).toBeUndefined()
  expect(all.events.map(({ text }) => text).join('\n')).toMatch(/session .*gone|No conversation/)
})
