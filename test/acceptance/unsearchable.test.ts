// A folder whose names can be read and whose files cannot be looked at (`chmod 644`, a disk that fails) says nothing of what lies
// in it: no task is gone, no record without its task, no run cancelled. Through the command line, by a user who is not root.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { gate, leftOf, open, SHELLS, type Stage, shell } from './stage.ts'

const isRoot = process.getuid?.() === 0
const AS = isRoot ? 'setpriv --reuid=65534 --regid=65534 --clear-groups ' : ''

/** The stage as a person's who may not look into every folder: root may. */
function theirs(): Stage {
  const stage = open(SHELLS)
  own(stage)
  return stage
}
function own(stage: Stage): void {
  if (isRoot) execFileSync('chown', ['-R', '65534:65534', dirname(stage.root)])
}

/** Longer than settling, and than some looks. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 2500))

it.each(['still works', 'has ended meanwhile'])(
  'a run that %s when its folder cannot be searched is taken up when it can',
  async (how) => {
    const stage = theirs()
    const [begun, go] = [join(stage.root, 'begun'), join(stage.root, 'go')]
    await stage.must(`${AS}orchestrate start`)
    stage.drop('x.yaml', shell(`echo >> ${begun}\n${gate(go)}`))
    own(stage)
    await stage.until('its begin', () => existsSync(begun))
    process.kill(stage.pid() as number, 'SIGKILL')
    chmodSync(stage.at.state.assigned, 0o644)
    stage.later(() => chmodSync(stage.at.state.assigned, 0o755))
    if (how !== 'still works') {
      writeFileSync(go, '')
      const exit = join(stage.at.runs, 'x/1/exit')
      await stage.until('its end', () => /\d/.test(stage.read(exit.slice(stage.root.length))))
    }
    await stage.must(`${AS}orchestrate start`)
    await aWhile()
    expect(stage.runs('x')).toEqual([expect.not.objectContaining({ outcome: expect.anything() })])
    expect(stage.runs('x')[0]).not.toHaveProperty('stopping')
    expect(stage.log().match(/tasks\/assigned cannot be searched/g)).toHaveLength(1)

    chmodSync(stage.at.state.assigned, 0o755)
    writeFileSync(go, '')
    await stage.until('its end', () => stage.files().join() === 'completed/x.yaml')
    expect(stage.runs('x')).toMatchObject([{ outcome: 'success', settled: 'completed' }])
    expect(stage.read('begun')).toBe('\n')
    await stage.must(`${AS}orchestrate stop`)
    expect((await stage.must(`${AS}orchestrate verify`)).stdout).toBe('')
  },
)

it('what outlives its agent is ended, though the folder of its task cannot be searched', async () => {
  const stage = theirs()
  const [begun, go] = [join(stage.root, 'begun'), join(stage.root, 'go')]
  await stage.must(`${AS}orchestrate start`)
  stage.drop('x.yaml', shell(`sleep 600 &\necho >> ${begun}\n${gate(go)}`))
  own(stage)
  await stage.until('its begin', () => existsSync(begun))
  process.kill(stage.pid() as number, 'SIGKILL')
  chmodSync(stage.at.state.assigned, 0o644)
  stage.later(() => chmodSync(stage.at.state.assigned, 0o755))
  await stage.must(`${AS}orchestrate start`)
  writeFileSync(go, '')
  await stage.must(`${AS}timeout 25 orchestrate stop --now`)
  expect(leftOf(stage.root)).toEqual([])
  chmodSync(stage.at.state.assigned, 0o755)
  await stage.must(`${AS}orchestrate start`)
  await stage.until('its end', () => stage.files().join() === 'completed/x.yaml')
  expect(stage.runs('x')).toMatchObject([{ outcome: 'success', settled: 'completed' }])
  await stage.must(`${AS}orchestrate stop`)
})

it('records in a folder that cannot be searched stay, and the work goes on', async () => {
  const stage = theirs()
  const record = '# written by orchestrate; derived from the run folder, may be written again\n'
  stage.drop('x.yaml', shell('false'), 'failed')
  stage.drop('x_result.yaml', `${record}task_id: x\nattempt: 1\n`, 'failed')
  own(stage)
  chmodSync(stage.at.state.failed, 0o644)
  stage.later(() => chmodSync(stage.at.state.failed, 0o755))
  await stage.must(`${AS}orchestrate start`)
  await aWhile()
  stage.drop('a.yaml', shell('true'))
  own(stage)
  await stage.until('the end of another', () => stage.files().includes('completed/a.yaml'))
  await stage.must(`${AS}orchestrate stop`)
  chmodSync(stage.at.state.failed, 0o755)
  expect(stage.files()).toEqual(['completed/a.yaml', 'failed/x.yaml'])
  expect(stage.result('x')).toMatchObject({ task_id: 'x' })
})
