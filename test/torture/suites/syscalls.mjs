// No name of ours, no function of node: the kernel itself refuses, or kills, at every changing system call of a golden run, by
// Debian's strace. One thread in the pool, for strace counts by thread; `-b execve` lets go of the agents, so that only the
// orchestrator is hit.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { judge, recovered } from '../case.mjs'
import { close, makeWorld, orchestrate } from '../world.mjs'

const CALLS = ['mkdir', 'rename', 'unlink', 'rmdir', 'fsync', 'pwrite64', 'chmod', 'fchmod']
/** Made for each task; where one is seldom met, the suite looks past what the program does: it once made its writes by another call. */
const SURELY = ['mkdir', 'rename', 'unlink', 'fsync', 'pwrite64']
const MODES = { kill: 'signal=KILL', ENOSPC: 'error=ENOSPC', EIO: 'error=EIO' }
/** A removal needs no space. */
const CAN = { kill: /./, EIO: /./, ENOSPC: /^(?!unlink|rmdir)/ }

const strace = (file, call, inject) => [
  ...[
    'strace',
    '-f',
    '-b',
    'execve',
    '--seccomp-bpf',
    '-qq',
    '-o',
    file,
    '-e',
    `trace=${call}`,
    '-e',
    'signal=none',
  ],
  ...(inject ? ['-e', `inject=${call}:${inject}`] : []),
]

export async function syscalls({ level, random, keep }) {
  const why = missing()
  if (why)
    return Object.keys(MODES).map((mode) => ({
      fault: WORDS[mode],
      name: `strace: ${mode}`,
      skip: why,
    }))
  const counts = await golden()
  const all = Object.entries(counts)
    .flatMap(([call, most]) =>
      Array.from({ length: most }, (_, n) =>
        Object.keys(MODES).map((mode) => ({ call, when: n + 1, mode })),
      ).flat(),
    )
    .filter(({ call, mode }) => CAN[mode].test(call))
  const some = { full: all.length, minutes: 60, short: 3 }[level]
  return random.some(all, some).map(({ call, when, mode }) => ({
    fault: WORDS[mode],
    name: `strace: ${mode} at ${call} #${when}`,
    run: () => struck(call, when, mode, keep),
  }))
}

const WORDS = {
  kill: '`kill -9` at a system call (strace)',
  ENOSPC: 'ENOSPC from a system call (strace)',
  EIO: 'EIO from a system call (strace)',
}

function missing() {
  const { error, status, stderr } = spawnSync(
    'strace',
    ['-f', '-b', 'execve', '-o', '/dev/null', 'true'],
    { encoding: 'utf8' },
  )
  if (error) return 'strace is not installed'
  return status === 0 ? null : `strace may not trace here: ${stderr.trim()}`
}

/** How often each call is made, by the thread that makes it most. */
async function golden() {
  const world = makeWorld()
  try {
    const file = join(world.top, 'trace')
    await orchestrate(world, { wrap: strace(file, CALLS.join()), env: { UV_THREADPOOL_SIZE: '1' } })
    const times = new Map()
    for (const [, who] of readFileSync(file, 'utf8').matchAll(/^(\d+ +\w+)\(/gm))
      times.set(who, (times.get(who) ?? 0) + 1)
    const most = {}
    for (const [who, n] of times) {
      const call = who.split(/ +/)[1]
      most[call] = Math.max(most[call] ?? 0, n)
    }
    const few = SURELY.filter((call) => !(most[call] >= Object.keys(world.tasks).length))
    if (few.length) throw new Error(`strace met hardly any ${few.join(', ')} in a golden run`)
    return most
  } finally {
    close(world)
  }
}

async function struck(call, when, mode, keep) {
  const world = makeWorld()
  // By the number of a call no one can say what it wrote: a context that lacks something is told, and is no loss.
  world.contextMayLack = mode === 'EIO'
  // Nor whether it was the lock around the context that could not be let go: that is anyone's by its age.
  world.lockMayStay = mode === 'EIO'
  const violations = []
  try {
    const file = join(world.top, 'trace')
    const end = await orchestrate(world, {
      wrap: strace(file, call, `${MODES[mode]}:when=${when}`),
      env: { UV_THREADPOOL_SIZE: '1' },
      ...(mode !== 'kill' && { warp: 'always:8' }),
    })
    violations.push(...judge(end, { act: mode }))
    const reached =
      mode === 'kill' ? end.signal === 'SIGKILL' : readFileSync(file, 'utf8').includes('INJECTED')
    violations.push(...(await recovered(world)))
    return { violations, reached }
  } finally {
    close(world, { keep: keep && violations.length > 0 })
    if (keep && violations.length > 0) process.stderr.write(`kept: ${world.top}\n`)
  }
}
