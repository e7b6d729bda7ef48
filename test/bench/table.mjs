// The one table of the bench, and what counts as broken. Pure but for printing.
import { cpus, loadavg } from 'node:os'

/** `--check` fails only beyond this much of a limit: the machines that run it are small and shared. */
const FAR = 1.5

export function createTable() {
  const rows = []
  return {
    /** `limit` null or absent: told only. `least`: the limit is a lower one. */
    row: (row) => void rows.push(row),

    /** Returns how many limits are broken by far. */
    print({ rounds, waiting }) {
      const shown = rows.map((row) => [
        row.what,
        ...[row.quiet, row.median, row.p95].map(number),
        row.unit,
        row.limit ? `${row.least ? '≥' : '≤'} ${row.limit}` : '',
        { met: 'met', missed: 'missed', far: 'MISSED BY FAR', none: '' }[verdict(row)],
      ])
      const head = ['WHAT', 'QUIET', 'MEDIAN', 'P95', 'UNIT', 'LIMIT', '']
      const widths = head.map((_, i) => Math.max(...[head, ...shown].map((row) => row[i].length)))
      const right = (i) => i >= 1 && i <= 3
      for (const row of [head, ...shown]) {
        const cells = row.map((c, i) => (right(i) ? c.padStart(widths[i]) : c.padEnd(widths[i])))
        console.log(cells.join('  ').trimEnd())
      }
      const load = loadavg()[0].toFixed(1)
      console.log(
        `\n${waiting} tasks waiting, ${rounds} rounds; node ${process.version}, ${cpus().length} cores, load ${load} at the end`,
      )
      return rows.filter((row) => verdict(row) === 'far').length
    },
  }
}

function verdict({ median, limit, least }) {
  if (!limit) return 'none'
  if (least) return median >= limit ? 'met' : 'far'
  return median <= limit ? 'met' : median <= limit * FAR ? 'missed' : 'far'
}

function number(value) {
  if (value === undefined) return ''
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}
