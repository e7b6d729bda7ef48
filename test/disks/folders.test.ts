// Task folders that may not be written, lie on another file system, or are away for a while. Promises: nothing in them is
// taken for removed, no agent at work is stopped, claiming stops and says so once, and goes on when they are back.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gate, leftOf, open, SHELLS, type Stage, shell } from '../acceptance/stage.ts'
import {
  completed,
  halted,
  mountAt,
  mounts,
  must,
  onDisk,
  said,
  sameAsFiles,
} from './small-disk.ts'

const busy = async (stage: Stage) =>
  (await stage.agents()).filter(({ state }) => state === 'busy').length
const reason = async (stage: Stage, file: string) => (await stage.row(file))?.reason ?? ''

/** One at work until `go` is there (on the machine's own disk), one completed. */
async function working(stage: Stage): Promise<() => void> {
  const go = join(dirname(stage.root), 'go')
  await stage.must('orchestrate start')
  stage.drop('done.yaml', shell('true'))
  await completed(stage, 'done')
  stage.drop('works.yaml', shell(`touch ${go}.begun; ${gate(go)}`))
  await stage.until(
    'it works',
    async () =>
      existsSync(`${go}.begun`) &&
      (await stage.status()).active.map(({ id }) => id).join() === 'works' &&
      (await busy(stage)) === 1,
  )
  return () => mkdirSync(go)
}

it('tasks/ that vanishes with an agent at work, and returns after its end', async () => {
  const stage = open(SHELLS)
  const finish = await working(stage)
  const away = join(stage.root, 'away')
  renameSync(stage.at.tasks, away)
  await stage.until('the sentence', async () => {
    const { stdout } = await stage.must('orchestrate status')
    return /tasks\/\w+ is gone/.test(stdout) || /tasks\/\w+ is gone/.test(stage.log())
  })
  expect(await busy(stage)).toBe(1)
  finish()
  await stage.until('its end', () => stage.runs('works')[0]?.outcome === 'success')
  expect(existsSync(stage.at.tasks)).toBe(false)
  expect((await stage.status()).tasks).toMatchObject({ assigned: 1, completed: 1 })
  renameSync(away, stage.at.tasks)
  stage.drop('next.yaml', shell('true'))
  await completed(stage, 'done', 'works', 'next')
  expect(stage.runs('works').map(({ outcome }) => outcome)).toEqual(['success'])
  expect(said(stage, /warn .*is gone, nothing is claimed/)).toBe(1)
  await sameAsFiles(stage)
  await stage.must('orchestrate stop')
})

describe.skipIf(!mounts)('another file system (needs root, for mount)', () => {
  it.each(['tmpfs', 'bind'])('under a state folder is refused at the start: %s', async (kind) => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    const folder = stage.at.state.completed
    const elsewhere = stage.write('elsewhere/keep', '')
    if (kind === 'tmpfs') mountAt(stage, folder, 'size=1m')
    else {
      must('mount', '--bind', dirname(elsewhere), folder)
      stage.later(() => must('umount', '-l', folder))
    }
    const said = await stage.type('orchestrate start')
    expect(said.code).toBe(1)
    expect(said.stderr).toMatch(/folders in tasks\/ are on different file systems\n.*a rename\n$/)
    expect(stage.pid()).toBeNull()
    await stage.until('it to have left', () => leftOf(stage.root).length === 0)
  })

  it.each(['completed', 'assigned'] as const)(
    'mounted over tasks/%s while it works',
    async (state) => {
      const stage = open(SHELLS)
      const finish = await working(stage)
      mountAt(stage, stage.at.state[state], 'size=1m')
      stage.drop('next.yaml', shell('true'))
      const sentence = `tasks/${state} is on another file system than the others, nothing is claimed`
      await stage.until('the sentence', async () =>
        (await reason(stage, 'pending/next.yaml')).startsWith(sentence),
      )
      expect((await stage.status()).tasks).toMatchObject({ pending: 1, assigned: 1, completed: 1 })
      expect(await busy(stage)).toBe(1)
      must('umount', stage.at.state[state])
      await completed(stage, 'done', 'next')
      await stage.until('one at work', async () => (await busy(stage)) === 1)
      finish()
      await completed(stage, 'works')
      expect(stage.runs('works').map(({ outcome }) => outcome)).toEqual(['success'])
      expect(said(stage, /warn .*is on another file system/)).toBe(1)
      await sameAsFiles(stage)
      await stage.must('orchestrate stop')
    },
  )

  it('made read-only (EROFS) and writable again', async () => {
    const disk = onDisk('size=4m')
    // Nothing may be open for writing there then, as the log of one in the background is.
    const talk = join(dirname(disk.root), 'talk')
    await disk.must(`orchestrate start --foreground >${talk} 2>&1 & disown`)
    await disk.until('it runs', async () => (await disk.status()).running)
    const soon = new Date(Date.now() + 3000).toISOString()
    disk.drop('a.yaml', shell('echo a >>"$LEDGER"', `not_before: ${soon}\n`))
    await disk.until('it waits', async () =>
      /not before/.test(await reason(disk, 'pending/a.yaml')),
    )
    await disk.until(
      'nothing to be written',
      () => spawnSync('mount', ['-o', 'remount,ro', disk.root]).status === 0,
    )
    await disk.until('the halt', async () => /EROFS/.test((await halted(disk)) ?? ''))
    expect((await disk.must('orchestrate status')).stdout).toMatch(/^nothing is claimed: .*EROFS/m)
    const added = await disk.type('orchestrate add --agent shell true')
    expect(added).toMatchObject({ code: 1, stderr: expect.stringContaining('is read-only') })
    expect(disk.files()).toEqual(['pending/a.yaml'])
    must('mount', '-o', 'remount,rw', disk.root)
    await completed(disk, 'a')
    expect(disk.ledger()).toEqual(['a'])
    expect(disk.runs('a').map(({ outcome }) => outcome)).toEqual(['success'])
    await disk.must('orchestrate add --agent shell true') // so that the log has another line
    await completed(disk, 'task_001')
    expect(said(disk, /nothing is claimed.*EROFS/)).toBe(1)
    await sameAsFiles(disk)
    await disk.must('orchestrate stop')
  })
})

/** Root passes every check of permissions. */
const NOBODY = 65534
const root = process.getuid?.() === 0

describe.skipIf(!root || !existsSync('/usr/bin/setpriv'))(
  'as another user (needs root and setpriv)',
  () => {
    const AS = `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups`

    async function asNobody(): Promise<Stage> {
      const stage = open(SHELLS)
      for (const path of [
        dirname(stage.root),
        stage.root,
        stage.at.config,
        stage.env.HOME as string,
      ])
        chownSync(path, NOBODY, NOBODY)
      await stage.must(`${AS} orchestrate start`)
      // The socket is private to that user; root may ask all the same.
      return stage
    }

    it.each(['assigned', 'completed'] as const)(
      'tasks/%s that may not be written (EACCES), or read',
      async (state) => {
        const stage = await asNobody()
        const folder = stage.at.state[state]
        chmodSync(folder, 0o555)
        stage.drop('a.yaml', shell('echo a >>ledger'))
        await stage.until('the halt', async () => /EACCES/.test((await halted(stage)) ?? ''))
        expect(stage.files()).toEqual([state === 'assigned' ? 'pending/a.yaml' : 'assigned/a.yaml'])
        chmodSync(folder, 0o755)
        await completed(stage, 'a')
        chmodSync(folder, 0)
        stage.drop('b.yaml', shell('echo b >>ledger'))
        await stage.until('the sentence', async () =>
          (await reason(stage, 'pending/b.yaml')).startsWith(
            `tasks/${state} cannot be read (EACCES`,
          ),
        )
        expect((await stage.status()).tasks).toMatchObject({ pending: 1, completed: 1 })
        chmodSync(folder, 0o755)
        await completed(stage, 'a', 'b')
        expect(stage.read('ledger')).toBe('a\nb\n')
        expect(said(stage, /nothing is claimed for now: EACCES/)).toBe(1)
        await sameAsFiles(stage)
        await stage.must(`${AS} orchestrate stop`)
      },
    )

    it('a task file that may not be read is invalid until it may; run folders that may not be made halt', async () => {
      const stage = await asNobody()
      const path = stage.drop('a.yaml', shell('echo a >>ledger'), 'drafts' as 'pending')
      chmodSync(path, 0)
      renameSync(path, join(stage.at.state.pending, 'a.yaml'))
      await stage.until('the reason', async () =>
        /EACCES/.test(await reason(stage, 'pending/a.yaml')),
      )
      chmodSync(stage.at.runs, 0o500)
      chmodSync(join(stage.at.state.pending, 'a.yaml'), 0o644)
      await stage.until('the halt', async () => /EACCES/.test((await halted(stage)) ?? ''))
      chmodSync(stage.at.runs, 0o700)
      await completed(stage, 'a')
      expect(readFileSync(join(stage.root, 'ledger'), 'utf8')).toBe('a\n')
      expect(stage.runs('a').map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
        [1, 'success'],
      ])
      await stage.must(`${AS} orchestrate stop`)
    })
  },
)
