// The mock model over HTTP, as the CLIs meet it: every API, every trouble, and the log that other tests prove things by.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MockModel, mockModel } from './mock-model.ts'

let model: MockModel
beforeAll(async () => {
  model = await mockModel()
})
afterAll(() => model.stop())

const parameters = { properties: { command: { type: 'string' } }, required: ['command'] }
/** One question in each vendor's words. */
const APIS = {
  anthropic: {
    path: '/v1/messages',
    body: (text: string, stream: boolean, name: string) => ({
      ...{ model: name, stream, messages: [{ role: 'user', content: text }] },
      tools: [{ name: 'Bash', input_schema: parameters }],
    }),
  },
  responses: {
    path: '/v1/responses',
    body: (text: string, stream: boolean, name: string) => ({
      ...{ model: name, stream, input: [{ role: 'user', content: text }] },
      tools: [{ type: 'function', name: 'shell', parameters }],
    }),
  },
  chat: {
    path: '/v1/chat/completions',
    body: (text: string, stream: boolean, name: string) => ({
      ...{ model: name, stream, messages: [{ role: 'user', content: text }] },
      tools: [{ type: 'function', function: { name: 'bash', parameters } }],
    }),
  },
  gemini: {
    path: '/v1beta/models/MODEL:generateContent',
    body: (text: string) => ({
      contents: [{ role: 'user', parts: [{ text }] }],
      tools: [{ functionDeclarations: [{ name: 'run_shell_command', parameters }] }],
    }),
  },
}
type Api = keyof typeof APIS
const ALL = Object.keys(APIS) as Api[]

function ask(api: Api, text: string, { stream = false, name = 'mock', key = 'test-key' } = {}) {
  const { path, body } = APIS[api]
  const route = stream ? path.replace(':generate', ':streamGenerate') : path
  return fetch(model.url + route.replace('MODEL', name), {
    method: 'POST',
    headers: key ? { authorization: `Bearer ${key}` } : {},
    body: JSON.stringify(body(text, stream, name)),
    signal: AbortSignal.timeout(5000),
  })
}
const got = async (api: Api, text: string, more = {}) => {
  const response = await ask(api, text, more)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

test.each(ALL)('%s: answers, streams, and calls two tools in one answer', async (api) => {
  expect(await got(api, 'MOCK:say hello there')).toMatchObject({
    status: 200,
    text: expect.stringContaining('hello there'),
  })
  const stream = await got(api, 'MOCK:say hello there', { stream: true })
  expect(stream.text).toMatch(/hello [\s\S]*data: [\s\S]*there/)
  const calls = await got(api, 'MOCK:together 2\nMOCK:bash echo one\nMOCK:bash echo two')
  expect(calls.text).toMatch(/echo one[\s\S]*echo two/)
})

test.each(ALL)('%s: refuses as its vendor does', async (api) => {
  for (const status of [400, 401, 403, 404, 429, 500, 529])
    expect((await got(api, `MOCK:${status}`)).status).toBe(status)
  expect((await got(api, 'MOCK:say hi', { key: '' })).status).toBe(401)
  const unknown = await got(api, 'MOCK:say hi', { name: 'no-such-model' })
  expect([unknown.status, unknown.text]).toEqual([404, expect.stringContaining('no-such-model')])
  expect((await got(api, 'MOCK:context')).status).toBe(400)
  expect((await got(api, 'MOCK:quota')).status).toBe(api === 'anthropic' ? 400 : 429)
  expect((await got(api, 'MOCK:overload')).status).toBe(api === 'anthropic' ? 529 : 503)
})

test.each(ALL)('%s: tells when a limit is over, or does not', async (api) => {
  const plain = await got(api, 'MOCK:429')
  expect(plain.headers.get('retry-after')).toBeNull()
  expect(plain.text).not.toMatch(/retryDelay/)
  const hour = await got(api, 'MOCK:429 3600')
  if (api === 'gemini') expect(hour.text).toMatch(/RetryInfo","retryDelay":"3600s/)
  else expect(hour.headers.get('retry-after')).toBe('3600')
  const used = await got(api, 'MOCK:usage-limit 60')
  const reset = Math.floor(Date.now() / 1000) + 60
  const told = {
    anthropic: used.headers.get('anthropic-ratelimit-unified-5h-reset'),
    gemini: String(reset), // its daily quota names no time
    responses: /"resets_at":(\d+)/.exec(used.text)?.[1],
    chat: /"resets_at":(\d+)/.exec(used.text)?.[1],
  }
  expect(Math.abs(Number(told[api]) - reset)).toBeLessThan(10)
  if (api === 'gemini') expect(used.text).toMatch(/QuotaFailure[\s\S]*PerDay/)
})

test.each(ALL)('%s: breaks off, ends in mid-event, stalls', async (api) => {
  await expect(got(api, 'MOCK:cut', { stream: true })).rejects.toThrow()
  const half = await got(api, 'MOCK:half', { stream: true })
  expect(half.status).toBe(200)
  expect(() => JSON.parse(half.text.trim().split('data: ').at(-1) ?? '')).toThrow()
  const response = await ask(api, 'MOCK:stall', { stream: true })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  expect((await reader.read()).done).toBe(false)
  const more = reader.read().then(() => 'more')
  expect(await Promise.race([more, new Promise((r) => setTimeout(r, 300, 'silence'))])).toBe(
    'silence',
  )
  await reader.cancel()
  const hang = ask(api, 'MOCK:hang').then(() => 'an answer')
  expect(await Promise.race([hang, new Promise((r) => setTimeout(r, 300, 'silence'))])).toBe(
    'silence',
  )
  hang.catch(() => {}) // it is given up after 5 s
})

test('a trouble with a number ends after so many times, each conversation for itself', async () => {
  const statuses = async (text: string, times: number) => {
    const all = []
    for (let at = 0; at < times; at++) all.push((await got('chat', text)).status)
    return all
  }
  expect(await statuses('MOCK:429x2\nMOCK:say fine', 3)).toEqual([429, 429, 200])
  expect(await statuses('MOCK:case other\nMOCK:429x2\nMOCK:say fine', 3)).toEqual([429, 429, 200])
  expect(await statuses('MOCK:500 x1', 2)).toEqual([500, 200])
})

test('the log tells of each request what was asked, by which login, and what of the conversation was sent', async () => {
  await got('chat', 'MOCK:case logged\nMOCK:429x1\nMOCK:say fine')
  await got('chat', 'MOCK:case logged\nMOCK:429x1\nMOCK:say fine')
  const log = await model.asked('logged')
  expect(log.map(({ word, login, tools }) => ({ word, login, tools }))).toEqual([
    { word: '429', login: 'bearer', tools: 1 },
    { word: 'say', login: 'bearer', tools: 1 },
  ])
  await fetch(`${model.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'test-key' },
    body: JSON.stringify({
      model: 'mock',
      messages: [
        { role: 'user', content: 'MOCK:case resumed\nMOCK:say one' },
        { role: 'assistant', content: [{ type: 'text', text: 'one' }] },
        { role: 'user', content: 'MOCK:case resumed\nMOCK:say two' },
      ],
    }),
  })
  expect(await model.asked('resumed')).toMatchObject([
    { login: 'key', asked: ['say one', 'say two'], said: ['one'] },
  ])
})
