// `/metrics` and `/healthz` on 127.0.0.1 for Prometheus. Promises: GET only, and only for a Host that is this machine (a
// web page cannot read it by DNS rebinding); a port that is taken is a line in the log, not the end.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isErrno } from '../files/files.ts'
import type { Log } from '../types.ts'
import { type Countable, createGauges } from './gauges.ts'

const HOSTS = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i

export interface Metrics {
  /** Null when it could not be taken. */
  port: number | null
  close(): Promise<void>
}

/** `port` 0: any free one. Start it before the orchestrator, so that no end of a run is missed. */
export async function startMetrics(parts: {
  port: number
  index: Countable
  log: Log
}): Promise<Metrics> {
  const { index, log } = parts
  const gauges = await createGauges(index)

  async function answer(request: IncomingMessage): Promise<[number, string, string?]> {
    if (!HOSTS.test(request.headers.host ?? '')) return [403, 'this host name is not served here\n']
    if (request.method !== 'GET') return [405, 'GET only\n']
    const [path] = (request.url ?? '').split('?')
    if (path === '/healthz') return [200, 'ok\n']
    if (path === '/metrics') return [200, await gauges.text(), gauges.type]
    return [404, 'there are /metrics and /healthz\n']
  }

  const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 5_000 })
  server.on('request', async (request, response) => {
    const [status, text, type = 'text/plain; charset=utf-8'] = await answer(request).catch(
      (error): [number, string] => {
        log('warn', `metrics: ${error instanceof Error ? error.message : String(error)}`)
        return [500, 'no metrics now\n']
      },
    )
    response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' })
    response.end(text)
  })
  const port = await new Promise<number | null>((resolve) => {
    server.on('error', (error) => {
      const taken = isErrno(error, 'EADDRINUSE') ? 'is taken by another program' : error.message
      const hint = 'set `monitoring.metrics_port` to another one'
      log('warn', `no metrics: port ${parts.port} ${taken}; ${hint}`)
      resolve(null)
    })
    server.listen(parts.port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
  server.unref() // being watched is no reason to live
  return {
    port,
    close() {
      gauges.close()
      return new Promise((resolve) => {
        if (!server.listening) return resolve()
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}
