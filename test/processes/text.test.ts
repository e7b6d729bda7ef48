// What agents print that no one should have to read: bytes that are no text, half lines, what a terminal would obey.
// It ends the run as its exit status says, and reaches people and records as plain text.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Stage } from '../acceptance/stage.ts'
import { checked, config, drop, FOLDER, neighbours, over, yard } from './yard.ts'

/** What a terminal obeys: control characters but line ends and tabs, and marks that turn text around. */
const OBEYED = /(?![\n\t])\p{Cc}|\p{Bidi_Control}/u

const saved = (stage: Stage, id: string) => stage.read(`context/agent_outputs/${id}_output.md`)

it('bytes that are no UTF-8, and half lines: the rest of them is kept', async () => {
  const stage = await yard({ bad: { run: 'bad-text.sh' }, half: { run: 'half-lines.sh' } })
  drop(stage, 'bad', 'half')
  await neighbours(stage)
  for (const id of ['bad', 'half'])
    expect(await over(stage, id)).toMatchObject({ status: 'success' })
  expect(saved(stage, 'bad')).toContain('stray \ufffd\ufffd\ufffd overlong')
  expect(saved(stage, 'bad')).toContain('grün is fine\n')
  expect(saved(stage, 'half')).toContain('one whole line\nand half a line, of half a caf\ufffd\n')
  const shown = (await stage.must('orchestrate logs half')).stdout
  expect(shown).toContain('and half a line, of half a caf\ufffd\n')
  await checked(stage, 'what is no text', 'bad', 'half')
})

it('escape sequences reach neither the terminal nor a file that people read', async () => {
  const stage = await yard({ good: { run: 'escapes.sh 0' }, bad: { run: 'escapes.sh 1' } })
  drop(stage, 'good', 'bad')
  await neighbours(stage)
  expect(await over(stage, 'good')).toMatchObject({ status: 'success' })
  expect(await over(stage, 'bad')).toMatchObject({
    error: expect.stringMatching(/^red .*plain words of complaint$/),
  })
  expect(saved(stage, 'good')).toMatch(/^red .*link.*turned.*plain words$/ms)
  for (const line of ['logs good', 'logs good --raw', 'logs bad', 'show bad', 'status', 'tasks']) {
    const { stdout, stderr } = await stage.type(`orchestrate ${line}`)
    expect(stdout + stderr, line).not.toMatch(OBEYED)
  }
  const context = join(stage.root, 'context')
  const pages = readdirSync(context, { recursive: true, encoding: 'utf8' })
  const records = readdirSync(stage.at.state.failed).map((name) =>
    join(stage.at.state.failed, name),
  )
  for (const path of [
    ...pages.filter((name) => /\.\w+$/.test(name)).map((name) => join(context, name)),
    ...records,
    stage.at.log,
  ])
    expect(readFileSync(path, 'utf8'), path).not.toMatch(OBEYED)
  await checked(stage, 'escape sequences', 'good', 'bad')
})

it('an event that was cut off by a kill is none: the run has not succeeded', async () => {
  const stage = await yard({})
  // claude's own kind reads it, by the name of the type.
  stage.write(
    'config.yaml',
    config({}).replace(
      'agents:\n',
      `agents:\n  claude: { command: "sh '${FOLDER}half-event.sh'" }\n`,
    ),
  )
  await stage.until('claude', async () =>
    (await stage.agents()).some(({ type }) => type === 'claude'),
  )
  stage.drop('cut.yaml', 'description: be cut\npreferred_agent: claude\n')
  await neighbours(stage)
  expect(await over(stage, 'cut')).toMatchObject({
    ...{ status: 'failed', outcome: 'crashed', model: 'cut' },
    error: 'it was ended by signal 9',
  })
  expect(saved(stage, 'cut')).toContain('I was about to')
  await checked(stage, 'half an event', 'cut')
})
