// A fork of hundreds. Without a limit its neighbours do not notice; when it uses up the process limit of its user, so that
// the orchestrator itself can start nothing, that is the machine's failure: others wait for its end, and are not blamed.
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { open } from '../acceptance/stage.ts'
import { checked, config, drop, ledger, neighbours, over, working, yard } from './yard.ts'

it('forks hundreds: the neighbours do their work meanwhile, and none of them is left', async () => {
  const stage = await yard({ many: { run: 'forks-many.mjs 300 go' } })
  drop(stage, 'many')
  await working(stage, 'many')
  await neighbours(stage)
  expect(await over(stage, 'many')).toMatchObject({ status: 'success' })
  expect(ledger(stage)).toEqual(['n1', 'n2', 'n3', 'many'])
  await checked(stage, 'a fork of hundreds', 'many')
})

/** Of nobody else on this machine: a limit counts all of a user's tasks, and does not bind root. */
const USER = 54_321
const AS = `setpriv --reuid=${USER} --regid=${USER} --clear-groups`
/** Threads count; the orchestrator has a dozen. */
const LIMIT = 80
/** Threads of that user. What has ended counts until init takes it away, and some inits take their time. */
const tasks = () =>
  spawnSync('ps', ['-L', '-U', `${USER}`, '-o', 'stat='])
    .stdout.toString()
    .split('\n')
    .filter((stat) => stat !== '' && !stat.startsWith('Z')).length
const root = process.getuid?.() === 0
const can =
  root && spawnSync('sh', ['-c', `${AS} node --version && prlimit --version`]).status === 0

it.skipIf(!can)(
  'uses up the process limit of its user: the neighbours wait for its end (needs root, setpriv, prlimit)',
  async () => {
    const many = { run: 'forks-many.mjs 300 never', more: 'timeout_seconds: 8' }
    const stage = open(config({ many }))
    spawnSync('chown', ['-R', `${USER}:${USER}`, dirname(stage.root)])
    stage.later(() => stage.type(`${AS} orchestrate stop --now`))
    await stage.must(`${AS} prlimit --nproc=${LIMIT} orchestrate start`)
    drop(stage, 'many')
    await stage.until('all are used up', () => tasks() >= LIMIT)
    await neighbours(stage)
    expect(stage.log()).toContain('nothing is claimed for now: no process could be started')
    expect(await over(stage, 'many')).toMatchObject({ status: 'timeout', attempt: 1 })
    for (const id of ['n1', 'n2', 'n3'])
      expect(
        stage.runs(id).map(({ outcome }) => outcome),
        id,
      ).toEqual(['success'])
    expect(tasks()).toBeLessThan(LIMIT / 2)
    await checked(stage, 'a process limit', 'many')
  },
  120_000,
)
