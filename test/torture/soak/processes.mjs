// Which processes are of this workspace, read from /proc and nothing of ours. Promises: a process that ends while we look
// is left out; zombies are told apart.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

const text = (path) => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // it ended, or it is not ours to read
  }
}

/** State and parent by proc(5); null: there is no such process. */
export function statOf(pid) {
  const stat = text(`/proc/${pid}/stat`)
  if (!stat) return null
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state, parent: Number(parent) }
}

const pids = () =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)

/** All that carry a mark of a run of this workspace, or stand in its folder. */
export function livingOf(root) {
  return pids().flatMap((pid) => {
    const environ = text(`/proc/${pid}/environ`).split('\0')
    const marked = environ.includes(`ORCHESTRATE_WORKSPACE=${root}`)
    if (!marked && !standsIn(pid, root)) return []
    const stat = statOf(pid)
    if (!stat || stat.state === 'Z' || stat.state === 'X') return []
    const mark = environ.find((one) => one.startsWith('ORCHESTRATE_RUN='))?.slice(16)
    const command = text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    return [{ pid, mark: marked ? mark : undefined, parent: stat.parent, command }]
  })
}

function standsIn(pid, root) {
  try {
    const cwd = readlinkSync(`/proc/${pid}/cwd`)
    return cwd === root || cwd.startsWith(`${root}/`)
  } catch {
    return false
  }
}

/** Orchestrators in the background on this workspace. */
export const orchestrators = (root) =>
  livingOf(root).filter(({ command }) => command.includes(`--directory=${root} `))

export const zombiesOf = (parent) =>
  pids().filter((pid) => {
    const stat = statOf(pid)
    return stat?.parent === parent && stat.state === 'Z'
  })

/** MB now and at its highest, and open descriptors; null: it is gone. */
export function sizeOf(pid) {
  const status = text(`/proc/${pid}/status`)
  const mb = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
  try {
    const descriptors = readdirSync(join('/proc', String(pid), 'fd')).length
    return { rss: mb('VmRSS'), peak: mb('VmHWM'), descriptors }
  } catch {
    return null
  }
}
