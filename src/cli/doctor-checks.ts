// What `doctor` looks at, one function each. Promises: looks and asks for versions, changes nothing; each finding that
// is not well says what to do about it.
import { constants, existsSync, readFileSync } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { relative } from 'node:path'
import spawn from 'cross-spawn'
import { exposed, guarded } from '../files/trust.ts'
import type { Workspace } from '../files/workspace.ts'
import { STATES } from '../types.ts'

export interface Check {
  what: string
  state: 'ok' | 'note' | 'broken'
  found: string
  remedy?: string
}

const ok = (what: string, found: string): Check => ({ what, state: 'ok', found })
const note = (what: string, found: string, remedy: string): Check => ({
  what,
  state: 'note',
  found,
  remedy,
})
const broken = (what: string, found: string, remedy: string): Check => ({
  what,
  state: 'broken',
  found,
  remedy,
})

/** Bytes below which work should not begin, and below which a person should know. */
const [LOW, SCARCE] = [100 * 2 ** 20, 2 ** 30]
/** A watch per state folder, and editors and dev servers need theirs. */
const FEW_WATCHES = 8192
const FEW_INSTANCES = 128

export function node(running: string): Check {
  const [major = 0, minor = 0] = running.slice(1).split('.').map(Number)
  const fine = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22
  return fine
    ? ok('node', running)
    : broken('node', running, 'install Node 20.19 or newer, or 22.12 or newer')
}

export async function git(root: string): Promise<Check> {
  const version = await firstLine('git', ['--version'])
  if (!version)
    return note(
      'git',
      'not found',
      'install git: it is the history, and tells which files a run changed',
    )
  const inside = await firstLine('git', ['-C', root, 'rev-parse', '--is-inside-work-tree'])
  if (inside !== 'true')
    return note(
      'git',
      `${version}, but ${root} is not in a repository`,
      '`git init`: then each change has a history',
    )
  return ok('git', version)
}

function firstLine(command: string, args: string[]): Promise<string | null> {
  return new Promise((done) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    let said = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    child.on('error', () => done(null))
    child.on('close', (code) => done(code === 0 ? (said.split('\n')[0] ?? '') : null))
  })
}

/** Folders that are there, ours to write, and nobody else's: whoever may write them may run commands as us (DESIGN 7). */
export async function folders(at: Workspace): Promise<Check[]> {
  const own = STATES.map((state) => at.state[state])
  const devices = new Set<number>()
  const checks: Check[] = []
  for (const folder of [at.root, at.tasks, ...own, at.drafts, at.home, at.config]) {
    const name = relative(at.root, folder) || 'workspace'
    const seen = await stat(folder).catch(() => null)
    if (!seen) {
      if (own.includes(folder))
        checks.push(broken(name, 'is not there', '`orchestrate init` makes it'))
      continue
    }
    if (own.includes(folder)) devices.add(seen.dev)
    const writable = await access(folder, constants.W_OK).then(
      () => true,
      () => false,
    )
    if (!writable)
      checks.push(broken(name, 'cannot be written by you', `chown or chmod u+w ${folder}`))
  }
  for (const { path, who } of exposed(guarded(at))) {
    checks.push(
      broken(
        relative(at.root, path) || 'workspace',
        `${who} can write it, and so run commands as you`,
        `chmod go-w ${path}`,
      ),
    )
  }
  if (devices.size > 1)
    checks.push(
      broken(
        'tasks',
        'its folders are on different file systems',
        'put them on one, so that a rename is atomic',
      ),
    )
  return checks.length > 0 ? checks : [ok('folders', 'private, writable, on one file system')]
}

export async function disk(at: Workspace): Promise<Check> {
  const { bavail, bsize, ffree, files } = await statfs(at.root)
  const free = bavail * bsize
  const text = `${(free / 2 ** 30).toFixed(1)} GiB free`
  if (free < LOW)
    return broken('disk', text, 'make room: `.orchestrate/runs` holds the output of past runs')
  if (files > 0 && ffree < 1000)
    return broken('disk', `${ffree} inodes free`, 'remove small files: every task is some')
  return free < SCARCE ? note('disk', text, 'make some room before long work') : ok('disk', text)
}

/** Linux only: how many folders may be watched. Short of it the rescan still finds every drop, later. */
export function inotify(): Check | null {
  const read = (name: string) => {
    try {
      return Number(readFileSync(`/proc/sys/fs/inotify/max_user_${name}`, 'utf8'))
    } catch {
      return null // not Linux, or hidden from us
    }
  }
  const [watches, instances] = [read('watches'), read('instances')]
  if (watches === null || instances === null) return null
  const found = `${watches} watches, ${instances} instances`
  if (watches >= FEW_WATCHES && instances >= FEW_INSTANCES) return ok('inotify', found)
  const least = `fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=512`
  return note(
    'inotify',
    found,
    `sudo sysctl ${least}: drops are then seen at once, not at the next rescan`,
  )
}

/** Runs that are kept; a remark only. */
export async function runs(at: Workspace): Promise<Check | null> {
  if (!existsSync(at.runs)) return null
  const kept = (await readdir(at.runs)).length
  return ok('runs', `${kept} kept in .orchestrate/runs`)
}
