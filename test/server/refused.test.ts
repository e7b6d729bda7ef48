// A socket that cannot be made private is not served: found by the torture, as a start that failed and did not end.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { listenAt } from '../../src/server/listen.ts'

vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  chmod: () => Promise.reject(Object.assign(new Error('EACCES'), { code: 'EACCES' })),
}))

it('is closed again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'refused-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const server = createServer()
  await expect(listenAt(server, join(folder, 's.sock'))).rejects.toMatchObject({ code: 'EACCES' })
  expect(server.listening).toBe(false)
  await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]), 30_000)
})
