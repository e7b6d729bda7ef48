// Round trips through the socket: what is asked is answered, and what is asked wrongly is refused in a sentence.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ask } from '../../src/server/client.ts'
import { OPERATIONS } from '../../src/server/operations.ts'
import { agent, event, run, task } from '../index/rows.ts'
import { stage } from './stage.ts'

const curl = async (path: string, ...args: string[]) => {
  const all = ['-sS', '--max-time', '20', '--unix-socket', path, '-w', '\n%{http_code}', ...args]
  const { stdout } = await promisify(execFile)('curl', all, { maxBuffer: 1e8 })
  const at = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(at + 1)), body: JSON.parse(stdout.slice(0, at)) }
}
const JSON_TYPE = ['-H', 'content-type: application/json']

describe('answers', () => {
  it('the same to the client and to curl', async () => {
    const { path, index } = await stage()
    index.putTask(task('a', { status: 'assigned', agentId: 'agent_01', attempt: 1 }))
    index.putTask(task('b', { description: 'Ünï 😀' }))
    index.putRun(run('a'))
    index.putAgent(agent('agent_01', { state: 'busy' }))
    index.event(event('hello', { taskId: 'a' }))
    for (const [route, body] of [
      ['/healthz', { ok: true, pid: 4711, halted: 'the disk is full' }],
      ['/status', index.status({ pid: 4711, halted: 'the disk is full', notes: ['a note'] })],
      ['/tasks', index.tasks()],
      ['/tasks?status=active', index.tasks({ status: 'assigned' })],
      ['/tasks?status=held', []],
      ['/tasks?limit=1', index.tasks({ limit: 1 })],
      ['/agents', index.agents()],
      ['/tasks/A', index.show('a')],
      ['/events', index.events(0)],
      ['/events?after=1', { events: [], last: 1 }],
    ] as const) {
      expect([route, await ask(path, 'GET', route)]).toEqual([route, { status: 200, body }])
      expect(await curl(path, `http://localhost${route}`)).toEqual({ status: 200, body })
    }
  })

  it('add, retry, cancel, look and stop reach the orchestrator', async () => {
    const { path, asked, index } = await stage()
    const tasks = [
      { description: 'one\ntwo', priority: 'high', dependencies: ['x'], max_retries: 0 },
      { description: 'Ünï', id: 'b', timeout_minutes: 0.5, subtasks: [], not_before: '2030-01-01' },
    ]
    const post = (route: string, body?: unknown) => ask(path, 'POST', route, body)
    expect(await post('/tasks', { tasks })).toEqual({
      status: 201,
      body: { ids: ['task_1', 'b'], agents: index.agents() },
    })
    expect(await post('/tasks/a/retry')).toEqual({
      status: 200,
      body: { message: 'a waits again' },
    })
    expect(await post('/tasks/a/cancel', {})).toMatchObject({ body: { message: 'a is cancelled' } })
    expect(await post('/look')).toEqual({ status: 200, body: {} })
    expect(await post('/stop')).toEqual({ status: 202, body: { how: 'wait', active: ['a'] } })
    expect(await post('/stop', { how: 'now' })).toMatchObject({ status: 202, body: { how: 'now' } })
    expect(asked).toEqual([['add', tasks], ['poke'], ['stop', 'wait'], ['stop', 'now']])
    const one = ['-d', '{"tasks":[{"description":"by curl"}]}']
    expect((await curl(path, ...JSON_TYPE, ...one, 'http://localhost/tasks')).status).toBe(201)
  })

  it('two clients at once, and many', async () => {
    const { path, index } = await stage()
    for (let i = 0; i < 2000; i++) index.putTask(task(`t${i}`, { description: 'x'.repeat(500) }))
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => ask(path, 'GET', i % 2 ? '/tasks' : '/status')),
    )
    for (const [i, reply] of all.entries()) {
      if (i % 2) expect(reply?.body).toHaveLength(2000)
      else expect(reply?.body).toMatchObject({ tasks: { pending: 2000 } })
    }
  })

  it('events wait for one to come, and an end of the server ends the waiting', async () => {
    const { path, index, served } = await stage()
    const first = ask(path, 'GET', '/events?after=0&wait=25', undefined, 30_000)
    await ask(path, 'GET', '/healthz') // the server has had its turn with the first
    index.event(event('news'))
    expect(await first).toMatchObject({ body: { last: 1, events: [{ text: 'news' }] } })
    const second = ask(path, 'GET', '/events?after=1&wait=25', undefined, 30_000)
    await ask(path, 'GET', '/healthz')
    await served.close()
    expect(await second).toEqual({ status: 200, body: { events: [], last: 1 } })
  })
})

describe('refuses', () => {
  const wrong: [string, string, unknown, number, string, RegExp][] = [
    ['GET', '/nothing', undefined, 404, 'NO_ROUTE', /there is no GET \/nothing/],
    ['GET', '/', undefined, 404, 'NO_ROUTE', /there is no/],
    ['GET', '/tasks/', undefined, 400, 'BAD_INPUT', /`id` must not be empty/],
    ['GET', '/tasks/nobody', undefined, 404, 'NO_TASK', /no task `nobody`/],
    ['GET', '/tasks/%ff', undefined, 400, 'BAD_INPUT', /not well encoded/],
    ['GET', '/tasks?status=gone', undefined, 400, 'BAD_INPUT', /`status` must be one of pending/],
    ['GET', '/tasks?staus=held', undefined, 400, 'BAD_INPUT', /`staus` is an unknown key/],
    ['GET', '/tasks?limit=-1', undefined, 400, 'BAD_INPUT', /`limit` must be a whole number/],
    ['GET', '/tasks?limit=1&limit=2', undefined, 400, 'BAD_INPUT', /`limit` is given twice/],
    ['GET', '/tasks/a?id=b', undefined, 400, 'BAD_INPUT', /`id` is in the path already/],
    ['GET', '/status?a=b', undefined, 400, 'BAD_INPUT', /`a` is an unknown key/],
    ['GET', '/status?__proto__=b', undefined, 400, 'BAD_INPUT', /unknown key/],
    ['GET', '/events?wait=26', undefined, 400, 'BAD_INPUT', /from 0 to 25/],
    ['POST', '/tasks', undefined, 400, 'BAD_INPUT', /`tasks` is missing/],
    ['POST', '/tasks', [], 400, 'BAD_INPUT', /must be an object/],
    ['POST', '/tasks', { tasks: [] }, 400, 'BAD_INPUT', /must have 1 to/],
    ['POST', '/tasks', { tasks: {} }, 400, 'BAD_INPUT', /`tasks` must be a list/],
    ['POST', '/tasks', { tasks: ['x'] }, 400, 'BAD_INPUT', /`tasks`\[0\] must be an object/],
    ['POST', '/tasks', { tasks: [{}] }, 400, 'BAD_INPUT', /`description` is missing/],
    ['POST', '/tasks', { tasks: [{ description: ' ' }] }, 400, 'BAD_INPUT', /not be empty/],
    ['POST', '/tasks', { tasks: [{ description: 1 }] }, 400, 'BAD_INPUT', /must be text/],
    [
      ...(['POST', '/tasks', { tasks: [{ description: 'x', prioirty: 'high' }] }] as const),
      ...([400, 'BAD_INPUT', /`tasks`\[0\]\.`prioirty` is an unknown key/] as const),
    ],
    [
      ...(['POST', '/tasks', { tasks: [{ description: 'x', timeout_minutes: 0 }] }] as const),
      ...([400, 'BAD_INPUT', /`timeout_minutes` must be a number above 0/] as const),
    ],
    ['POST', '/tasks/a/retry', { id: 'b' }, 400, 'BAD_INPUT', /`id` is in the path already/],
    ['POST', '/tasks/b/retry', undefined, 404, 'NO_TASK', /no task/],
    ['POST', '/tasks/full/cancel', undefined, 409, 'FULL', /the queue is full/],
    ['POST', '/stop?how=now', undefined, 400, 'BAD_INPUT', /not in the query/],
    ['POST', '/stop', { how: 'please' }, 400, 'BAD_INPUT', /wait, now, detach/],
    ['POST', '/status', undefined, 405, 'NO_METHOD', /answers GET, not POST/],
    ['DELETE', '/tasks', undefined, 405, 'NO_METHOD', /answers GET, POST, not DELETE/],
  ]
  it('what is wrong, in a sentence', async () => {
    const { path, asked } = await stage()
    for (const [method, route, body, status, code, message] of wrong) {
      const data = body === undefined ? [] : [...JSON_TYPE, '-d', JSON.stringify(body)]
      const reply = await curl(path, '-g', '-X', method, ...data, `http://localhost${route}`)
      expect([method, route, reply.status, reply.body.error?.code]).toEqual([
        ...[method, route, status, code],
      ])
      expect(reply.body.error.message).toMatch(message)
    }
    expect(asked).toEqual([])
  })

  it('a body that is no JSON, no UTF-8, of another type, or too large', async () => {
    const { path, root, asked } = await stage()
    const url = 'http://localhost/tasks'
    const error = (code: string, status: number) => ({ status, body: { error: { code } } })
    const bad = await curl(path, ...JSON_TYPE, '-d', '{"tasks":', url)
    expect(bad).toMatchObject(error('BAD_INPUT', 400))
    const file = join(root, 'latin1.json')
    await writeFile(file, Buffer.from('{"tasks":[{"description":"\xe9"}]}', 'latin1'))
    const latin = await curl(path, ...JSON_TYPE, '--data-binary', `@${file}`, url)
    expect(latin).toMatchObject(error('BAD_INPUT', 400))
    const form = await curl(path, '-d', '{"tasks":[{"description":"x"}]}', url)
    expect(form).toMatchObject(error('NOT_JSON', 415))
    const tasks = (size: number) => ({ tasks: [{ description: 'x'.repeat(size) }] })
    const large = await ask(path, 'POST', '/tasks', tasks(5_000_000))
    expect(large).toMatchObject(error('TOO_LARGE', 413))
    expect(asked).toEqual([])
    const fits = await ask(path, 'POST', '/tasks', tasks(1_000_000))
    expect(fits).toMatchObject({ status: 201 })
  })

  it('a fault of ours is told to the log, and not to the asker', async () => {
    const { path, lines } = await stage()
    const reply = await ask(path, 'POST', '/tasks/bug/retry')
    expect(reply).toMatchObject({ status: 500, body: { error: { code: 'INTERNAL' } } })
    expect(JSON.stringify(reply)).not.toContain('secret')
    expect(lines.join('\n')).toMatch(/error POST \/tasks\/bug\/retry: TypeError: a secret of ours/)
  })

  it('any input, without a fault of ours', async () => {
    const { path, lines } = await stage()
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...OPERATIONS),
        fc.json(),
        fc.string({ unit: 'grapheme' }),
        async (it, body, id) => {
          const route = it.path.replace(':id', encodeURIComponent(`x${id}`))
          const input = it.method === 'POST' ? JSON.parse(body) : undefined
          const reply = await ask(path, it.method, route, input)
          expect(reply?.status).toBeLessThan(500)
        },
      ),
      { numRuns: 150 },
    )
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([])
  })
})

it('each operation has its own name and route', () => {
  const routes = OPERATIONS.map(({ method, path }) => `${method} ${path}`)
  expect(new Set(routes).size).toBe(OPERATIONS.length)
  expect(new Set(OPERATIONS.map(({ name }) => name)).size).toBe(OPERATIONS.length)
})
