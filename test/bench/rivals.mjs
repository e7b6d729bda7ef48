// What people would use instead, from Debian's packages. Promises: what cannot be had is a line that says why, never a silent skip.
import { spawnSync } from 'node:child_process'

/** Command and package. */
const PACKAGES = { parallel: 'parallel', tsp: 'task-spooler', nq: 'nq' }

const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0

/** Installs what is missing, where that is allowed; returns why each of the others is not there. */
export function installRivals() {
  const missing = Object.keys(PACKAGES).filter((command) => !has(command))
  if (missing.length === 0) return {}
  const root = process.getuid?.() === 0
  if (root && has('apt-get')) {
    const packages = missing.map((command) => PACKAGES[command])
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages]
    for (const words of [['update', '-qq'], install]) spawnSync('apt-get', words)
  }
  const why = (command) =>
    root ? `apt-get install ${PACKAGES[command]} failed` : `install ${PACKAGES[command]} as root`
  return Object.fromEntries(
    missing.filter((command) => !has(command)).map((command) => [command, why(command)]),
  )
}
