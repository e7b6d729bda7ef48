// A workspace on a disk of its own: a small tmpfs that can be filled to the page, mounted for one test. Promises: it is
// unmounted whatever happens, after the orchestrator on it has ended; without root the tests are skipped by name.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { living, open, SHELLS, type Stage } from '../acceptance/stage.ts'

export const FULL = process.env.ORCHESTRATE_FULL === '1'

/** Fails the test with what the program said. */
export function must(...argv: string[]): void {
  const { status, stderr } = spawnSync(argv[0] as string, argv.slice(1), { encoding: 'utf8' })
  expect(status, `${argv.join(' ')}\n${stderr}`).toBe(0)
}

/** Whether this user, here, may mount. */
export const mounts = (() => {
  const place = mkdtempSync(join(tmpdir(), 'mounts-'))
  const may = spawnSync('mount', ['-t', 'tmpfs', 'orchestrate-test', place]).status === 0
  if (may) spawnSync('umount', ['-l', place])
  rmdirSync(place)
  return may
})()

export interface Disk extends Stage {
  /** Leaves so many pages of 4 KiB, and no more. */
  fill(pages: number): void
  /** Leaves so many inodes. */
  fillInodes(left: number): void
  /** The filler is gone. */
  free(): void
  /** On the machine's own disk: `$LEDGER` of the tasks. */
  ledger(): string[]
}

/** @param options of mount(8), for a tmpfs. */
export function onDisk(options: string, config = SHELLS): Disk {
  const stage = open(null)
  mountAt(stage, stage.root, options)
  stage.write('config.yaml', config)
  const filler = join(stage.root, 'filler')
  let files = 0
  const ledger = join(dirname(stage.root), 'ledger')
  stage.env.LEDGER = ledger
  return Object.assign(stage, {
    fill(pages: number) {
      mkdirSync(filler, { recursive: true })
      const { bavail, bsize } = statfsSync(stage.root)
      const bytes = Buffer.alloc(Math.max(0, bavail - pages) * bsize)
      writeFileSync(join(filler, String(++files)), bytes)
    },
    fillInodes(left: number) {
      mkdirSync(filler, { recursive: true })
      for (let n = statfsSync(stage.root).ffree - left; n > 0; n--)
        writeFileSync(join(filler, String(n)), '')
    },
    free: () => rmSync(filler, { recursive: true, force: true }),
    ledger: () =>
      existsSync(ledger) ? readFileSync(ledger, 'utf8').trim().split('\n').sort() : [],
  })
}

/** Mounts a tmpfs for the rest of the test; the orchestrator is ended before it goes. */
export function mountAt(stage: Stage, path: string, options: string): void {
  must('mount', '-t', 'tmpfs', '-o', `mode=755,${options}`, 'orchestrate-test', path)
  stage.later(async () => {
    spawnSync('mount', ['-o', 'remount,rw', path])
    rmSync(join(path, 'filler'), { recursive: true, force: true })
    const pid = stage.pid()
    if (living(pid)) await stage.type('timeout 30 orchestrate stop --now')
    if (living(pid)) process.kill(pid, 'SIGKILL')
    spawnSync('umount', ['-l', path])
  })
}

/** What is published is whole, and no draft lies about. */
export function wholeOnly(stage: Stage): void {
  for (const folder of ['tasks', 'context', '.orchestrate/runs']) {
    const top = join(stage.root, folder)
    const names = existsSync(top) ? readdirSync(top, { recursive: true, encoding: 'utf8' }) : []
    for (const name of names) {
      const text = () => readFileSync(join(top, name), 'utf8')
      if (/run\.json$/.test(name)) expect(() => JSON.parse(text()), name).not.toThrow()
      if (/_(result|agent_\d+)\.yaml$|_output\.md$/.test(name)) expect(text(), name).toMatch(/\n$/)
    }
  }
}

export const completed = (stage: Stage, ...ids: string[]) =>
  stage.until(ids.join(), () => ids.every((id) => stage.files().includes(`completed/${id}.yaml`)))

/** Why nothing is claimed, as `status` says it. */
export const halted = async (stage: Stage) => (await stage.status()).halted

/** `tasks --json` is what lies in the folders. */
export async function sameAsFiles(stage: Stage): Promise<void> {
  await stage.until('the index to be the files', async () => {
    const rows = await stage.tasks()
    return (
      rows
        .map(({ file }) => file.slice(6))
        .sort()
        .join() === stage.files().join()
    )
  })
}

/** How often the log holds a sentence. */
export const said = (stage: Stage, what: RegExp) =>
  stage
    .log()
    .split('\n')
    .filter((line) => what.test(line)).length
