// `orchestrate archive --before AGE`: what was completed long ago, with its records, out of the way. Promises: a move and nothing
// else, never over a file that is there; a task that needs a person stays. It may be done while an orchestrator works.
import { join } from 'node:path'
import { quickSettings } from '../../config/cache.ts'
import { findArchived } from '../../files/archive.ts'
import { isErrno, makeInside, move, syncFolder } from '../../files/files.ts'
import { createRecords } from '../../files/records.ts'
import type { Workspace } from '../../files/workspace.ts'
import { Folders } from '../../look/folders.ts'
import { type Entry, OrchestrateError } from '../../types.ts'
import { type Act, located } from '../act.ts'
import { count, oneLine, table } from '../output.ts'

const UNIT = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

export const act: Act = async (call, world) => {
  const { out, talk } = world
  const at = located(call, world)
  const before = momentOf(call.text('before'))
  const old = (await completed(at)).filter(({ done }) => done < before)
  const dry = call.has('dry-run')
  const months = new Map<string, number>()
  const rows: string[][] = []
  for (const one of old) {
    if (!dry && !(await archive(at, one))) {
      talk.line(`${oneLine(one.entry.file)} stays: it was changed, or a file of its name is there`)
      continue
    }
    months.set(one.month, (months.get(one.month) ?? 0) + 1)
    rows.push([oneLine(one.entry.id), `tasks/archive/${one.month}/${one.entry.name}`])
  }
  const made = [at.tasks, at.archive, ...paths(at, months.keys())]
  for (const folder of dry || !rows.length ? [] : [...made, at.state.completed])
    await syncFolder(folder)
  for (const line of table(out, ['TASK', 'FILE'], rows)) if (rows.length) out.line(line)
  const when = new Date(before).toLocaleDateString('sv') // as ISO writes it, by the clock on the wall
  if (!old.length) talk.line(`nothing was completed before ${when}`)
  else talk.line(`${count(rows.length, 'task')} ${dry ? 'would go' : 'went'} to tasks/archive/`)
  return 0
}

const paths = (at: Workspace, months: Iterable<string>) =>
  [...months].map((month) => join(at.archive, month))

interface Old {
  entry: Entry
  /** When it was completed, epoch ms; 0: its record lies in the archive already. */
  done: number
  /** `2026-11` */
  month: string
}

/** What our records tell of, needs no person, and is in the way of nothing. */
async function completed(at: Workspace): Promise<Old[]> {
  const { maxSize, defaultPriority } = await quickSettings(at)
  const folders = new Folders(at, { maxSize, defaultPriority, settleMs: 0, readOnly: true })
  await folders.scan([])
  const records = createRecords(at)
  const found: Old[] = []
  const all = [...folders.entries.values()]
  const waits = all.filter(({ state }) => state === 'pending' || state === 'assigned')
  // Whose session is to be gone on with is looked for in completed/.
  const wanted = new Set(waits.flatMap(({ task }) => task?.continues?.toLowerCase() ?? []))
  for (const entry of folders.in('completed')) {
    const id = entry.id.toLowerCase()
    // A second file of this id is held as long as the first is there.
    const twin = folders.about(id).some((one) => one !== entry && one.id.toLowerCase() === id)
    if (twin || wanted.has(id)) continue
    // An archiving that was killed had moved the record, and not yet the task.
    const record = await records.readResult('completed', entry.id)
    const left = record || !folders.archive.ids.has(id) ? null : findArchived(at.archive, entry.id)
    const done = left ? 0 : Date.parse(record?.completed_at ?? '')
    if (Number.isNaN(done) || record?.needs_review) continue
    found.push({ entry, done, month: left?.month ?? new Date(done).toISOString().slice(0, 7) })
  }
  return found
}

/** The record first: where it is, what depends on the task finds it. False: a person was quicker, or a file is in the way. */
async function archive(at: Workspace, { entry, done, month }: Old): Promise<boolean> {
  const to = join(at.archive, month)
  await makeInside(at.root, to)
  const name = `${entry.id}_result.yaml`
  const [here, there] = [join(at.state.completed, name), join(to, name)]
  if (done > 0) {
    // It may have run again while the others were moved.
    const now = await createRecords(at).readResult('completed', entry.id)
    if (Date.parse(now?.completed_at ?? '') !== done) return false
  }
  let moved = false
  try {
    if (done > 0) await move(here, there)
    moved = done > 0
    await move(entry.path, join(to, entry.name))
    return true
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error
    if (moved) await move(there, here).catch(() => {})
    return false
  }
}

/** Epoch ms. Throws `USAGE`. */
function momentOf(text?: string): number {
  const [, many, unit] = /^(\d+)([hdw])$/.exec(text ?? '') ?? []
  if (many) return Date.now() - Number(many) * UNIT[unit as keyof typeof UNIT]
  const day = /^\d{4}-\d\d-(\d\d)$/.exec(text ?? '')
  const date = new Date(`${text}T00:00`)
  if (day && date.getDate() === Number(day[1])) return date.getTime()
  const said = text === undefined ? '`--before` is missing' : `\`${text}\` is no age`
  throw new OrchestrateError('USAGE', said, 'like `--before 30d`, `12h`, `2w` or `2026-01-31`')
}
