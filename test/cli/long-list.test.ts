// A list that is longer than any pipe holds: it arrives whole, however slowly it is read, and nobody minds who has enough.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { json } from '../../src/files/shown-json.ts'
import { stage } from '../server/stage.ts'
import { MAIN, workspace } from './program.ts'

const MANY = 20_000

/** In a real pipe to `reader`: what that read, and how the program ended. */
const piped = (root: string, words: string, reader: string) =>
  shell(root, `{ "$0" "$1" tasks ${words}; echo "exit $?" >&2; } | { ${reader}; }`)

/** What came of a line that runs the program as `"$0" "$1"`. */
function shell(root: string, line: string): Promise<{ read: string; end: string }> {
  const child = spawn('sh', ['-c', line, process.execPath, MAIN], { cwd: root })
  return new Promise((done, fail) => {
    const said = { read: '', end: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.read += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.end += text
    })
    child.on('error', fail).on('close', () => done(said))
  })
}

/** Who answers of so many tasks. */
async function answering(root: string, many: number) {
  mkdirSync(join(root, '.orchestrate'), { recursive: true, mode: 0o700 })
  const { index } = await stage({ root })
  for (let n = 0; n < many; n++) {
    index.putTask({
      ...{ file: `tasks/pending/t${n}.yaml`, id: `t${n}`, status: 'pending', priority: 'normal' },
      ...{ description: `Task ${n}: grüße\u009b`, createdAt: n, agentId: null, attempt: 0 },
      ...{ outcome: null, needsReview: false, error: null, reason: 'it waits' },
      ...{ stamp: null, learnt: null },
    })
  }
  return index
}

it('20,000 tasks through a slow pipe', async () => {
  const root = await workspace()
  const index = await answering(root, MANY)
  const slowly = 'sleep 0.5; head -c 100000; sleep 0.2; cat'
  const all = await piped(root, '--json', slowly)
  expect(all.end).toBe('exit 0\n')
  expect(all.read === `${json(index.tasks())}\n`).toBe(true) // a difference would be 8 MB of text
  const rows = await piped(root, '', slowly)
  expect(rows.end).toBe('exit 0\n')
  expect(rows.read.split('\n')).toHaveLength(MANY + 2)
  expect(rows.read).toMatch(
    new RegExp(`\nt${MANY - 1} +pending +normal +Task ${MANY - 1}: grüße\n$`),
  )
  for (const words of ['', '--json'])
    expect((await piped(root, words, 'head -n 1 >/dev/null')).end).toBe('exit 0\n')
}, 60_000)

it.skipIf(spawnSync('which', ['script']).status !== 0)(
  '2,000 tasks on a slow terminal',
  async () => {
    const root = await workspace()
    await answering(root, 2000)
    const reader = 'sleep 0.5; head -c 10000; sleep 0.2; cat'
    const line = `script -qec '"'"$0"'" "'"$1"'" tasks' /dev/null </dev/null | { ${reader}; }`
    const lines = (await shell(root, line)).read.trimEnd().split('\r\n')
    expect(lines).toHaveLength(2001)
    expect(lines.at(-1)).toMatch(/^t1999 +pending/)
  },
)

it.skipIf(!existsSync('/dev/full'))('a device that takes nothing is a sentence', async () => {
  const root = await workspace()
  const { end } = await shell(root, '"$0" "$1" status >/dev/full; echo "exit $?" >&2')
  expect(end).toBe('orchestrate: the disk is full (write)\nexit 1\n')
})
