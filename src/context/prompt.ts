// The whole text that an agent is given (specification 6.2, step 1). Pure.
// Promises: the person's words come first and unchanged; context is handed over by reference; our own words stay short.
import type { PromptRun, Task } from '../types.ts'
import { oneLine } from './text.ts'

/** Paths as the agent sees them, from the workspace root. */
export interface Handover {
  /** To read before work: they exist. */
  read: string[]
  /** Named by the task, and not there. */
  missing: string[]
  notes: string
  issues: string
  objectives: string
  output: string
}

export function promptText(task: Task, run: PromptRun, paths: Handover): string {
  if (run.agentType === 'shell') return task.description // it is a script
  const said = run.feedback
    ? ['', 'A person said of your last attempt:', run.feedback.trimEnd()]
    : []
  const list = (head: string, lines: string[]) =>
    lines.length > 0 ? ['', head, ...lines.map((line) => `- ${oneLine(line, 1000)}`)] : []
  // The session has all of it: the task, the files, what was done so far.
  if (run.resumes === 'limit')
    return `A usage limit had stopped you; it is over. Go on with task ${task.id} where you were, and bring it to its end.\n`
  if (run.resumes === 'feedback')
    return [`This is task ${task.id} again, attempt ${run.attempt}.`, ...said, ''].join('\n')
  const retry = run.lastError
    ? ['', `The last attempt failed: ${oneLine(run.lastError, 500)}`, 'Take that into account.']
    : []
  return [
    task.description.trimEnd(),
    '',
    '---',
    `This is task ${task.id}, attempt ${run.attempt}. You are ${run.agentId}.`,
    'Paths are relative to the folder you were started in.',
    ...list(
      'Subtasks:',
      task.subtasks.map((one) => `[ ] ${one}`),
    ),
    ...retry,
    ...said,
    ...list('Read these first:', paths.read),
    ...list('Named by the task, but not there (yet):', paths.missing),
    '',
    'For the agents after you:',
    `- Append what they should know to ${paths.notes} (create it if it is missing).`,
    `- Append problems that you found and left to ${paths.issues}, new objectives to ${paths.objectives}, one list item each.`,
    `- Your final answer is recorded as ${paths.output}; or write that file yourself.`,
    '',
    'Other agents work in this folder at the same time: change only what the task needs, and leave their changes alone.',
    'Nobody can answer questions. When you are done, report what you changed and what is still open; end with one short summary.',
    '',
  ].join('\n')
}
