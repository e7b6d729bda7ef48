// The shared context: each answer that a result names is there, the two shared files can be read, and name nothing twice.
import { lstat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { staysIn } from '../context/inside.ts'
import { placeState } from '../context/state.ts'
import { parseEntries } from '../context/summary.ts'
import { readRegular } from '../files/files.ts'
import { type Found, found } from './finding.ts'
import { key, type Sight, taskIn } from './sight.ts'

/** Bytes; ours are far below (src/context/merge.ts). */
const CAP = 4 << 20

export async function handover(sight: Sight): Promise<Found[]> {
  const { root } = sight.at
  const { contextDir } = sight.settings
  const all: Found[] = []
  const json = join(contextDir, 'completed_tasks.json')
  const state = join(contextDir, 'current_state.md')
  const tell = (code: Found['code'], path: string, message: string) =>
    all.push(found('broken', code, relative(root, path), message))

  for (const { kind, id, state: where, record, file } of sight.records) {
    const output = record?.output_file
    if (kind !== 'result' || where !== 'completed' || !taskIn(sight, id, where)) continue
    if (typeof output !== 'string' || record?.status !== 'success') continue
    const path = resolve(root, output)
    if (!(await staysIn(path, root, contextDir)))
      tell('output-outside', path, `${file} names it, and it leads out of the workspace`)
    else if (!(await lstat(path).catch(() => null)))
      tell('output-missing', path, `${file} names it, and it is not there`)
  }

  const summaries = await text(json)
  if (typeof summaries === 'string') {
    const { entries, broken } = parseEntries(summaries)
    if (broken) tell('context-broken', json, 'it cannot be read, or some of its entries cannot')
    const double = repeated(entries.map((one) => `${key(one.task_id)}, attempt ${one.attempt}`))
    if (double) tell('context-twice', json, `it has two entries for ${double}`)
  } else if (summaries) tell('context-broken', json, summaries.why)

  const page = await text(state)
  if (typeof page === 'string') {
    if (placeState(page, []) === null)
      tell('context-broken', state, 'it has other than one begin and one end marker')
    for (const section of ours(page)) {
      const double = repeated(section)
      if (double) tell('context-twice', state, `it lists ${double} twice`)
    }
  } else if (page) tell('context-broken', state, page.why)
  return all
}

/** Null: there is none. */
async function text(path: string): Promise<string | { why: string } | null> {
  try {
    const bytes = await readRegular(path, CAP)
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    return { why: code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : message }
  }
}

const repeated = (names: string[]): string | undefined =>
  names.find((one, n) => names.indexOf(one) !== n)

/** The ids in each list between our markers: `- [x] What it is (id)`. */
function ours(page: string): string[][] {
  const part = /<!--\s*orchestrate:begin\s*-->([\s\S]*?)<!--\s*orchestrate:end\s*-->/.exec(page)
  const ids = (mark: string) =>
    [
      ...(part?.[1] ?? '').matchAll(
        new RegExp(`^- \\[${mark}\\] .*?\\(([\\w.-]+)\\)(?::|$)`, 'gm'),
      ),
    ].map((match) => key(match[1] ?? ''))
  return [ids('x'), ids(' ')]
}
