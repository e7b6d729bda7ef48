// One module knows what a process is. Nobody else looks into /proc, asks `ps`, or signals by number, but for the cases
// named here; each of them must still be true, or it leaves this list.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const SRC = resolve(import.meta.dirname, '../../src')
const KNOWING = /\/proc\b|process\.kill\(|['"`](?:ps|sysctl|pkill|pgrep|killall)['"`]|\bpidusage\b/g

const EXCEPTIONS: Record<string, string[]> = {
  // The group of the `--version` question that it asked a moment ago, as its own child.
  'agents/probe.ts': ['process.kill('],
  // A folder that we hold open, by our own descriptor of it.
  'cli/log-file.ts': ['/proc'],
  'files/files.ts': ['/proc'],
  // Which kernel namespace our own number is of.
  'files/lock.ts': ['/proc'],
  // A setting of the kernel, no process.
  'cli/doctor-checks.ts': ['/proc'],
  // The orchestrator: its number and start were compared by src/process a moment ago.
  'cli/commands/stop.ts': ['process.kill(', 'process.kill('],
}

it('nobody but src/process touches processes', () => {
  const found: Record<string, string[]> = {}
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.startsWith('process/')) continue
    const code = readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    const words = [...code.matchAll(KNOWING)].map(([word]) => word)
    if (words.length > 0) found[file] = words
  }
  expect(found).toEqual(EXCEPTIONS)
})
