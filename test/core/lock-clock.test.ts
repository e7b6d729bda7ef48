// Clocks that jump by days: no lock is stolen, no run is ended, and what waits for a time does not wait for ever.
// Real: libfaketime under the shipped program, its clock set while it runs. Node's monotonic clock is left alone.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { gate, open, type Stage, shell } from '../acceptance/stage.ts'

/** Debian's libfaketime; undefined: not here. */
const LIBRARY = readdirSync('/usr/lib')
  .map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
  .find((path) => existsSync(path))
const CONFIG = `agents:
  shell: { max_instances: 2 }
task_queue: { retry_delay_seconds: 2, max_retries: 1, settle_ms: 50 }
monitoring: { health_check_interval: 1 }
`

interface Clocked {
  stage: Stage
  child: ChildProcess
  set(days: number): void
}

async function clocked(): Promise<Clocked> {
  const stage = open(CONFIG)
  const file = join(dirname(stage.root), 'clock')
  const set = (days: number) => writeFileSync(file, `${days < 0 ? '' : '+'}${days}d`)
  set(0)
  Object.assign(stage.env, {
    ...{ LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1' },
    ...{ FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' },
  })
  const child = spawn('orchestrate', ['start', '--foreground'], {
    ...{ cwd: stage.root, env: stage.env, stdio: 'ignore' },
  })
  stage.later(async () => {
    await stage.type('timeout 20 orchestrate stop --now')
    child.kill('SIGKILL')
  })
  await stage.until('the orchestrator', async () => (await stage.status()).pid === child.pid)
  return { stage, child, set }
}
/** The process reads the false clock anew once a second: one task after the other, until its log has the new day. */
async function worksAt(stage: Stage, days: number): Promise<void> {
  for (let n = 0; n === 0 || !stage.log().includes(`\n${dayAt(days)}`); n++) {
    stage.drop(`b${days}_${n}.yaml`, shell('true'))
    await stage.until('another', () => stage.files().includes(`completed/b${days}_${n}.yaml`))
  }
}
const dayAt = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

it.runIf(LIBRARY)('the false clock is false for Date, and only for Date', () => {
  const script = `const from = performance.now(); setTimeout(() => console.log(Date.now() - ${Date.now()} > 8e8, performance.now() - from < 60000), 10)`
  const env = { ...process.env, LD_PRELOAD: LIBRARY, FAKETIME: '+10d' }
  const said = spawnSync(process.execPath, ['-e', script], {
    env: { ...env, FAKETIME_DONT_FAKE_MONOTONIC: '1' },
  })
  expect(said.stdout.toString()).toBe('true true\n')
})

it.runIf(LIBRARY)('a jump forward and back steals no lock and ends no run', async () => {
  const { stage, child, set } = await clocked()
  stage.drop('a.yaml', shell(gate('go'), 'timeout_minutes: 5\n'))
  await stage.until('it runs', () => stage.runs('a').length === 1)
  for (const days of [10, -10, 400]) {
    set(days)
    const { code, stderr } = await stage.type('orchestrate start')
    expect(code).toBe(1)
    expect(stderr).toContain(`(pid ${child.pid} on `)
    await worksAt(stage, days)
  }
  expect(stage.files()).toContain('assigned/a.yaml')
  stage.write('go', '')
  await stage.until('its end', () => stage.files().includes('completed/a.yaml'))
  const [run, ...more] = stage.runs('a')
  expect(more).toEqual([])
  expect(run?.outcome).toBe('success')
  expect(run?.duration_seconds).toBeGreaterThanOrEqual(0)
  expect(run?.duration_seconds).toBeLessThan(600)
})

it.runIf(LIBRARY)(
  '`not_before` and a retry delay are kept to, whichever way the clock went',
  async () => {
    const { stage, set } = await clocked()
    const soon = new Date(Date.now() + 5 * 86_400_000).toISOString()
    stage.drop('later.yaml', shell('true', `not_before: ${soon}\n`))
    await stage.until('it waits', async () =>
      /not before/.test((await stage.row('pending/later.yaml'))?.reason ?? ''),
    )
    set(-10)
    // The failure is of "ten days ago"; then the clock goes back another ten.
    stage.drop('again.yaml', shell('test -e tried && exit 0; touch tried; exit 1'))
    await stage.until('its failure', () => stage.log().includes('again: attempt 1: failed'))
    set(-20)
    await stage.until('its second attempt', () => stage.files().includes('completed/again.yaml'))
    expect(stage.files()).toContain('pending/later.yaml')
    set(6)
    await stage.until('its time', () => stage.files().includes('completed/later.yaml'), 30_000)
  },
)
