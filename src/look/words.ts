// Why a task waits, in words. Pure.
import type { Note, Slot, Task } from '../types.ts'

/** @param fit the agents that suit the task, all of its type where it has one. @param now epoch ms. */
export function noAgent(task: Task, fit: readonly Slot[], now: number): string {
  const count = (state: Slot['state']) => fit.filter((agent) => agent.state === state).length
  const one = fit.every(({ type }) => type === fit[0]?.type) ? fit[0]?.type : undefined
  const name = one ? `${one} agent` : 'agent'
  if (task.preferredAgent === 'shell' && fit.length === 0)
    return 'it needs a shell agent: set `agents.shell.max_instances` to 1 or more'
  if (fit.length === 0)
    return 'only shell agents are here: install claude, codex, gemini, cursor-agent or opencode, or set `preferred_agent: shell`'
  if (count('missing') === fit.length)
    return `the command of its ${name} is not on this machine: \`orchestrate doctor\` tells more`
  const limits = fit.flatMap(({ until }) => until ?? [])
  if (limits.length && count('busy') === 0) {
    const why = fit.find(({ until }) => until)?.why
    return `every ${name} is limited until ${clock(Math.min(...limits), now)}${why ? ` (${why})` : ''}`
  }
  const refused = fit.find(({ why, until }) => why && !until)
  if (refused && count('busy') === 0)
    return `${refused.why}; then \`orchestrate agents --resume ${refused.type}\``
  if (count('busy') === 0 && count('idle') === 0)
    return `every ${name} rests after failures; they are tried again soon`
  return `every ${name} is busy (${count('busy')} of ${fit.length})`
}

/** The longest day, when clocks are set back. */
const DAY_MS = 25 * 3_600_000

/** HH:MM:SS of today, else the date too. */
export function clock(at: number, now: number): string {
  const iso = new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString()
  // By far the most are of another day: the words of 10,000 waiting tasks are made at each look.
  const near = Math.abs(at - now) < DAY_MS
  return near && new Date(at).toDateString() === new Date(now).toDateString()
    ? iso.slice(11, 19)
    : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`
}

export const EDITED = 'was edited while its agent works: that counts when it is queued again'
export const STOPPING: Note = { wait: 'its last run is being stopped', open: true }
export const fullUp = (most: number) => `the queue is full (task_queue.max_size is ${most})`
