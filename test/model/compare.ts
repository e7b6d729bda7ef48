// Waits until the workspace is as the model says, and then looks at every promise. Promises: waits for what must come,
// never for a time; a difference is told as both sides saw it.
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { STATES } from '../../src/types.ts'
import { files, type Model, rest } from './promises.ts'
import type { World } from './world.ts'

export async function compare(model: Model, world: World): Promise<void> {
  rest(model)
  const want = [...files(model).keys()].sort()
  await world.stage.until(`rest\n${JSON.stringify(model.tasks)}`, async () => {
    expect(world.stage.files()).toEqual(want)
    await atRest(model, world)
    return true
  })
  for (const task of Object.values(model.tasks)) task.moving = false
  for (const [file, version] of files(model)) {
    const path = join(world.stage.at.tasks, file)
    const { text, inode } = world.written(file.slice(file.indexOf('/') + 1, -5), version)
    expect(readFileSync(path, 'utf8'), `the bytes of ${file}`).toBe(text)
    expect(lstatSync(path).ino, `the inode of ${file}`).toBe(inode)
  }
  const rows = world.ledger()
  expect(new Set(rows.map(({ mark }) => mark)).size, 'an attempt twice').toBe(rows.length)
  for (const { id, shelved } of Object.values(model.tasks))
    for (const one of shelved) isShelved(world, id, one)
}

/** What may take a moment: attempts begun and ended, the index, our records, no draft left. */
async function atRest(model: Model, world: World): Promise<void> {
  const rows = world.ledger()
  const shown = new Map((await world.stage.tasks()).map((row) => [row.file.slice(6), row.status]))
  expect([...shown.keys()].sort(), 'the index').toEqual([...files(model).keys()].sort())
  for (const { id, main, held, running, starts, success } of Object.values(model.tasks)) {
    const own = rows.filter((row) => row.id === id)
    expect(own.length, `attempts of ${id} that began`).toBe(starts)
    if (running !== null) {
      expect(own.at(-1), `what runs of ${id}`).toMatchObject({ version: running, ended: false })
      expect(world.stage.runs(id).at(-1)?.outcome, `the end of ${id}`).toBeUndefined()
    } else expect(world.lives(id), `a process of ${id}`).toBe(false)
    if (held !== null) expect(shown.get(`pending/${id}.yaml`)).toBe('held')
    else if (main?.place === 'pending') expect(shown.get(`pending/${id}.yaml`)).toBe('held')
    const newest = world.stage.runs(id).at(-1)
    if (newest && running === null)
      expect(newest.outcome === 'success' && !newest.released, `success of ${id}`).toBe(success)
  }
  const drafts = STATES.flatMap((state) => readdirSync(world.stage.at.state[state])).filter(
    (name) => name.startsWith('.'),
  )
  expect(drafts, 'drafts').toEqual([])
}

/** A file that gave way to another lies in the folder of its run. */
function isShelved(world: World, id: string, version: number): void {
  const folder = join(world.stage.at.runs, id)
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const found = all
    .filter((name) => /-[^/]*\.yaml$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
  expect(found, `what was put away of ${id}`).toContain(world.written(id, version).text)
}
