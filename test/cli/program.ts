// Runs the built program as a person would: a process, its status, what it says on both streams.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

export const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')

export interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A private folder that is gone after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'orchestrate-cli-test-'))
  folders.push(path)
  return path
}

/** `PATH` is empty, so that no agent CLI of this machine changes what is said. */
export function orchestrate(cwd: string, args: string[], input = ''): Promise<Ended> {
  return new Promise((done, fail) => {
    const env = { ...process.env, PATH: join(cwd, 'no-programs'), NO_COLOR: '1' }
    const child = spawn(process.execPath, [MAIN, ...args], { cwd, env })
    const said = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.stderr += text
    })
    child.on('error', fail)
    child.on('close', (status) => done({ status, ...said }))
    child.stdin.on('error', () => {}) // it may end without having read
    child.stdin.end(input)
  })
}

/** A fresh workspace. */
export async function workspace(): Promise<string> {
  const root = folder()
  const { status, stderr } = await orchestrate(root, ['init'])
  if (status !== 0) throw new Error(`init failed: ${stderr}`)
  return root
}
