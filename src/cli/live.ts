// The live table: drawn in place, again and again, under whatever is printed above it. Promises: only on a terminal;
// it never grows past the screen; the cursor is given back, also when the process is ended by a signal.
import { stateOf } from './agent-state.ts'
import { duration, oneLine, onOneRow, type Paper, table, width } from './output.ts'
import type { Picture } from './picture.ts'

const HIDE = '\u001b[?25l'
const SHOW = '\u001b[?25h'

export interface Live {
  /** Prints a clean line that stays, above the table. */
  above(text: string): void
  draw(picture: Picture): void
  /** Leaves the last table standing (or takes it away) and gives the cursor back. */
  end(keep?: boolean): void
}

export function live(on: Paper): Live {
  let shown: string[] = []
  const giveBack = () => on.write(SHOW)
  process.once('exit', giveBack)
  on.write(HIDE)
  const wipe = () => {
    if (shown.length > 0) on.write(`\u001b[${shown.length}A\r\u001b[J`)
  }
  const put = () => on.write(shown.map((line) => `${line}\n`).join(''))
  return {
    above(text) {
      wipe()
      on.line(text)
      put()
    },
    draw(picture) {
      wipe()
      // The last row stays free: writing there would scroll the screen.
      shown = screen(on, picture)
        .slice(0, on.rows - 1)
        .map((line) => onOneRow(on, line))
      put()
    },
    end(keep = true) {
      if (!keep) wipe()
      shown = []
      giveBack()
      process.removeListener('exit', giveBack)
    },
  }
}

/** The lines of one picture: progress, agents, what waits. At most the screen's height. */
function screen(on: Paper, { status, agents }: Picture, now = Date.now()): string[] {
  const { paint } = on
  const { pending, assigned, completed, failed, held, invalid } = status.tasks
  const total = pending + assigned + completed + failed + held + invalid
  const parts = [
    `${completed}/${total} done`,
    assigned > 0 && paint.green(`${assigned} running`),
    pending > 0 && `${pending} waiting`,
    failed > 0 && paint.red(`${failed} failed`),
    held > 0 && paint.yellow(`${held} held`),
    invalid > 0 && paint.yellow(`${invalid} invalid`),
  ].filter((part) => part !== false)
  const head = `${bar(on, completed, failed + held + invalid, total)} ${parts.join(' · ')}`
  const runs = new Map(status.active.map((run) => [run.id, run]))
  const rows = agents.map((agent) => {
    const run = runs.get(agent.task_id ?? '')
    return [
      ` ${agent.id}`,
      oneLine(agent.type),
      { text: stateOf(agent), colour: STATE_COLOUR[agent.state] },
      oneLine(agent.task_id ?? ''),
      run?.started_at ? duration(now - Date.parse(run.started_at)) : '',
      oneLine(run?.description ?? ''),
    ]
  })
  const room = on.rows - agents.length - 3
  const waiting = status.waiting.slice(0, Math.max(0, Math.min(8, room)))
  const more = status.waiting.length - waiting.length
  return [
    head,
    ...table(on, [], rows),
    ...table(
      on,
      [],
      waiting.map(({ id, reason }) => [` ${oneLine(id)}`, oneLine(reason)]),
    ).map(paint.dim),
    ...(more > 0 ? [paint.dim(` and ${more} more`)] : []),
  ]
}

const STATE_COLOUR = {
  idle: 'dim',
  busy: 'green',
  failed: 'red',
  limited: 'yellow',
  missing: 'yellow',
} as const

function bar(on: Paper, done: number, bad: number, total: number): string {
  const size = 20
  const part = (n: number) => (total === 0 ? 0 : Math.round((n / total) * size))
  const good = part(done)
  const wrong = Math.min(size - good, part(bad))
  const { paint } = on
  const text =
    paint.green('█'.repeat(good)) +
    paint.red('█'.repeat(wrong)) +
    paint.dim('░'.repeat(size - good - wrong))
  return width(text) === size ? text : ''
}
