// The shared context as one value (specification 6.1). Reads only.
// Promises: bounded whatever lies there (agent_outputs is never opened); what is missing is empty; links out are not followed.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunStatus } from '../types.ts'
import { realPath, staysIn } from './inside.ts'
import { readPart } from './part.ts'
import { parseEntries } from './summary.ts'

export interface TaskSummary {
  taskId: string
  attempt: number
  status: RunStatus
  description: string
  summary: string
  agentId: string
  agentType: string
  /** ISO 8601. */
  completedAt: string
  outputFile: string
  filesModified: string[] | 'unknown'
  needsReview: boolean
}

export interface SharedContext {
  projectOverview: string
  /** List items of objectives.md that are not ticked off. */
  currentObjectives: string[]
  /** Latest first, at most 200. */
  completedTasks: TaskSummary[]
  /** module → description */
  codeStructure: Record<string, string>
  knownIssues: string[]
  /** agent → the end of its notes */
  agentNotes: Record<string, string>
}

const PAGE = 256 << 10
const NOTES = 64 << 10
const AGENTS = 100

export async function readSharedContext(root: string, directory: string): Promise<SharedContext> {
  const part = async (name: string, cap = PAGE, end: 'first' | 'last' = 'first') => {
    const path = join(directory, name)
    if (!(await staysIn(path, root, directory))) return ''
    return (await readPart(await realPath(path), cap, end)) ?? ''
  }
  const [overview, objectives, json, structure, issues] = await Promise.all([
    part('project_overview.md'),
    part('objectives.md'),
    part('completed_tasks.json', 4 << 20),
    part('code_structure.md'),
    part('known_issues.md'),
  ])
  const names = await readdir(join(directory, 'agent_notes')).catch(() => [])
  const notes = new Map<string, string>()
  for (const name of names.filter((one) => /^[^.].*\.md$/.test(one)).slice(0, AGENTS)) {
    notes.set(name.slice(0, -3), await part(join('agent_notes', name), NOTES, 'last'))
  }
  return {
    projectOverview: overview,
    currentObjectives: openItems(objectives),
    completedTasks: parseEntries(json).entries.map((one) => ({
      taskId: one.task_id,
      attempt: one.attempt,
      status: one.status,
      description: one.description,
      summary: one.summary,
      agentId: one.agent_id,
      agentType: one.agent_type,
      completedAt: one.completed_at,
      outputFile: one.output_file,
      filesModified: one.files_modified,
      needsReview: one.needs_review === true,
    })),
    codeStructure: Object.fromEntries(modules(structure)),
    knownIssues: openItems(issues),
    agentNotes: Object.fromEntries(notes),
  }
}

/** `- text`, `* text`, `1. text`, `- [ ] text`; `- [x]` is done. */
function openItems(markdown: string): string[] {
  const items = markdown.matchAll(/^[ \t]*(?:[-*+]|\d+[.)])[ \t]+(\[[ xX]\][ \t]+)?(\S.*)$/gm)
  return [...items]
    .filter(([, box]) => !/x/i.test(box ?? ''))
    .map(([, , text]) => text?.trim() ?? '')
}

/** `- module: description`, the module plain or in backticks (which may hold a colon). */
function modules(markdown: string): [string, string][] {
  const lines = markdown.matchAll(
    /^[ \t]*[-*+][ \t]+(?:`([^`\n]+)`|([^:`\n]+?))[ \t]*:[ \t]+(\S.*)$/gm,
  )
  return [...lines].map(([, quoted, bare, text]) => [quoted ?? bare ?? '', text?.trim() ?? ''])
}
