// What a killed orchestrator leaves stands in nobody's way: found by the torture, each kept here as small as it gets.
import { mkdirSync, readlinkSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bootId } from '../../src/process/proc.ts'
import { open, SHELLS, shell } from './stage.ts'

const DEAD = {
  host: hostname(),
  pid: 2 ** 22 + 1,
  started: '1',
  pid_ns: readlinkSync('/proc/self/ns/pid'),
  nonce: 'n',
}

it('killed in the middle of a merge: the next one does not wait until the lock around it is stale', async () => {
  const stage = open(SHELLS)
  stage.drop('a.yaml', shell('true'))
  stage.write('.orchestrate/lock/owner.json', JSON.stringify({ ...DEAD, boot_id: bootId() }))
  mkdirSync(join(stage.at.home, 'context.lock'))
  const begun = performance.now()
  const said = await stage.run(['run'])
  expect(said.code, said.stderr).toBe(0)
  expect(stage.files()).toEqual(['completed/a.yaml'])
  expect(stage.read('context/completed_tasks.json')).toContain('"a"')
  // A lock is stale after 30 s.
  expect(performance.now() - begun).toBeLessThan(25_000)
})

it('a socket that cannot be made: it says so, ends, and keeps nobody out', async () => {
  const stage = open(SHELLS)
  stage.write('.orchestrate/orchestrate.sock/in-the-way', '')
  stage.drop('a.yaml', shell('true'))
  const said = await stage.run(['run'])
  expect(said.code).toBe(1)
  expect(stage.pid()).toBeNull()
  rmSync(join(stage.at.home, 'orchestrate.sock'), { recursive: true })
  expect((await stage.run(['run'])).code).toBe(0)
  expect(stage.files()).toEqual(['completed/a.yaml'])
}, 60_000)
