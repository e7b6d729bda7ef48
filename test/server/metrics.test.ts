// What Prometheus reads: the index at the moment of the scrape, each ended run once, and nothing for strangers.
import { get, request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openIndex } from '../../src/index/index.ts'
import { startMetrics } from '../../src/server/metrics.ts'
import { agent, run, task } from '../index/rows.ts'
import { folder } from './stage.ts'

async function started(port = 0) {
  const lines: string[] = []
  const log = (level: string, text: string) => void lines.push(`${level} ${text}`)
  const index = await openIndex({ file: join(await folder(), 'tasks.db'), log })
  const metrics = await startMetrics({ port, index, log })
  onTestFinished(async () => {
    await metrics.close()
    await index.close()
  })
  return { index, metrics, lines, port: metrics.port ?? 0 }
}

function fetched(port: number, path: string, { host = `localhost:${port}`, method = 'GET' } = {}) {
  return new Promise<{ status: number | undefined; text: string; type: string | undefined }>(
    (resolve, reject) => {
      const options = { port, host: '127.0.0.1', path, method, headers: { host } }
      const call = (method === 'GET' ? get : request)(options, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve({ status: response.statusCode, text, type: response.headers['content-type'] })
      })
      call.on('error', reject).end()
    },
  )
}

it('tells tasks, agents, runs, durations, tokens and dollars', async () => {
  const { index, port } = await started()
  index.putTask(task('a', { status: 'held' }))
  index.putTask(task('b'))
  index.putAgent(agent('agent_01', { state: 'busy' }))
  const end = {
    ended_at: new Date().toISOString(),
    duration_seconds: 42,
    tokens: 1000,
    cost_usd: 0.5,
  }
  index.putRun(run('b'))
  index.putRun(run('b', { ...end, outcome: 'timeout' }))
  index.putRun(run('b', { ...end, outcome: 'timeout', needs_review: true }))
  index.putRun(run('c'))
  index.putRun(run('c', { outcome: 'success', duration_seconds: -1, tokens: Number.NaN }))
  const { status, text, type } = await fetched(port, '/metrics')
  expect([status, type]).toEqual([200, expect.stringContaining('text/plain; version=0.0.4')])
  const lines = text.split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'orchestrate_tasks{state="held"} 1',
      'orchestrate_tasks{state="pending"} 1',
      'orchestrate_tasks{state="failed"} 0',
      'orchestrate_agents{state="busy"} 1',
      'orchestrate_agents{state="idle"} 0',
      'orchestrate_runs_total{outcome="timeout",agent_type="claude"} 1',
      'orchestrate_runs_total{outcome="success",agent_type="claude"} 1',
      'orchestrate_run_duration_seconds_bucket{le="60",agent_type="claude"} 1',
      'orchestrate_run_duration_seconds_bucket{le="30",agent_type="claude"} 0',
      'orchestrate_run_duration_seconds_sum{agent_type="claude"} 42',
      'orchestrate_tokens_total{agent_type="claude"} 1000',
      'orchestrate_cost_usd_total{agent_type="claude"} 0.5',
    ]),
  )
  index.putTask(task('b', { status: 'failed', file: 'tasks/pending/b.yaml' }))
  expect((await fetched(port, '/metrics')).text).toContain('orchestrate_tasks{state="pending"} 0')
})

it('answers only GET, only what is there, and only for a Host that is this machine', async () => {
  const { port } = await started()
  const status = async (path: string, more?: { host?: string; method?: string }) =>
    (await fetched(port, path, more)).status
  expect(await fetched(port, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await status('/healthz', { host: '127.0.0.1' })).toBe(200)
  expect(await status('/healthz', { host: `[::1]:${port}` })).toBe(200)
  expect(await status('/metrics?x=y')).toBe(200)
  for (const host of ['evil.example', `localhost.evil.example:${port}`, '127.0.0.1:1x']) {
    expect([host, await status('/metrics', { host })]).toEqual([host, 403])
  }
  expect(await status('/metrics', { method: 'POST' })).toBe(405)
  expect(await status('/')).toBe(404)
})

it('a port that is taken is a sentence in the log', async () => {
  const other = createServer()
  await new Promise<void>((ready) => other.listen(0, '127.0.0.1', ready))
  onTestFinished(() => void other.close())
  const address = other.address()
  const taken = typeof address === 'object' && address ? address.port : 0
  const { metrics, lines } = await started(taken)
  expect(metrics.port).toBeNull()
  expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
    `warn no metrics: port ${taken} is taken by another program; set \`monitoring.metrics_port\` to another one`,
  ])
})

it('two at once, each with its own numbers', async () => {
  const [one, two] = [await started(), await started()]
  one.index.putTask(task('a'))
  expect((await fetched(one.port, '/metrics')).text).toContain(
    'orchestrate_tasks{state="pending"} 1',
  )
  expect((await fetched(two.port, '/metrics')).text).toContain(
    'orchestrate_tasks{state="pending"} 0',
  )
})
