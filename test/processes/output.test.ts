// Agents that print more than anyone will read: within their quota it is read in bounded steps, beyond it they are ended.
// The short form is always on; ORCHESTRATE_FULL=1 is 1 GB, and a line of 200 MB.
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Stage } from '../acceptance/stage.ts'
import { checked, drop, FULL, ledger, neighbours, over, peakMb, working, yard } from './yard.ts'

const [MUCH, LONG] = FULL ? [1024, 200] : [64, 20]
const mb = (stage: Stage, id: string, name: string) =>
  statSync(join(stage.at.runs, id, '1', name)).size / 2 ** 20

it('prints for ever: it is ended by its quota, and a person is asked', async () => {
  const quota = 'max_output_mb: 4'
  const stage = await yard({
    fills: { run: 'fills.sh', more: quota },
    deaf: { run: 'fills.sh deaf', more: quota },
  })
  drop(stage, 'fills', 'deaf')
  for (const id of ['fills', 'deaf']) {
    expect(await over(stage, id), id).toMatchObject({
      ...{ status: 'failed', outcome: 'failed', attempt: 1, needs_review: true },
      error: 'it wrote more than 4 MB of output',
    })
    // Both streams together, and both are kept.
    for (const name of ['stdout', 'stderr']) expect(mb(stage, id, name), name).toBeGreaterThan(1)
  }
  await neighbours(stage)
  expect(stage.files()).toContain('failed/deaf.yaml')
  await checked(stage, 'a quota of output', 'fills', 'deaf')
}, 120_000)

for (const [what, run, size] of [
  [`${MUCH} MB`, `prints.sh ${MUCH}`, MUCH],
  [`one line of ${LONG} MB`, `one-line.sh ${LONG}`, LONG],
] as const)
  it(`prints ${what}, while \`logs -f\` follows: the neighbours are done before, the end is read`, async () => {
    const stage = await yard({ much: { run: `${run} go`, more: 'max_output_mb: 2000' } })
    drop(stage, 'much')
    await working(stage, 'much')
    const follower = spawn('sh', ['-c', 'exec orchestrate logs -f much'], {
      cwd: stage.root,
      env: stage.env,
    })
    stage.later(() => follower.kill('SIGKILL'))
    let [bytes, end] = [0, '']
    follower.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      end = (end + chunk.toString('latin1')).slice(-100)
    })
    await stage.until('all of it', () => mb(stage, 'much', 'stdout') > size, 120_000)
    await neighbours(stage, 'not yet')
    await stage.until('the follower', () => end.endsWith('the last line\n'), 240_000)
    const peak = peakMb(follower.pid as number)
    stage.write('go', '')
    expect(await over(stage, 'much', 120_000)).toMatchObject({ status: 'success' })
    expect(ledger(stage)).toEqual(['n1', 'n2', 'n3', 'much'])
    const answer = stage.read('context/agent_outputs/much_output.md')
    expect(answer).toContain('the last line\n')
    expect(answer.length).toBeLessThan(300 * 1024)
    // A line is shown to its first MiB.
    if (run.startsWith('prints')) expect(bytes).toBeGreaterThan(size * 2 ** 20)
    console.log(`logs -f of ${what}: at most ${peak.toFixed(0)} MB`)
    expect(peak).toBeLessThan(200)
    await checked(stage, what, 'much')
  }, 600_000)
