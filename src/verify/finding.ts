// What verify says: one finding for each thing that does not hold, or that a person should know. Codes are stable.
import type { RunRecord, State } from '../types.ts'

/** Every code, with what to do about it. */
export const HINTS = {
  'folder-missing': '`orchestrate start` makes it; put its files back first, if it was moved away',
  'folders-apart': 'put them on one file system, so that a rename is atomic',
  exposed: '`chmod go-w` it',
  'config-broken': 'mend the line that is named; until then the defaults are used here',
  'lock-stale': '`orchestrate start` takes over, with the agents that still run',
  'lock-litter': 'nothing: the next start puts it away',
  'socket-silent':
    '.orchestrate/orchestrate.log may tell why; `orchestrate stop` sends it a signal',
  halted: 'mend what it names; it goes on by itself',
  'draft-old': '`orchestrate verify --repair` moves it to .orchestrate/lost+found/',
  unexplained: 'move it elsewhere if it does not belong here; it is not looked at',
  invalid: 'mend it; `orchestrate status` has the place',
  unreadable: 'nothing needs it any more; look at it if you did not mean that',
  held: '`orchestrate status` has the reason',
  'task-twice': 'remove the name that you did not mean: both are the same bytes',
  'task-gone': 'nothing, if you removed it; else `git log -- tasks` has it',
  'by-person': 'nothing, if you moved it there; `orchestrate show` has its attempts',
  'record-stray': '`orchestrate start`, or `--repair`: it joins its run folder',
  'result-missing': '`--repair` writes it again from run.json',
  'result-wrong': '`--repair` writes it again from run.json; this one joins its run folder',
  'outcome-place': '`orchestrate retry` runs it again; please report this',
  'assigned-no-run': '`orchestrate start` puts it back to pending/',
  'assigned-over': '`orchestrate start` finishes it',
  'assigned-record': '`--repair` writes it again from run.json',
  'run-gap': 'nothing, if you removed an attempt; else please report this',
  'run-damaged': 'remove its task folder in .orchestrate/runs/ once the task has left assigned/',
  'run-open': 'look at its stdout; please report this',
  'run-unclaimed': '`orchestrate start` ends and finishes it',
  'run-end': 'please report this',
  'run-exit': 'look at its stdout and stderr; please report this',
  'run-misplaced': 'put the folder back where run.json says it belongs',
  'mark-twice': 'remove the copy of the run folder',
  'process-unclaimed': '`orchestrate start`, or `--repair`: it is ended',
  'output-missing': 'restore it (`git checkout`), or read stdout in the run folder',
  'output-outside': 'remove the link that leads out of the workspace',
  'context-broken': 'mend it, or move it away: the next end of a run makes a new one',
  'context-twice': 'remove one of the two',
  'index-differs':
    '`orchestrate stop` and `orchestrate start` fill it again from the files; please report this',
  'index-old': 'nothing: the next start fills it from the files',
  'index-damaged': '`--repair` moves it aside; the next start makes a new one',
} as const
export type Code = keyof typeof HINTS

/**
 * `broken`: a promise does not hold. `due`: a state between two looks, legal while no orchestrator runs; the next look
 * deals with it. `note`: legal, and told so that nothing is passed over in silence.
 */
export type Level = 'broken' | 'due' | 'note'

export interface Finding {
  code: Code
  level: Level
  /** In the workspace. */
  file: string
  message: string
  hint: string
  repairable: boolean
  /** After `--repair`, of what was repairable. */
  repaired?: boolean
}

/** What mends it without deleting anything. */
export type Mend =
  | { do: 'shelve'; path: string; id: string }
  | { do: 'keep'; path: string }
  | { do: 'folder'; path: string }
  /** `old`: what is there instead. */
  | { do: 'result'; state: State; run: RunRecord; old: string | null }
  | { do: 'assign'; run: RunRecord; old: string | null }
  | { do: 'sweep'; nonce: string }

export interface Found extends Finding {
  mend?: Mend
  /** It stays `due` for as long as it takes, though an orchestrator runs. */
  patient?: boolean
}

type More = Partial<Pick<Found, 'mend' | 'patient' | 'hint'>>

export const found = (
  level: Level,
  code: Code,
  file: string,
  message: string,
  more: More = {},
): Found => ({
  ...{ code, level, file, message, hint: HINTS[code], repairable: more.mend !== undefined },
  ...more,
})

export interface Report {
  /** Nothing is broken. */
  ok: boolean
  checked: { tasks: number; runs: number; records: number; processes: number }
  findings: Finding[]
}
