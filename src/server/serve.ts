// The table of operations as HTTP with JSON on a unix socket. Promises: bounded bodies, headers and times; a socket file
// that is removed comes back; `close` ends every connection.
import { lstat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { isErrno } from '../files/files.ts'
import { json } from '../files/shown-json.ts'
import { type Log, OrchestrateError } from '../types.ts'
import { SHOWN } from './client.ts'
import { type Answer, type Dispatch, refusal } from './dispatch.ts'
import { listenAt, preparePrivate } from './listen.ts'

const BODY = 1024 * 1024
/** ms. A request must be here within REQUEST; an idle connection is kept for IDLE; at the end, stragglers get LEAVE. */
const [REQUEST, IDLE, LEAVE] = [10_000, 5_000, 1_000]
/** ms between two looks at whether the socket file is still there (DESIGN 2: it may be deleted at any time). */
const CHECK = 5_000

export interface Served {
  close(): Promise<void>
}

/** `operations`: of createDispatch. The caller holds the lock of the workspace, `mine` or not: see `listenAt`. */
export async function serve(parts: {
  path: string
  operations: Dispatch
  log: Log
  mine?: boolean
  checkMs?: number
}): Promise<Served> {
  const { path, operations, log, mine = false, checkMs = CHECK } = parts
  const leaving = new AbortController()
  const servers = new Set<Server>()

  async function open(first = false): Promise<Server> {
    const server = createServer({
      requestTimeout: REQUEST,
      headersTimeout: REQUEST,
      keepAliveTimeout: IDLE,
      connectionsCheckingInterval: 2_000,
    })
    server.on('request', (request, response) => {
      void respond(request, response, operations, leaving.signal)
    })
    server.maxConnections = 256
    await listenAt(server, path, first && mine)
    servers.add(server.once('close', () => servers.delete(server)))
    return server
  }

  async function check(): Promise<void> {
    try {
      await lstat(path)
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
      await lstat(dirname(path)) // a workspace that is gone is not made again
      server.close() // first: closing removes whatever is at the path
      server = await open()
      log('info', `the socket ${path} was removed; it is back`)
    }
  }

  await preparePrivate(dirname(path))
  let server = await open(true)
  let checking: Promise<void> | null = null
  const timer = setInterval(() => {
    checking ??= check()
      .catch((error) => log('debug', `the socket ${path}: ${error}`)) // the next check tries again
      .finally(() => {
        checking = null
      })
  }, checkMs).unref()

  return {
    async close() {
      clearInterval(timer)
      await checking
      leaving.abort()
      await Promise.all([...servers].map(shut))
    },
  }
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), LEAVE)
    server.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    server.close()
    server.closeIdleConnections()
  })
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  operations: Dispatch,
  leaving: AbortSignal,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const body = await read(request).catch(() => null)
  if (!body) return // it hung up in the middle
  const [type = ''] = (request.headers['content-type'] ?? '').split(';')
  const answer = body.whole
    ? await operations({
        method: request.method ?? '',
        target: request.url ?? '',
        type: type.trim().toLowerCase(),
        body: body.bytes,
        signal: AbortSignal.any([gone.signal, leaving]),
      })
    : refusal(new OrchestrateError('TOO_LARGE', `the body is above ${BODY} bytes`), 413)
  const shown = request.headers.accept === SHOWN && answer.status < 400
  send(response, answer, shown, leaving.aborted || !body.whole)
}

/** All of the body, or that it is too long: the rest is then read and thrown away, so that the asker can hear of it. */
async function read(request: IncomingMessage): Promise<{ whole: boolean; bytes: Buffer }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= BODY) chunks.push(chunk)
    else chunks.length = 0
  }
  return { whole: size <= BODY, bytes: Buffer.concat(chunks) }
}

/** `shown`: as a command prints it; making that of a long list costs a fresh process several times what it costs here. */
function send(
  response: ServerResponse,
  { status, body, allow }: Answer,
  shown: boolean,
  last: boolean,
): void {
  const text = Buffer.from(`${shown ? json(body) : JSON.stringify(body)}\n`)
  response.writeHead(status, {
    'content-type': shown ? SHOWN : 'application/json; charset=utf-8',
    'content-length': text.length,
    'cache-control': 'no-store',
    ...(allow !== undefined && { allow }),
    ...(last && { connection: 'close' }),
  })
  response.end(text)
}
