#!/usr/bin/env node
// The command `orchestrate`. Owns the process: its streams, its exit code, its last words.
// Promises: an expected failure is one sentence and what to do next; a stack is shown for a bug only.
import type { World } from './act.ts'
import { readCall } from './arguments.ts'
import { paper } from './output.ts'

async function main(argv: string[]): Promise<number> {
  const { env } = process
  const world: World = {
    cwd: process.cwd(),
    env,
    stdin: () => process.stdin,
    out: paper(1, () => process.stdout, env),
    talk: paper(2, () => process.stderr, env),
  }
  try {
    const call = await readCall(argv)
    if (call.has('version') || call.has('help') || !call.command) {
      const { showHelp } = await import('./help.ts')
      return showHelp(call, world)
    }
    const { act } = await call.command.load()
    return await act(call, world)
  } catch (error) {
    const { explain } = await import('./failure.ts')
    return explain(error, world)
  }
}

// Not left to end by itself: closing the socket and taking the engine apart is a twentieth of a short command.
void main(process.argv.slice(2)).then((code) => process.exit(code))
