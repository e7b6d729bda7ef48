// The state of an agent as people read it. Pure but for the clock.
import { clock } from '../look/words.ts'
import type { AgentRow } from './picture.ts'

/** `limited until 14:00`: of another day with its date. */
export function stateOf({ state, until }: Pick<AgentRow, 'state' | 'until'>): string {
  return until ? `${state} until ${clock(Date.parse(until), Date.now())}` : state
}
