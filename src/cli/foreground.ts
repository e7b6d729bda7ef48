// An orchestrator in this very process: the live table on a terminal, plain lines elsewhere. Promises: Ctrl-C stops
// gently and says what it waits for, a second one interrupts; the terminal is given back.

import type { Workspace } from '../files/workspace.ts'
import type { Log } from '../types.ts'
import type { World } from './act.ts'
import { type Composed, compose, type Wishes } from './compose.ts'
import { live } from './live.ts'
import { clean, count } from './output.ts'

/** ms between two pictures. */
const EVERY = 250

export interface Attended {
  composed: Composed
  interrupted: boolean
}

/** Works until `enough` resolves or someone stops it; all is put away when this returns. */
export async function attend(
  at: Workspace,
  { talk }: World,
  wishes: Omit<Wishes, 'echo' | 'announce' | 'heed'>,
  enough: (composed: Composed) => Promise<unknown>,
): Promise<Attended> {
  let view: ReturnType<typeof live> | null = null
  const say = (text: string) => (view ? view.above(clean(text)) : talk.line(clean(text)))
  const echo: Log = (level, text) => {
    const colour =
      level === 'error' ? talk.paint.red : level === 'warn' ? talk.paint.yellow : talk.paint.dim
    const line = `${new Date().toTimeString().slice(0, 8)} ${clean(text)}`
    if (view) view.above(colour(line))
    else talk.line(colour(line))
  }
  let signals: ReturnType<typeof onSignals> | undefined
  const heed = (one: Composed) => {
    signals = onSignals(one, say)
  }
  const announce = (notes: string[]) => notes.forEach(say)
  const composed = await compose(at, { ...wishes, echo, announce, heed })
  if (talk.live) view = live(talk)
  const draw = () => view?.draw(composed.picture())
  const timer = setInterval(draw, EVERY)
  try {
    await Promise.race([enough(composed), composed.stopped])
    draw()
    composed.stop('wait')
    await composed.stopped
  } finally {
    clearInterval(timer)
    view?.end()
  }
  return { composed, interrupted: signals?.interrupted ?? false }
}

/** The first signal stops gently, the second interrupts the agents. A hang-up (a closed terminal) is none of our business. */
export function onSignals(composed: Composed, say: (text: string) => void) {
  const state = { count: 0, interrupted: false }
  const stop = (signal: NodeJS.Signals) => {
    state.count++
    state.interrupted ||= signal === 'SIGINT'
    const active = composed.orchestrator.active()
    if (state.count === 1 && active.length > 0) {
      say(
        `stopping; waiting for ${count(active.length, 'running agent')} (${active.join(', ')}). Once more interrupts them; their tasks go back to pending.`,
      )
    } else if (state.count === 2) say('interrupting the running agents')
    composed.stop(state.count === 1 ? 'wait' : 'now')
  }
  const poke = () => composed.orchestrator.poke()
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', poke)
  void composed.stopped.then(() => {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', poke)
  })
  return state
}
