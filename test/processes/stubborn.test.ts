// Agents that do not end when they are told to, all at once: interrupted at their time-out, killed 30 seconds later.
// And agents that cut the ground from under their own run: they are seen, and followed, also by the next orchestrator.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Outcome } from '../../src/types.ts'
import type { Stage } from '../acceptance/stage.ts'
import { processes } from '../process/world.ts'
import { checked, drop, ledger, type Nasty, neighbours, over, working, yard } from './yard.ts'

const SOON = 'timeout_seconds: 3'

it('ignores signals, stops itself, kills its shim, removes its folder: each is ended by its time-out', async () => {
  const types: Record<string, Nasty> = {
    ignores: { run: 'ignores-signals.sh', more: SOON },
    stops: { run: 'stops-itself.sh', more: SOON },
    shimless: { run: 'kills-shim.sh never', more: SOON },
    removes: { run: 'removes-its-folder.sh never', more: SOON },
  }
  const stage = await yard(types)
  const names = Object.keys(types)
  drop(stage, ...names)
  await stage.until('all of them', () => names.every((name) => stage.runs(name).length === 1))
  await neighbours(stage)
  for (const name of names)
    expect(await over(stage, name), name).toMatchObject({ status: 'timeout', attempt: 1 })
  // Two heed the interrupt and two do not: these come last.
  expect(ledger(stage).slice(-2).sort()).toEqual(['ignores', 'stops'])
  expect(ledger(stage).indexOf('n3')).toBeLessThan(5)
  await checked(stage, 'what does not end', ...names)
}, 120_000)

/** Attempt 1 works on when it has been nasty, while its orchestrator is killed; the next one takes it up. */
async function worksOn(
  stage: Stage,
  id: string,
  nasty: () => boolean,
  ...outcomes: Outcome[]
): Promise<void> {
  drop(stage, id)
  await working(stage, id)
  await stage.until('it has been nasty', nasty)
  const [run] = stage.runs(id)
  const alive = () => processes.ofRun(run?.nonce ?? '', null).length > 0
  process.kill(stage.pid() as number, 'SIGKILL')
  await stage.must('orchestrate start')
  await working(stage, id)
  await neighbours(stage, 'open')
  expect(alive() && stage.files().includes(`assigned/${id}.yaml`), 'it is followed').toBe(true)
  expect(stage.runs(id)).toHaveLength(1)
  stage.write('go', '')
  expect(await over(stage, id)).toMatchObject({ status: 'success', attempt: outcomes.length })
  expect(alive()).toBe(false)
  expect(stage.runs(id).map(({ outcome }) => outcome)).toEqual(outcomes)
}

it('kills its shim, and its orchestrator is killed: it does not work on unseen', async () => {
  const stage = await yard({ shimless: { run: 'kills-shim.sh go' } })
  const shim = () => Number(stage.read('.orchestrate/runs/shimless/1/pid'))
  const nasty = () => processes.started(shim()) === null
  // How attempt 1 came out nobody can tell; attempt 2 is a good one.
  await worksOn(stage, 'shimless', nasty, 'interrupted', 'success')
  await checked(stage, 'a killed shim', 'shimless')
})

it('removes its run folder, and its orchestrator is killed: what is known of it is written again', async () => {
  const stage = await yard({ removes: { run: 'removes-its-folder.sh go' } })
  const there = (name: string) => existsSync(join(stage.at.runs, 'removes/1', name))
  const nasty = () => !there('stdout') && there('run.json') && there('pid')
  // With the folder back, its shim can write down how it ended.
  await worksOn(stage, 'removes', nasty, 'success')
  expect(there('stdout')).toBe(false)
  await checked(stage, 'a removed run folder', 'removes')
})
