// How things look: colours, clean text, tables, times. Promises: what came from a file or an agent cannot move
// the cursor or colour the screen; colour is judged per stream; nothing is cut off unless a person's screen ends there.
import { fstatSync, writeSync } from 'node:fs'

export { json } from '../files/shown-json.ts'

/** One stream to print on. */
export interface Paper {
  write(text: string | Uint8Array): void
  line(text?: string): void
  /** On a terminal, and may be redrawn. */
  live: boolean
  columns: number
  rows: number
  paint: Record<Colour, (text: string) => string>
}

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const
type Colour = keyof typeof COLOURS

/**
 * @param stream asked for a terminal only: making a stream of a pipe loads what a short command can do without, a
 * tenth of its time.
 */
export function paper(fd: 1 | 2, stream: () => NodeJS.WriteStream, env: NodeJS.ProcessEnv): Paper {
  const device = fstatSync(fd).isCharacterDevice() ? stream() : null
  const terminal = device?.isTTY ? device : null
  const live = terminal !== null && env.TERM !== 'dumb'
  const coloured = live && !env.NO_COLOR
  const paint = Object.fromEntries(
    Object.entries(COLOURS).map(([name, code]) => [
      name,
      (text: string) => (coloured && text ? `\u001b[${code}m${text}\u001b[0m` : text),
    ]),
  )
  const write = (text: string | Uint8Array) =>
    void (terminal ? terminal.write(text) : writeAll(fd, text))
  return {
    write,
    line: (text = '') => write(`${text}\n`),
    live,
    // Without a screen nothing is cut.
    get columns() {
      return live ? terminal.columns || 80 : Number.POSITIVE_INFINITY
    },
    get rows() {
      return live ? terminal.rows || 24 : Number.POSITIVE_INFINITY
    },
    paint: paint as Paper['paint'],
  }
}

/** ms between two tries at a pipe that is full and will not block. */
const FULL = 5

function writeAll(fd: number, text: string | Uint8Array): void {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Whoever read us has enough (`| head`): that is no failure.
      if (code === 'EPIPE' || code === 'ECONNRESET') process.exit(0)
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL)
    }
  }
}

const ESC = '\u001b'
/** CSI, OSC and the two-character ones. */
const ESCAPES = new RegExp(
  String.raw`${ESC}(?:\[[0-?]*[ -/]*[@-~]|\][^\x07${ESC}]*(?:\x07|${ESC}\\)?|[@-_])?`,
  'g',
)
/** Control characters, and those that turn text around. */
const CONTROLS = /(?![\n\t])\p{Cc}|\p{Bidi_Control}/gu
const COLOURED = new RegExp(String.raw`${ESC}\[\d+m`, 'g')

/** Nothing to clean, each one column wide: most texts, and what is below costs a list of 1,000 tasks half its time. */
const PLAIN = /^[ -~]*$/
const PLAIN_LINE = /^[!-~]+(?: [!-~]+)*$/

/** Without escape sequences and control characters; lines and tabs stay. */
export function clean(text: string): string {
  if (PLAIN.test(text)) return text
  return text.replace(/\r\n/g, '\n').replace(ESCAPES, '').replace(CONTROLS, '')
}

/** Clean, and on one line. */
export const oneLine = (text: string): string =>
  PLAIN_LINE.test(text) ? text : clean(text).replace(/\s+/g, ' ').trim()

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const NARROW = /\p{M}|\p{Cf}|\p{Variation_Selector}/u

/** Columns on a screen. */
export function width(text: string): number {
  if (PLAIN.test(text)) return text.length
  let sum = 0
  for (const c of text.replace(COLOURED, ''))
    sum += c < '\u0300' ? 1 : NARROW.test(c) ? 0 : WIDE.test(c) ? 2 : 1
  return sum
}

/** Cut to `columns`, with `…` where something is missing. For text without colours. */
export function cut(text: string, columns: number): string {
  if (columns === Number.POSITIVE_INFINITY || width(text) <= columns) return text
  let [kept, used] = ['', 0]
  for (const c of text) {
    used += width(c)
    if (used > columns - 1) break
    kept += c
  }
  return `${kept}…`
}

/** A line that may be coloured, on one row of the screen: one that wraps would break the redrawing. */
export const onOneRow = (on: Paper, line: string): string =>
  width(line) < on.columns ? line : cut(line.replace(COLOURED, ''), on.columns - 1)

export interface Cell {
  text: string
  colour?: Colour | undefined
}

/** Rows under each other, two spaces between columns; the last column is cut at the screen's edge. */
export function table(on: Paper, head: string[], rows: (string | Cell)[][]): string[] {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)),
  )
  const last = cells.reduce((most, row) => Math.max(most, row.length - 1), head.length - 1)
  const widths = Array.from({ length: Math.max(0, last) }, (_, i) =>
    cells.reduce((most, row) => Math.max(most, width(row[i]?.text ?? '')), width(head[i] ?? '')),
  )
  const room = Math.max(10, on.columns - widths.reduce((sum, w) => sum + w + 2, 0) - 1)
  const line = (row: Cell[]) =>
    row
      .map(({ text, colour }, i) => {
        const shown = i === last ? cut(text, room) : text
        const pad =
          i === row.length - 1 ? '' : ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(shown) + 2))
        return (colour ? on.paint[colour](shown) : shown) + pad
      })
      .join('')
      .trimEnd()
  const heading =
    head.length > 0 ? [line(head.map((text) => ({ text, colour: 'dim' as const })))] : []
  return [...heading, ...cells.map(line)]
}

/** `8s`, `2m 10s`, `3h 5m`, `2d 4h`. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const pairs: [number, string, number, string][] = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'm'],
    [60, 'm', 1, 's'],
  ]
  for (const [big, bigName, small, smallName] of pairs) {
    if (s < big) continue
    const rest = Math.floor((s % big) / small)
    return `${Math.floor(s / big)}${bigName}${rest ? ` ${rest}${smallName}` : ''}`
  }
  return `${s}s`
}

/** `1 task`, `2 tasks`. */
export const count = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? '' : 's'}`

/** An argument vector as a person would type it. */
export const quoted = (argv: readonly string[]): string =>
  argv
    .map((word) => (/^[\w@%+=:,./{}-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')

/** As toLocaleString('en'), which sets up all of Intl for it: a third of what starting node takes. */
const thousands = (whole: number): string => String(whole).replace(/\B(?=(?:\d{3})+$)/g, ',')

/** `1,234,567 tokens, $3.41`; nothing where nothing was told. */
export const usedWords = ({
  tokens,
  cost_usd: usd,
}: {
  tokens: number
  cost_usd: number
}): string =>
  [tokens > 0 && `${thousands(tokens)} tokens`, usd > 0 && `$${usd.toFixed(2)}`]
    .filter(Boolean)
    .join(', ')
