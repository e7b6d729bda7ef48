// A run whose run.json cannot be written for a while (a full disk; here a folder in its place): what was not written did
// not happen, and is done when it can be.
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type House, open, shell } from './harness.ts'

/** Returns what makes it writable again. */
function blocked(house: House, id: string): () => void {
  const path = join(house.at.runs, id, '1/run.json')
  renameSync(path, `${path}.aside`)
  mkdirSync(path)
  return () => {
    rmdirSync(path)
    renameSync(`${path}.aside`, path)
  }
}

const begun = (house: House, id: string) =>
  house.until('it runs', () => {
    const pid = join(house.at.runs, id, '1/pid')
    return existsSync(pid) && readFileSync(pid, 'utf8') !== ''
  })
const told = (house: House) =>
  house.until('the trouble is told', () => house.log.some((line) => /EISDIR/.test(line)))

it('is interrupted as soon as that can be written', async () => {
  const house = open()
  await house.orchestrator.start()
  house.drop('a.yaml', shell('sleep 600'))
  await begun(house, 'a')
  const free = blocked(house, 'a')
  renameSync(join(house.at.state.assigned, 'a.yaml'), join(house.at.state.failed, 'a.yaml'))
  await told(house)
  free()
  await house.until('its end', async () => (await house.runs('a'))[0]?.outcome === 'cancelled')
})

it('goes back to pending/ only when its end is written', async () => {
  const house = open((settings) => {
    settings.queue.maxRetries = 1
  })
  await house.orchestrator.start()
  const gate = join(house.at.root, 'gate')
  house.drop('a.yaml', shell(`while ! test -e '${gate}'; do sleep 0.02; done\nexit 3`))
  await begun(house, 'a')
  const free = blocked(house, 'a')
  writeFileSync(gate, '')
  await told(house)
  // Twice: the second look must not believe what the first could not write.
  house.log.length = 0
  await told(house)
  expect(house.files()).toEqual(['assigned/a.yaml'])
  // It holds that task until then, and takes no other.
  expect(house.agents().map(({ state }) => state)).toEqual(['busy', 'idle'])
  free()
  await house.until('the end', () => house.files().includes('failed/a.yaml'))
  expect((await house.runs('a')).map(({ outcome }) => outcome)).toEqual(['failed', 'failed'])
})
