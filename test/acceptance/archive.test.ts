// `orchestrate archive`: what was completed long ago goes out of the way, and is still known. Through the command line.
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { open, SHELLS, type Stage, shell, started } from './stage.ts'

const MONTH = new Date().toISOString().slice(0, 7)
const archived = (stage: Stage) =>
  existsSync(join(stage.at.archive, MONTH)) ? readdirSync(join(stage.at.archive, MONTH)).sort() : []

/** Two that are done, one that has failed. */
async function ended(stage: Stage) {
  stage.drop('a.yaml', shell('echo the answer'))
  stage.drop('named.yaml', shell('true', 'id: b\n'))
  stage.drop('c.yaml', shell('exit 1'))
  const all = ['completed/a.yaml', 'completed/named.yaml', 'failed/c.yaml']
  await stage.until('their end', () => stage.files().join() === all.join())
  await stage.until('their records', () => ['a', 'b', 'c'].every((id) => stage.result(id)))
}

describe('while an orchestrator works', () => {
  it('moves what was completed with its record; show, logs and what depends on it find it', async () => {
    const stage = await started(SHELLS)
    await ended(stage)
    expect((await stage.must('orchestrate archive --before 30d')).stderr).toMatch(
      /^nothing was completed before \d{4}-\d\d-\d\d\n$/,
    )
    const dry = await stage.must('orchestrate archive --before 0h --dry-run')
    expect(dry.stderr).toBe('2 tasks would go to tasks/archive/\n')
    expect(archived(stage)).toEqual([])
    const moved = await stage.must('orchestrate archive --before 0h')
    expect(moved).toEqual({ ...dry, stderr: '2 tasks went to tasks/archive/\n' })
    expect(moved.stdout).toMatch(new RegExp(`^b +tasks/archive/${MONTH}/named.yaml$`, 'm'))
    expect(archived(stage)).toEqual(['a.yaml', 'a_result.yaml', 'b_result.yaml', 'named.yaml'])
    expect(stage.files()).toEqual(['failed/c.yaml'])
    await stage.until('the status', async () => (await stage.status()).tasks.completed === 0)

    stage.drop('after.yaml', shell('true', 'dependencies: [A, b]\n'))
    await stage.until('what depends on it', () => stage.files().includes('completed/after.yaml'))
    const shown = await stage.must('orchestrate show A')
    expect(shown.stdout).toMatch(new RegExp(`file +tasks/archive/${MONTH}/a.yaml`))
    expect(shown.stdout).toMatch(/the answer/)
    expect(JSON.parse((await stage.must('orchestrate show b --json')).stdout)).toMatchObject({
      ...{ id: 'b', status: 'completed', outcome: 'success', attempt: 1 },
      file: `tasks/archive/${MONTH}/named.yaml`,
    })
    expect((await stage.must('orchestrate logs a')).stdout).toMatch(/the answer/)
    const { stdout } = await stage.must('orchestrate verify')
    expect(stdout).toBe('')
    // Its number is not given to another.
    expect(await stage.type('orchestrate add --id a x')).toMatchObject({ code: 1 })
    await stage.must('orchestrate stop')
  })

  it('what waited for it before starts, also when the archive is filled by hand', async () => {
    const stage = await started(SHELLS)
    stage.drop('after.yaml', shell('true', 'dependencies: [old]\n'))
    await stage.until('why it waits', async () =>
      /no such task/.test((await stage.row('pending/after.yaml'))?.reason ?? ''),
    )
    mkdirSync(join(stage.at.archive, '2020-01'), { recursive: true })
    writeFileSync(join(stage.at.archive, '2020-01/old_result.yaml'), 'task_id: old\n')
    await stage.until('its end', () => stage.files().includes('completed/after.yaml'), 40_000)
    await stage.must('orchestrate stop')
  }, 60_000)
})

describe('where nothing runs', () => {
  it('goes on after a kill, and never over a file that is there', async () => {
    const stage = await started(SHELLS)
    await ended(stage)
    await stage.must('orchestrate stop')
    // It was killed between the record of `a` and its task; and a person keeps something in the place of `b`.
    const month = join(stage.at.archive, MONTH)
    mkdirSync(month, { recursive: true })
    renameSync(join(stage.at.state.completed, 'a_result.yaml'), join(month, 'a_result.yaml'))
    writeFileSync(join(month, 'named.yaml'), 'mine\n')
    expect((await stage.must('orchestrate archive --before 0h')).stderr).toBe(
      'tasks/completed/named.yaml stays: it was changed, or a file of its name is there\n1 task went to tasks/archive/\n',
    )
    expect(archived(stage)).toEqual(['a.yaml', 'a_result.yaml', 'named.yaml'])
    expect(stage.read(`tasks/archive/${MONTH}/named.yaml`)).toBe('mine\n')
    expect(stage.result('b')).toMatchObject({ task_id: 'b' })
    expect(stage.files()).toEqual(['completed/named.yaml', 'failed/c.yaml'])
  })

  it('keeps what needs a person, and what it cannot tell the age of', async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    for (const id of ['a', 'b', 'c']) stage.drop(`${id}.yaml`, shell('true'), 'completed')
    const record = (id: string, more: string) =>
      stage.drop(
        `${id}_result.yaml`,
        `# written by orchestrate\ntask_id: ${id}\ncompleted_at: "2020-02-01T00:00:00Z"\n${more}`,
        'completed',
      )
    record('a', 'needs_review: true\n')
    record('b', 'needs_review: false\n')
    const { stdout } = await stage.must('orchestrate archive --before 2026-01-31')
    expect(stdout).toMatch(/^b +tasks\/archive\/2020-02\/b.yaml$/m)
    expect(stage.files()).toEqual(['completed/a.yaml', 'completed/c.yaml'])
  })

  it('keeps what others still need: the twin of a held one, and whose session is to be gone on with', async () => {
    const stage = await started(SHELLS)
    await ended(stage)
    await stage.must('orchestrate stop')
    stage.drop('twin.yaml', shell('touch twin-ran', 'id: a\n'))
    stage.drop('next.yaml', shell('true', 'continues: b\nnot_before: 2099-01-01\n'))
    const { stderr } = await stage.must('orchestrate archive --before 0h')
    expect(stderr).toMatch(/^nothing was completed before/)
    expect(stage.files()).toContain('completed/a.yaml')
  })

  it('gives no archived id to another, and does not mind an archive that cannot be read', async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    const { stdout } = await stage.must('orchestrate add -a shell true && orchestrate run')
    expect(stdout).toMatch(/^task_001$/m)
    await stage.must('orchestrate archive --before 0h')
    await stage.must('rm -r .orchestrate/runs/task_001')
    expect((await stage.must('orchestrate add -a shell true')).stdout).toBe('task_002\n')
    await stage.must('rm -r tasks/archive && ln -s archive tasks/archive')
    expect((await stage.type('orchestrate run')).code).toBe(0)
    expect(stage.files()).toEqual(['completed/task_002.yaml'])
  })

  it('says what an age is', async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    for (const [words, said] of [
      ['archive', /`--before` is missing[\s\S]*--before 30d/],
      ['archive --before soon', /`soon` is no age/],
      ['archive --before 2026-02-31', /`2026-02-31` is no age/],
    ] as const) {
      const { code, stderr } = await stage.type(`orchestrate ${words}`)
      expect(code).toBe(1)
      expect(stderr).toMatch(said)
    }
  })
})
