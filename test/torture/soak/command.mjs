// The command line, as a person types it: whole processes of the built program. Promises: each call ends within a minute.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { statOf } from './processes.mjs'
import { quietly } from './world.mjs'

const LONGEST_MS = 90_000

/** @returns `{ code, out, err, from, to }`; code null: it was ended because it took too long. */
export function createCommand(world) {
  return (words, { stdin = '', prompt } = {}) =>
    new Promise((resolve, reject) => {
      const from = Date.now()
      const said = { out: '', err: '' }
      const child = spawn(process.execPath, [world.main, ...words], {
        ...{ cwd: world.root, env: world.env, stdio: ['pipe', 'pipe', 'pipe'] },
        ...{ timeout: LONGEST_MS, killSignal: 'SIGKILL' },
      })
      for (const [name, pipe] of [
        ['out', child.stdout],
        ['err', child.stderr],
      ])
        pipe.setEncoding('utf8').on('data', (text) => {
          said[name] += text
        })
      prompt?.(child)
      child.stdin.on('error', () => {}).end(stdin) // it may not read
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, ...said, from, to: Date.now() }))
    })
}

/** The orchestrator that holds the lock and lives; null: none. */
export function ownerOf(world) {
  const pid = quietly(() => JSON.parse(readFileSync(world.lock, 'utf8')).pid)
  const stat = pid ? statOf(pid) : null
  return stat && stat.state !== 'Z' && stat.state !== 'X' ? pid : null
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
