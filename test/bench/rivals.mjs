// What people would use instead, from Debian's packages and from npm. Promises: what cannot be had is a line that says why, never
// a silent skip; npm's lie in one folder under the temporary one, and no script of theirs runs at install.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Command and package. */
const DEBIAN = { parallel: 'parallel', tsp: 'task-spooler', nq: 'nq', task: 'taskwarrior' }
const NPM = { backlog: 'backlog.md@1.52.0', 'task-master': 'task-master-ai@0.43.1' }
const HOME = join(tmpdir(), 'orchestrate-bench-rivals')
/** As it was before the bench took out what slows each node: npm may need its certificates. */
const OUTSIDE = { ...process.env }

const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0

/** Where a command of npm's is. */
export const npmRival = (command) => join(HOME, 'node_modules', '.bin', command)

/** Installs those of `commands` that are missing, where that is allowed; returns why each of the others is not there. */
export function installRivals(commands) {
  const why = {}
  const debian = commands.filter((command) => DEBIAN[command] && !has(command))
  const root = process.getuid?.() === 0
  if (debian.length && root && has('apt-get')) {
    const packages = debian.map((command) => DEBIAN[command])
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages]
    for (const words of [['update', '-qq'], install]) spawnSync('apt-get', words)
  }
  for (const command of debian)
    if (!has(command))
      why[command] = root
        ? `apt-get install ${DEBIAN[command]} failed`
        : `install ${DEBIAN[command]} as root`
  for (const command of commands) {
    if (!NPM[command] || existsSync(npmRival(command))) continue
    mkdirSync(HOME, { recursive: true })
    const words = ['install', '--prefix', HOME, '--ignore-scripts', '--no-audit', '--no-fund']
    const { status } = spawnSync('npm', [...words, NPM[command]], {
      timeout: 600_000,
      env: OUTSIDE,
    })
    if (status !== 0) why[command] = `npm install ${NPM[command]} failed`
  }
  return why
}
