// A throw-away workspace with a real orchestrator of a given build. Promises: `removeAll` leaves no process and no
// folder, also after a failure, a Ctrl-C, or an orchestrator that does not answer.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { settled, sleep } from './measure.mjs'

const houses = new Set()

/**
 * @param dist the build to measure, @param agents the `agents:` part of config.yaml by type,
 * @param waiting how many tasks lie in pending/ that may not start before 2099.
 */
export async function openHouse({ dist, agents, waiting = 0 }) {
  const root = mkdtempSync(join(tmpdir(), 'orchestrate-bench-'))
  const main = join(dist, 'cli', 'main.js')
  const { ask } = await import(pathToFileURL(join(dist, 'server', 'client.js')))
  const { socketPath } = await import(pathToFileURL(join(dist, 'server', 'socket.js')))
  const pending = join(root, 'tasks', 'pending')
  mkdirSync(pending, { recursive: true })
  mkdirSync(join(root, '.orchestrate'), { mode: 0o700 })
  writeFileSync(
    join(root, 'config.yaml'),
    `agents: ${JSON.stringify(agents)}\ntask_queue: { max_size: 1000000, settle_ms: ${SETTLE_MS} }\n`,
  )
  for (let n = 0; n < waiting; n++) {
    const name = `waits_${String(n).padStart(6, '0')}.yaml`
    const text = `description: Task ${n} of those that wait.\npreferred_agent: shell\nnot_before: 2099-01-01T00:00:00Z\n`
    writeFileSync(join(pending, name), text)
  }
  const house = {
    root,
    pending,
    main,
    /** A command as a whole process; throws when it fails. */
    command(...words) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
        cwd: root,
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(`orchestrate ${words.join(' ')}: ${stderr || stdout}`)
      return stdout
    },
    /** A question over the socket. */
    async ask(method, route, body) {
      const reply = await ask(socketPath(root), method, route, body)
      if (!reply || reply.status >= 400) throw new Error(`${route}: ${JSON.stringify(reply)}`)
      return reply.body
    },
    async start() {
      house.command('start')
      await settled('all tasks to be read', async () => {
        const { tasks } = await house.ask('GET', '/status')
        return tasks.pending >= waiting
      })
    },
    stop: () => house.command('stop', '--now'),
    /** The orchestrator's, in MB: now, and at its highest. */
    memory() {
      const text = readFileSync(`/proc/${house.pid()}/status`, 'utf8')
      const mb = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(text)?.[1]) / 1024
      return { now: mb('VmRSS'), peak: mb('VmHWM') }
    },
    pid: () => JSON.parse(readFileSync(join(root, '.orchestrate/lock/owner.json'), 'utf8')).pid,
    close() {
      try {
        house.stop()
      } catch (error) {
        process.stderr.write(`${error.message}\n`)
      }
      house.leave()
    },
    /** Where nothing runs any more. Its folder is removed by `removeAll`: some file systems go past each file that was removed of late when they make a new one. */
    leave() {
      killOf(root)
      house.left = true
    },
    left: false,
  }
  houses.add(house)
  return house
}

/** The default of the program (DESIGN 6). */
export const SETTLE_MS = 250

/** ms after which the index has saved its image, though it is large. */
const SAVED_MS = 65_000

/** Per cent of a core that the orchestrator uses when nothing happens. */
export async function idleCpu(house, seconds) {
  await sleep(SAVED_MS)
  const ticks = () => {
    const words = readFileSync(`/proc/${house.pid()}/stat`, 'utf8').split(') ')[1].split(' ')
    return Number(words[11]) + Number(words[12])
  }
  const before = ticks()
  await sleep(seconds * 1000)
  return ((ticks() - before) / (seconds * 100)) * 100
}

/** At the end of all. */
export function removeAll() {
  for (const house of houses) {
    if (!house.left) house.close()
    rmSync(house.root, { recursive: true, force: true })
  }
  houses.clear()
}

/** Whatever still works in or for this workspace: known by its folder, or by what every run carries. */
function killOf(root) {
  for (const pid of readdirSync('/proc').map(Number)) {
    if (!pid || pid === process.pid) continue
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      const env = readFileSync(`/proc/${pid}/environ`, 'utf8')
      if (words.includes(root) || env.includes(`ORCHESTRATE_WORKSPACE=${root}\0`)) {
        process.kill(pid, 'SIGKILL')
      }
    } catch {
      // It ended meanwhile, or is another user's.
    }
  }
}
