// The plot of cost against the number of tasks, as SVG. Pure.

const [WIDTH, HEIGHT] = [860, 400]
const AREA = { left: 64, right: 560, top: 24, bottom: 348 }
/** Of each tool; what adds is dashed. */
const COLOURS = {
  ...{ 'orchestrate, running': '#0b6e4f', 'orchestrate, stopped': '#2fa37c' },
  ...{ 'orchestrate, stopped, some added since': '#8cc9b0' },
  ...{ 'Backlog.md': '#1f77b4', taskmaster: '#c44536', taskwarrior: '#8a5a9e' },
}

/** The rows that are points of a line (`line`, `at`), of all parts; both axes by powers of ten. */
export function plot(parts) {
  const rows = Object.values(parts).flatMap(({ rows }) => rows.filter(({ line }) => line))
  const lines = [...new Set(rows.map(({ line }) => line))]
  const sizes = [...new Set(rows.map(({ at }) => at))].sort((a, b) => a - b)
  const all = [1, 10, ...rows.map(({ median }) => median)]
  const top = 10 ** Math.ceil(Math.log10(Math.max(...all)))
  const low = 10 ** Math.floor(Math.log10(Math.min(...all)))
  const x = (size) => scale(size, sizes[0] ?? 1, sizes.at(-1) ?? 10, AREA.left, AREA.right)
  const y = (ratio) => scale(ratio, low, top, AREA.bottom, AREA.top)
  const grid = powers(low, top).flatMap((value) => [
    `<line x1="${AREA.left}" x2="${AREA.right}" y1="${y(value)}" y2="${y(value)}" class="grid"/>`,
    `<text x="${AREA.left - 8}" y="${y(value) + 4}" text-anchor="end">${value} ×</text>`,
  ])
  const ticks = sizes.map(
    (size) =>
      `<text x="${x(size)}" y="${AREA.bottom + 20}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
  )
  const ends = spread(
    lines.map((line) => y(rows.filter((row) => row.line === line).at(-1)?.median ?? 1)),
  )
  const drawn = lines.flatMap((line, n) => {
    const [tool, does] = line.split(': ')
    const own = rows.filter((row) => row.line === line)
    const colour = COLOURS[tool] ?? '#777'
    const dash = does === 'add' ? ' stroke-dasharray="5 4"' : ''
    const points = own.map(({ at, median }) => `${x(at)},${y(median)}`).join(' ')
    return [
      `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
      `<text x="${AREA.right + 12}" y="${ends[n] + 4}" fill="${colour}">${line}</text>`,
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#444">
<title>The cost of a command against the number of tasks</title>
<style>.grid { stroke: #ddd }</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${[...grid, ...ticks, ...drawn].join('\n')}
<text x="${(AREA.left + AREA.right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">tasks; a whole command against \`node -e 0\`, medians</text>
</svg>
`
}

const scale = (value, from, to, low, high) =>
  Number((low + ((high - low) * Math.log(value / from)) / Math.log(to / from || 10)).toFixed(1))

function powers(from, to) {
  const found = []
  for (let value = from; value <= to * 1.001; value *= 10) found.push(Number(value.toPrecision(1)))
  return found
}

/** The names beside the ends of the lines, no two on each other. */
function spread(heights) {
  const order = heights.map((_, n) => n).sort((a, b) => heights[a] - heights[b])
  const found = [...heights]
  let above = Number.NEGATIVE_INFINITY
  for (const n of order) {
    found[n] = Math.max(found[n], above + 14)
    above = found[n]
  }
  return found
}
