// The client against servers that are odd: every one of them ends in a reply, in null, or in one clear error.
import { readFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { ask, parse } from '../../src/server/client.ts'
import { folder } from './stage.ts'

/** A server that does one thing with each connection; returns its path. */
async function server(act: (socket: Socket) => void): Promise<string> {
  const path = join(await folder(), 's')
  const open = new Set<Socket>()
  const it = createServer((socket) => {
    open.add(socket.on('error', () => {}))
    act(socket)
  })
  await new Promise<void>((ready) => it.listen(path, ready))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    return new Promise<void>((closed) => void it.close(() => closed()))
  })
  return path
}
const says = (text: string) => server((socket) => socket.once('data', () => socket.end(text)))
const HEAD = 'HTTP/1.1 200 OK\r\n'

it('null when nobody listens', async () => {
  const home = await folder()
  expect(await ask(join(home, 'none'), 'GET', '/status')).toBeNull()
  expect(await ask(join(home, 'none', 'deeper'), 'GET', '/status')).toBeNull()
})

it('reads by length, by chunks, and to the end of the connection', async () => {
  for (const rest of [
    'Content-Length: 9\r\n\r\n{"a":"é"}'.replace('9', '10'),
    'transfer-encoding: chunked\r\n\r\n4;x=y\r\n{"a"\r\n6\r\n:"é"}\r\n0\r\n\r\n',
    '\r\n{"a":"é"}',
  ]) {
    const path = await says(HEAD + rest)
    expect(await ask(path, 'GET', '/status')).toEqual({ status: 200, body: { a: 'é' } })
  }
})

it('does not wait for the end of the connection when it knows the length', async () => {
  const body = JSON.stringify({ a: 'é'.repeat(200_000) })
  const text = `${HEAD}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const closed = new Promise<void>((done) => {
    const path = server((socket) =>
      socket.once('data', () => socket.write(text)).once('close', () => done()),
    )
    void path.then(async (at) => {
      expect(await ask(at, 'GET', '/status')).toEqual({ status: 200, body: JSON.parse(body) })
    })
  })
  await closed // by us
  for (const odd of ['content-length: ', 'content-length: x', 'x: y\r\ncontent-length: 2']) {
    const reply = ask(await says(`${HEAD}${odd}\r\n\r\n{}`), 'GET', '/status')
    await reply.catch((error) => expect(error).toMatchObject({ code: 'NO_ANSWER' }))
  }
})

it('NO_ANSWER when it is cut off, hangs, or says nothing', async () => {
  const cut = { code: 'NO_ANSWER' }
  const all = `${HEAD}content-length: 10\r\n\r\n{"a":`
  await expect(ask(await says(all), 'GET', '/status')).rejects.toMatchObject(cut)
  const chunks = `${HEAD}transfer-encoding: chunked\r\n\r\n4\r\n{"a"\r\n`
  await expect(ask(await says(chunks), 'GET', '/status')).rejects.toMatchObject(cut)
  const half = `${HEAD}transfer-encoding: chunked\r\n\r\n9\r\n{"a"`
  await expect(ask(await says(half), 'GET', '/status')).rejects.toMatchObject(cut)
  await expect(ask(await says(''), 'GET', '/status')).rejects.toMatchObject(cut)
  const silent = await server(() => {})
  const late = ask(silent, 'GET', '/status', undefined, 50)
  await expect(late).rejects.toMatchObject({ ...cut, message: expect.stringContaining('0.05 s') })
  const rude = await server((socket) => socket.destroy())
  await expect(ask(rude, 'GET', '/status')).rejects.toMatchObject(cut)
})

it('BAD_ANSWER when it is no HTTP or no JSON', async () => {
  const bad = { code: 'BAD_ANSWER' }
  await expect(ask(await says('220 mail\r\n\r\n'), 'GET', '/')).rejects.toMatchObject(bad)
  await expect(ask(await says(`${HEAD}\r\n<html>`), 'GET', '/')).rejects.toMatchObject(bad)
})

it('any bytes are a reply, not whole, or a BAD_ANSWER', () => {
  const noise = fc.array(
    fc.oneof(
      fc.constantFrom(HEAD, '\r\n\r\n', '\r\n', 'transfer-encoding: chunked', 'content-length: 3'),
      fc.string({ maxLength: 5 }),
    ),
  )
  fc.assert(
    fc.property(noise, (parts) => {
      try {
        const reply = parse(Buffer.from(parts.join('')))
        if (reply) expect(reply.status).toBeTypeOf('number')
      } catch (error) {
        expect(error).toMatchObject({ code: 'BAD_ANSWER' })
      }
    }),
  )
})

it('a route cannot smuggle a second request', async () => {
  const path = await says('')
  for (const route of ['/a b', '/a\r\nHost: b', 'a', '/ü']) {
    await expect(ask(path, 'GET', route)).rejects.toThrow(/not encoded/)
  }
})

it('stays cheap: what a command imports to ask is the shapes alone', async () => {
  const imports = async (name: string) => {
    const text = await readFile(new URL(`../../src/server/${name}`, import.meta.url), 'utf8')
    return [...text.matchAll(/^import .* from '(.*)'$/gm)].map(([, from]) => from)
  }
  expect(await imports('client.ts')).toEqual(['../types.ts'])
  expect(await imports('socket.ts')).toEqual(['node:fs', 'node:path', '../types.ts'])
})
