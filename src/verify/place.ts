// The house itself: folders, the lock, the configuration, drafts, and every file in a state folder that is no task.
import { lstat, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { DRAFT, TASK_NAME } from '../files/names.ts'
import { exposed, guarded } from '../files/trust.ts'
import { STATES } from '../types.ts'
import { type Found, found } from './finding.ts'
import { list, type Sight } from './sight.ts'

/** ms. Whoever writes a draft has long renamed it, or is dead. */
const DRAFT_MS = 10 * 60_000
/** ms. The lock puts away what is older than a day when it is taken. */
const LITTER_MS = 25 * 3_600_000
/** What editors, git and copying programs leave for a moment, or for good. */
const EXPLAINED = [
  /^\..*\.sw[a-z]$/i, // vim, nano
  /^4913$/, // vim tries whether it may write here
  /~$/, // backups
  /^\.?#/, // emacs
  /^\.(gitkeep|gitignore|keep|DS_Store)$/,
  /^\.(nfs|fuse_hidden|goutputstream)/,
  /^\..+\.ya?ml\.\w{6}$/i, // rsync
  /^sed\w{6}$/, // sed -i
  /___jb_(tmp|old)___$/, // JetBrains
]

export async function place(sight: Sight): Promise<Found[]> {
  return [
    ...(await folders(sight)),
    ...(await lock(sight)),
    ...(await drafts(sight)),
    ...(await strangers(sight)),
    ...(sight.config === null
      ? []
      : [found('broken', 'config-broken', 'config.yaml', sight.config)]),
  ]
}

async function folders({ at, owner }: Sight): Promise<Found[]> {
  const all: Found[] = []
  const devices = new Set<number>()
  for (const state of STATES) {
    const seen = await stat(at.state[state]).catch(() => null)
    if (seen?.isDirectory()) devices.add(seen.dev)
    else
      all.push(
        found(owner?.alive ? 'broken' : 'due', 'folder-missing', `tasks/${state}`, 'is not there', {
          mend: { do: 'folder', path: at.state[state] },
        }),
      )
  }
  if (devices.size > 1)
    all.push(found('broken', 'folders-apart', 'tasks', 'its folders are on different file systems'))
  for (const { path, who } of exposed(guarded(at)))
    all.push(
      found(
        'broken',
        'exposed',
        relative(at.root, path) || '.',
        `${who} can write it, and so run commands as you`,
        { hint: `chmod go-w ${path}` },
      ),
    )
  return all
}

async function lock({ at, owner }: Sight): Promise<Found[]> {
  const all: Found[] = []
  const file = relative(at.root, at.lock)
  if (owner && !owner.alive)
    all.push(
      found('note', 'lock-stale', file, `its owner, pid ${owner.pid} on ${owner.host}, is gone`),
    )
  if (!owner && (await stat(at.lock).catch(() => null)))
    all.push(found('note', 'lock-stale', file, 'it names no owner'))
  for (const name of await list(dirname(at.lock))) {
    if (!/^lock\.(tomb\..+|.+\.tmp)$/.test(name)) continue
    const seen = await stat(join(dirname(at.lock), name)).catch(() => null) // RACE: put away
    if (seen && Date.now() - seen.ctimeMs > LITTER_MS)
      all.push(found('note', 'lock-litter', `.orchestrate/${name}`, 'was left over a day ago'))
  }
  return all
}

/** Half-written files of ours, wherever we write. */
async function drafts({ at, settings, runs, names }: Sight): Promise<Found[]> {
  const { contextDir, database } = settings
  const named = (one: string) => DRAFT.test(one) || /^config\.json\.\d+\.draft$/.test(one)
  const here: [string, readonly string[]][] = [
    ...STATES.map((state): [string, string[]] => [at.state[state], [...(names.get(state) ?? [])]]),
    ...[...runs.values()].flat().map((one): [string, readonly string[]] => [one.folder, one.names]),
  ]
  for (const folder of [contextDir, join(contextDir, 'agent_outputs'), dirname(database), at.home])
    here.push([folder, await list(folder)])
  const all: Found[] = []
  for (const [folder, inside] of here) {
    for (const name of inside.filter(named)) {
      const path = join(folder, name)
      const seen = await lstat(path).catch(() => null) // RACE: it was renamed
      if (!seen || Date.now() - seen.mtimeMs < DRAFT_MS) continue
      const message = `a draft of ours, left unfinished ${Math.round((Date.now() - seen.mtimeMs) / 60_000)} minutes ago`
      const mend = { do: 'keep', path } as const
      all.push(found('broken', 'draft-old', relative(at.root, path), message, { mend }))
    }
  }
  return all
}

/** No file is passed over in silence (I13 of RELIABILITY 5.1). */
async function strangers({ entries, names, records, at }: Sight): Promise<Found[]> {
  const known = new Set([...entries, ...records.filter((one) => one.ours)].map(({ file }) => file))
  const all: Found[] = []
  for (const [state, inside] of names) {
    for (const name of inside) {
      const file = `tasks/${state}/${name}`
      if (known.has(file) || DRAFT.test(name) || EXPLAINED.some((one) => one.test(name))) continue
      if (!(await lstat(join(at.state[state], name)).catch(() => null))) continue // gone since
      const why = TASK_NAME.test(name)
        ? 'has the name of a record, and is none of ours'
        : 'is neither a task (`*.yaml`, no leading dot) nor one of our records'
      all.push(found('note', 'unexplained', file, why))
    }
  }
  return all
}
