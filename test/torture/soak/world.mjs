// The place of a soak: a workspace in git, on a small disk of its own where we may mount one, and beside it the ledger
// and the archive. Promises: `close` ends what is left there and takes the place away.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { livingOf } from './processes.mjs'

const HERE = dirname(fileURLToPath(import.meta.url))
const HOUSE = join(HERE, '../../..')
export const STATES = ['pending', 'assigned', 'completed', 'failed']
/** MB: enough for a day's runs of small tasks, small enough to fill it up in a second. */
const DISK = 512

const CONFIG = `agents:
  shell: { max_instances: 5 }
  claude: { command: 'sh ${join(HERE, 'agent.sh')}', max_instances: 3 }
task_queue: { retry_delay_seconds: 1, max_retries: 2, max_size: 5000, settle_ms: 150 }
monitoring: { health_check_interval: 3 }
`

export function openWorld() {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'orchestrate-soak-')))
  const disk = join(top, 'disk')
  mkdirSync(disk)
  const mount = ['-t', 'tmpfs', '-o', `size=${DISK}m,mode=755`, 'soak', disk]
  const mounted = process.getuid() === 0 && spawnSync('mount', mount).status === 0
  const root = join(disk, 'work')
  const beside = ['home', 'archive', 'archive/runs', 'archive/completed', 'archive/failed']
  for (const folder of [root, ...beside.map((name) => join(top, name))]) mkdirSync(folder)
  const world = {
    ...{ top, disk, root, mounted, main: join(HOUSE, 'dist/cli/main.js') },
    state: Object.fromEntries(STATES.map((state) => [state, join(root, 'tasks', state)])),
    drafts: join(root, 'tasks/drafts'),
    runs: join(root, '.orchestrate/runs'),
    log: join(root, '.orchestrate/orchestrate.log'),
    socket: join(root, '.orchestrate/orchestrate.sock'),
    lock: join(root, '.orchestrate/lock/owner.json'),
    database: join(root, 'tasks.db'),
    archive: join(top, 'archive'),
    ledger: join(top, 'ledger'),
    env: {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      ...{ HOME: join(top, 'home'), LANG: 'C.UTF-8', NO_COLOR: '1' },
      ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
      ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a' },
      ...{ GIT_COMMITTER_EMAIL: 'a@b', SOAK_LEDGER: join(top, 'ledger') },
      ...{ SOAK_AGENT: join(HERE, 'agent.sh'), SOAK_NODE: process.execPath },
      SOAK_SIMULATED: join(HOUSE, 'fixtures/simulated-agent.mjs'),
    },
    git: (...words) =>
      spawnSync('git', words, { cwd: root, env: world.env, encoding: 'utf8', timeout: 60_000 }),
    /** @param keep leaves the folder for a person to look at. */
    close(keep) {
      for (const { pid } of livingOf(root)) quietly(() => process.kill(pid, 'SIGKILL'))
      if (keep) return
      if (mounted) spawnSync('umount', ['-l', disk])
      rmSync(top, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  writeFileSync(world.ledger, '')
  writeFileSync(join(root, 'config.yaml'), CONFIG, { mode: 0o644 })
  execFileSync(process.execPath, [world.main, 'init'], { cwd: root, env: world.env })
  for (const words of [
    ['init', '-q', '-b', 'main'],
    ['add', 'config.yaml', '.gitignore'],
    ['commit', '-q', '-m', 'A workspace'],
    ['branch', 'feature'],
  ])
    if (world.git(...words).status !== 0) throw new Error(`git ${words.join(' ')} failed`)
  return world
}

/** For what may be gone by now. */
export function quietly(what) {
  try {
    return what()
  } catch {
    return null
  }
}
