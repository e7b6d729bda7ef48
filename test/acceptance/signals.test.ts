// A signal that comes as soon as the orchestrator has answered: it is heard. Real process, real signals; the socket takes a
// second to be closed to others, as it may on a busy machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { open } from './stage.ts'

const SLOW = `const fs = require('node:fs/promises'), chmod = fs.chmod
fs.chmod = async (path, mode) => {
  if (String(path).endsWith('.sock')) await new Promise((resolve) => setTimeout(resolve, 1000))
  return chmod(path, mode)
}`

it('hears a hang-up and a stop as soon as it has answered', async () => {
  const stage = open('agents: { shell: { max_instances: 1 } }\n')
  const slow = stage.write('slow.cjs', SLOW)
  await stage.must('orchestrate init')
  const env = { ...stage.env, NODE_OPTIONS: `--require ${slow}` }
  const child = spawn('orchestrate', ['start', '--foreground'], { cwd: stage.root, env })
  const ended = once(child, 'exit')
  const answered = async () => (await stage.status()).pid !== null
  await stage.until('its answer', answered)
  child.kill('SIGHUP')
  await stage.until('another', answered)
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(stage.pid()).toBeNull()
})
