// Asks a running orchestrator over its socket. Promises: costs a command little (node:net alone: node:http doubles it);
// null when nobody listens; everything else that is no answer throws, within the time-out.
import { OrchestrateError } from '../types.ts'

export interface Reply {
  status: number
  /** JSON of the operation; `{error: {code, message, hint?}}` from status 400 up. */
  body: unknown
  /** The body as it is to be printed, where that was asked for and the orchestrator knows how; `body` is then null. */
  shown?: Buffer
}

/** Of an answer as src/files/shown-json.ts makes it. An orchestrator that does not know it answers as ever. */
export const SHOWN = 'application/json; indent=2'

const LENGTH = '\r\ncontent-length: '

/** bytes; 100,000 tasks with long descriptions are some 100 MB. */
const LARGEST = 512 * 1024 * 1024

/** `route`: path and query, encoded; `accept`: JSON, or SHOWN. Throws `NO_ANSWER` (too late, or cut off) or `BAD_ANSWER`. */
export function ask(
  path: string,
  method: 'GET' | 'POST',
  route: string,
  body?: unknown,
  timeoutMs = 10_000,
  accept?: typeof SHOWN,
): Promise<Reply | null> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const head = [
    `${method} ${route} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...(method === 'POST' ? [`Content-Length: ${Buffer.byteLength(text)}`] : []),
    ...(text ? ['Content-Type: application/json'] : []),
    ...(accept ? [`Accept: ${accept}`] : []),
  ]
  return new Promise((resolve, reject) => {
    if (!/^\/[\x21-\x7e]*$/.test(route)) throw new TypeError(`the route ${route} is not encoded`)
    const chunks: Buffer[] = []
    let size = 0
    let whole = Number.POSITIVE_INFINITY
    let fault: NodeJS.ErrnoException | undefined
    // Not imported above: it costs a command that finds no socket a twentieth of its time.
    const socket = process.getBuiltinModule('node:net').connect(path)
    const late = setTimeout(() => {
      socket.destroy(new Error(`it did not answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
    const finish = () => {
      socket.off('close', finish)
      clearTimeout(late)
      if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(fault?.code ?? '')) return resolve(null)
      try {
        const reply = parse(Buffer.concat(chunks))
        if (reply) return resolve(reply)
        const why = fault?.message ?? 'it hung up'
        throw failure('NO_ANSWER', `the orchestrator gave no answer: ${why}`, fault)
      } catch (error) {
        reject(error)
      }
    }
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > LARGEST) return void socket.destroy(new Error('its answer is too large'))
      if (chunks.length === 1) whole = expected(chunk)
      if (!(size >= whole)) return
      // Not only when the connection is closed: that takes the orchestrator and this process a turn more each.
      finish()
      setImmediate(() => socket.destroy()) // and what waits for the answer goes first
    })
    socket.on('error', (error) => {
      fault = error
    })
    socket.on('close', finish)
    socket.write(`${head.join('\r\n')}\r\n\r\n${text}`)
  })
}

function failure(code: string, message: string, cause?: unknown): OrchestrateError {
  return new OrchestrateError(code, message, '.orchestrate/orchestrate.log may tell why', { cause })
}

/** Bytes of the whole reply, by a head that came in one piece and is spelt as ours is; else infinitely many. */
function expected(start: Buffer): number {
  const end = start.indexOf('\r\n\r\n')
  const at = start.indexOf(LENGTH) + LENGTH.length
  const told = at > LENGTH.length && at < end
  return told
    ? end + 4 + Number.parseInt(start.toString('latin1', at, end), 10)
    : Number.POSITIVE_INFINITY
}

/** The reply, or null when it is not whole. Throws `BAD_ANSWER` when it is no HTTP or no JSON. */
export function parse(raw: Buffer): Reply | null {
  const end = raw.indexOf('\r\n\r\n')
  if (end < 0) return null
  const [first = '', ...lines] = raw.toString('latin1', 0, end).split('\r\n')
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1]
  if (!status) throw failure('BAD_ANSWER', 'what listens on the socket does not speak HTTP')
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const rest = raw.subarray(end + 4)
  const length = headers.get('content-length')
  const chunked = /\bchunked$/i.test(headers.get('transfer-encoding') ?? '')
  // Without either, the end of the connection is the end of the body.
  const body = chunked ? dechunk(rest) : rest.subarray(0, Number(length ?? rest.length))
  if (!body || (length !== undefined && !chunked && body.length !== Number(length))) return null
  if (headers.get('content-type') === SHOWN) {
    return { status: Number(status), body: null, shown: body }
  }
  try {
    return { status: Number(status), body: body.length > 0 ? JSON.parse(body.toString()) : null }
  } catch (cause) {
    throw failure('BAD_ANSWER', 'what listens on the socket does not answer in JSON', cause)
  }
}

/** The chunks joined; null when the last one is missing. */
function dechunk(raw: Buffer): Buffer | null {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = raw.indexOf('\r\n', at)
    if (line < 0) return null
    const size = Number.parseInt(raw.toString('latin1', at, line), 16)
    if (size === 0) return Buffer.concat(parts)
    const end = line + 2 + size
    if (!(end + 2 <= raw.length)) return null // also when the size is no number
    parts.push(raw.subarray(line + 2, end))
    at = end + 2
  }
}
