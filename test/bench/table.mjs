// The one table of the bench, and what counts as broken. Pure but for printing.
import { cpus, loadavg } from 'node:os'

/** `--check` fails only beyond this much of a limit: the machines that run it are small and shared. */
const FAR = 1.5
/** And, where the recorded figure is beyond the limit itself, beyond this much of that: a doubling is seen, noise is not. */
const WORSE = 1.75

/** @param known the recorded row of that name, if there is one. */
export function createTable(known) {
  const rows = []
  return {
    rows,
    /** `limit` null or absent: told only. `least`: the limit is a lower one. `guarded` false: no doubling is seen in it. */
    row: (row) => void rows.push(row),

    /** Returns how many limits are broken by far, and ratios doubled. */
    print({ rounds, waiting }) {
      for (const line of lines(rows, (row) => verdict(row, known(row)))) console.log(line)
      const load = loadavg()[0].toFixed(1)
      console.log(
        `\n${waiting} tasks waiting, ${rounds} rounds; node ${process.version}, ${cpus().length} cores, load ${load} at the end`,
      )
      return rows.filter((row) => BROKEN.includes(verdict(row, known(row)))).length
    },
  }
}

const BROKEN = ['far', 'worse']
const SAID = {
  ...{ met: 'met', missed: 'missed', far: 'MISSED BY FAR', none: '' },
  ...{ worse: 'WORSE BY FAR', known: 'missed, as recorded' },
}

/** Aligned, the head first. */
function lines(rows, judge) {
  const shown = rows.map((row) => [...cells(row), SAID[judge(row)]])
  const head = [...HEAD, '']
  const widths = head.map((_, i) => Math.max(...[head, ...shown].map((row) => row[i].length)))
  const right = (i) => i >= 1 && i <= 3
  return [head, ...shown].map((row) =>
    row
      .map((cell, i) => (right(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  )
}

export const HEAD = ['WHAT', 'QUIET', 'MEDIAN', 'P95', 'UNIT', 'LIMIT']

export const cells = (row) => [
  row.what,
  ...[row.quiet, row.median, row.p95].map(number),
  row.unit,
  row.limit ? `${row.least ? '≥' : '≤'} ${row.limit}` : '',
]

export const isMet = ({ median, limit, least }) => (least ? median >= limit : median <= limit)

const isRatio = ({ unit }) => unit.startsWith('×')

/** Of a ratio, the quietest counts where there is a record: noise only adds. */
function verdict(row, known) {
  const { median, quiet = median, limit, least } = row
  if (median === undefined) return 'none'
  const doubled = known && quiet > (known.quiet ?? known.median) * WORSE
  const worse = isRatio(row) && row.guarded !== false && doubled
  if (!limit) return worse ? 'worse' : 'none'
  if (isMet(row)) return 'met'
  if (least) return 'far'
  if (Math.min(median, quiet) <= limit * FAR) return 'missed'
  if (known && isRatio(row) && !isMet({ ...known, limit })) return worse ? 'worse' : 'known'
  return 'far'
}

function number(value) {
  if (value === undefined) return ''
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}
