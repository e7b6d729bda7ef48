// agent_outputs/<id>_output.md: what a run said, for the agents after it and for people (specification 6.3).
// Promises: written whole; never over a file that an agent or a person wrote; the same attempt twice is once.
import { isErrno, writeWhole } from '../files/files.ts'
import { lstat } from '../files/fs.ts'
import type { ContextEnd, ResultRecord } from '../types.ts'
import { readPart } from './part.ts'
import { setAside } from './replace.ts'
import { plain, title } from './text.ts'

/** A last answer is some KB; more belongs in a file of the agent's own. */
const TEXT_KEPT = 256 << 10

/** Our last line. `assigned_at` too, because attempts start at 1 again once a run folder is removed. */
const markerOf = (record: ResultRecord): string =>
  `<!-- orchestrate: ${record.task_id} attempt ${record.attempt}, ${record.assigned_at} -->`
const MARKER = /<!-- orchestrate: (\S+) attempt \d+, \S+ -->\s*$/

/** Throws EEXIST where something other than a file lies in the way. */
export async function writeOutput(path: string, end: ContextEnd): Promise<void> {
  const { record } = end
  const there = await lstat(path).catch((error) => {
    if (isErrno(error, 'ENOENT')) return null
    throw error
  })
  if (there && !there.isFile()) {
    throw Object.assign(new Error('a link or a folder lies there'), { code: 'EEXIST' })
  }
  if (there) {
    const found = MARKER.exec((await readPart(path, 4096, 'last')) ?? '')
    if (found?.[0].trimEnd() === markerOf(record)) return // this attempt's, written before
    if (there.mtimeMs >= Date.parse(record.assigned_at)) return // the agent wrote it itself
    if (found?.[1] !== record.task_id) await setAside(path, (n) => `${path}.before-${n}`)
  }
  await writeWhole(path, outputText(end))
}

function outputText({ task, record, text }: ContextEnd): string {
  const said = plain(text).trim()
  const cut =
    said.length > TEXT_KEPT ? `(the beginning is left out)\n${said.slice(-TEXT_KEPT)}` : said
  const files = record.files_modified
  const changes =
    files === 'unknown'
      ? [
          'Not known: the agent did not say, and this is no git repository, or others worked in it at the same time.',
        ]
      : files.map((file) => `- ${plain(file)}`)
  return [
    `## Task: ${title(task.description)}`,
    `- Id: ${record.task_id}, attempt ${record.attempt}`,
    `- Agent: ${record.agent_id} (${record.agent_type})`,
    `- Status: ${record.status}${record.needs_review ? ', needs review' : ''}`,
    `- Completed: ${record.completed_at}`,
    '',
    ...(record.error ? ['### Error:', plain(record.error).trim(), ''] : []),
    '### Result:',
    cut || 'The agent said nothing.',
    '',
    '### Files Modified:',
    ...(changes.length > 0 ? changes : ['None reported.']),
    '',
    `${markerOf(record)}\n`,
  ].join('\n')
}
