// Two orchestrators on one workspace, through the shipped program: the second refuses and names the first; one that was
// suspended while another took over leaves when it wakes, before it moves or writes anything.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { gate, living, open, SHELLS, type Stage, shell, stateOf } from '../acceptance/stage.ts'

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
const namespaces = spawnSync('unshare', ['-p', '-f', '--mount-proc', 'true']).status === 0

/** An orchestrator whose exit status the test gets to know; `before` stands before its command. */
async function foreground(stage: Stage, before: string[] = []): Promise<ChildProcess> {
  const [program = '', ...args] = [...before, 'orchestrate', 'start', '--foreground']
  const child = spawn(program, args, { cwd: stage.root, env: stage.env, stdio: 'ignore' })
  stage.later(() => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
  })
  await stage.until('the orchestrator', async () => (await stage.status()).pid !== null)
  return child
}

const stopped = (child: ChildProcess) => stateOf(Number(child.pid)) === 'T'

it('the second refuses, by `start`, `start --foreground` and `run`, and names the first', async () => {
  const stage = open(SHELLS)
  const first = await foreground(stage)
  for (const line of ['start', 'start --foreground', 'run']) {
    const { code, stderr } = await stage.type(`orchestrate ${line}`)
    expect({ line, code }).toEqual({ line, code: 1 })
    expect(stderr).toContain(`(pid ${first.pid} on `)
  }
  expect(stage.pid()).toBe(first.pid)
})

it.runIf(has('strace'))(
  'one that was suspended past its lock moves and writes nothing when it wakes',
  async () => {
    const stage = open(SHELLS)
    const old = await foreground(stage)
    stage.drop('a.yaml', shell(`echo a >>ledger\n${gate('go')}`))
    stage.drop('b.yaml', shell(`echo b >>ledger\n${gate('stay')}`))
    await stage.until('both run', () => stage.files().join() === 'assigned/a.yaml,assigned/b.yaml')
    await stage.until('both began', () => stage.read('ledger').length === 4)
    const trace = join(dirname(stage.root), 'trace')
    // Fixed to it before it stops; `-f`: the threads that do its file calls, too.
    const calls =
      'trace=/^(rename|unlink|mkdir|rmdir|link|symlink|open|creat|truncate|ftruncate|kill)'
    const strace = spawn('strace', ['-f', '-qq', '-p', `${old.pid}`, '-o', trace, '-e', calls], {
      stdio: 'ignore',
    })
    stage.later(() => strace.kill('SIGKILL'))
    await stage.until(
      'its tracer',
      () => existsSync(trace) && readFileSync(trace, 'utf8').length > 0,
    )
    old.kill('SIGSTOP')
    await stage.until('it stands still', () => stopped(old) || stateOf(Number(old.pid)) === 't')

    const refused = await stage.type('orchestrate start')
    expect(refused.code, 'a stopped process still counts as alive').toBe(1)
    expect(refused.stderr).toContain(`(pid ${old.pid} on `)
    expect(refused.stderr).toMatch(/suspended|stopped/)

    renameSync(stage.at.lock, join(dirname(stage.root), 'lock-aside'))
    const next = await foregroundBeside(stage, Number(old.pid))
    stage.write('go', '')
    stage.drop('c.yaml', shell('echo c >>ledger'))
    await stage.until(
      'a and c',
      () => stage.files().join() === 'assigned/b.yaml,completed/a.yaml,completed/c.yaml',
    )
    // What the old one would act on, were it to look once more.
    stage.write('stay', '')
    stage.drop('d.yaml', shell('echo d >>ledger'))
    const from = readFileSync(trace, 'utf8').length
    const ended = new Promise<number | null>((resolve) => old.once('exit', resolve))
    old.kill('SIGCONT')
    expect(await ended).toBe(1)
    await stage.until(
      'the rest',
      () =>
        stage.files().every((file) => file.startsWith('completed/')) && stage.files().length === 4,
    )
    await stage.until(
      'its last call',
      () => !living(strace.pid ?? null) || strace.exitCode !== null,
    )

    const done = readFileSync(trace, 'utf8').slice(from).split('\n')
    const writes = done.filter((line) =>
      /rename|unlink|mkdir|rmdir|symlink|truncate|O_WRONLY|O_RDWR|O_CREAT|kill\(/.test(line),
    )
    const log = (line: string) => line.includes('orchestrate.log')
    expect(writes.filter((line) => !log(line) && !/SIGCONT|"\/dev\/|"\/proc\//.test(line))).toEqual(
      [],
    )
    expect(stage.read('ledger').split('\n').filter(Boolean).sort()).toEqual(['a', 'b', 'c', 'd'])
    for (const id of ['a', 'b', 'c', 'd'])
      expect(stage.runs(id).map((run) => run.outcome)).toEqual(['success'])
    await stage.until('the last line', () => stage.log().match(/attempt 1: success/g)?.length === 4)
    expect(stage.log()).toContain('another orchestrator took over')
    expect((await stage.status()).pid).toBe(next.pid)
  },
  120_000,
)

/** A second one, once the lock is free; its socket answers with its own pid. */
async function foregroundBeside(stage: Stage, other: number): Promise<ChildProcess> {
  const child = spawn('orchestrate', ['start', '--foreground'], {
    cwd: stage.root,
    env: stage.env,
    stdio: 'ignore',
  })
  stage.later(() => child.kill('SIGKILL'))
  await stage.until('the next one', async () => {
    const { pid } = await stage.status()
    return pid !== other && pid === child.pid
  })
  return child
}

it.runIf(namespaces)(
  'one in another pid namespace cannot judge the first, and refuses also when that is dead',
  async () => {
    const stage = open(SHELLS)
    const first = await foreground(stage)
    const inside = 'unshare -p -f --mount-proc orchestrate start --foreground'
    const refused = await stage.type(inside)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(`(pid ${first.pid} on `)
    first.kill('SIGKILL')
    await stage.until('its end', () => !living(Number(first.pid)))
    const still = await stage.type(inside)
    expect(still.code).toBe(1)
    expect(still.stderr).toContain('if it is gone, remove')
  },
)
