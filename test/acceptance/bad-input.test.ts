// What must not be able to do harm: files that are no tasks, tasks that make no sense, folders and a configuration that
// are broken. Each gets a sentence where a person looks, stays untouched, and stops nothing else.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { face, gate, living, open, SHELLS, type Stage, shell, started } from './stage.ts'

interface Bad {
  make(stage: Stage, path: string): void
  says: RegExp
  /** `waiting`: a good task that waits. Else it is not in the queue at all. */
  as: 'invalid' | 'held' | 'pending'
}
const text = (body: string | Uint8Array, says: RegExp, as: Bad['as'] = 'invalid'): Bad => ({
  make: (_, path) => writeFileSync(path, body),
  says,
  as,
})
const fifo: Bad = {
  make: (_, path) => void spawnSync('mkfifo', [path]),
  says: /not a regular file/,
  as: 'invalid',
}
const link = (to: (stage: Stage) => string): Bad => ({
  make: (stage, path) => symlinkSync(to(stage), path),
  says: /not a regular file/,
  as: 'invalid',
})

const BAD: Record<string, Bad> = {
  'broken.yaml': text('description: "no end\npriority: high\n', /^line \d+, column \d+: /),
  'tabs.yaml': text('description: a\nsubtasks:\n\t- b\n', /^line 3, column \d+: .*tab/i),
  'empty.yaml': text('', /is empty: write at least `description: …`/),
  'list.yaml': text('- a\n- b\n', /line 1, column 1: is not a task/),
  'no-description.yaml': text('priority: high\n', /needs `description`/),
  'folder.yaml': {
    make: (_, path) => {
      mkdirSync(path)
      writeFileSync(join(path, 'inner.yaml'), shell('touch inner-ran'))
    },
    says: /not a regular file/,
    as: 'invalid',
  },
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`fifo${n}.yaml`, fifo])),
  'device.yaml': link(() => '/dev/zero'),
  'outside.yaml': link((stage) => join(stage.root, '../outside.yaml')),
  'dangling.yaml': link(() => 'nowhere.yaml'),
  'big.yaml': text(`description: ${'x'.repeat(5_000_000)}\n`, /5000014 bytes; the limit is 262144/),
  'sparse.yaml': {
    make(_, path) {
      writeFileSync(path, 'description: a\n')
      truncateSync(path, 3 * 1024 ** 3)
    },
    says: /3221225472 bytes; the limit is 262144/,
    as: 'invalid',
  },
  'path-id.yaml': text('id: ../../escaped\ndescription: a\n', /line 1, column 5: `id` must be/),
  'no-date.yaml': text('description: a\nnot_before: 2026-13-45\n', /`not_before` must be an ISO/),
  'also-no-date.yaml': text('description: a\ncreated_at: tomorrow\n', /line 2, column 13: .*ISO/),
  'x_result.yaml': text(shell('true'), /a name of our own records/),
  'nul.yaml': text('description: a\0b\n', /NUL/),
  'latin1.yaml': text(Buffer.from('description: caf\xe9\n', 'latin1'), /not valid UTF-8/),
  'twice.yaml': text(
    'description: a\ndescription: b\n',
    /line 2, column 1: has `description` twice/,
  ),
  'bomb.yaml': text('a: &a [x,x]\ndescription: *a\n', /line 1, column \d+: uses a YAML anchor/),
  'self.yaml': text(shell('true', 'dependencies: [self]\n'), /depends on itself/, 'pending'),
  'orphan.yaml': text(shell('true', 'dependencies: [ghost]\n'), /no such task/, 'pending'),
  'ring-a.yaml': text(shell('true', 'dependencies: [ring-b]\n'), /circle: /, 'pending'),
  'ring-b.yaml': text(shell('true', 'dependencies: [ring-a]\n'), /circle: /, 'pending'),
  'second.yaml': text(
    shell('touch second-ran', 'id: first\n'),
    /first\.yaml has the same id/,
    'held',
  ),
  'lacking.yaml': text(
    shell('true', 'context_files: [gone.md]\ncontext_required: true\n'),
    /waits for gone\.md \(`context_required`\)/,
    'pending',
  ),
  'leaking.yaml': text(
    shell('true', 'context_files: [../outside.yaml]\n'),
    /\.\.\/outside\.yaml in `context_files` is outside the workspace/,
    'held',
  ),
  'leaking-too.yaml': text(
    shell('true', 'context_files: [way-out/outside.yaml]\n'),
    /outside the workspace/,
    'held',
  ),
}

it('what is no task gets its sentence, stays as it is, and stops nothing', async () => {
  const stage = await started(SHELLS)
  stage.write('../outside.yaml', shell('touch outside-ran'))
  symlinkSync('..', join(stage.root, 'way-out'))
  stage.drop('first.yaml', shell(gate('go')))
  await stage.until('the first', () => stage.files().join() === 'assigned/first.yaml')
  const faces: Record<string, string> = {}
  const bytes: Record<string, Buffer> = {}
  for (const [name, { make }] of Object.entries(BAD)) {
    const path = join(stage.at.state.pending, name)
    make(stage, path)
    faces[name] = face(path)
    if (/^fifo|^sparse|^device|^dangling|^folder/.test(name)) continue
    bytes[name] = readFileSync(path)
  }
  await stage.until('all sentences', async () => {
    const rows = await stage.tasks()
    return Object.keys(BAD).every((name) =>
      rows.some(
        ({ file, reason }) =>
          file === `tasks/pending/${name}` && reason && !/a moment ago/.test(reason),
      ),
    )
  })
  stage.drop('good.yaml', shell('touch good-ran', 'context_files: [gone.md]\n'))
  await stage.until('the good one', () => stage.files().includes('completed/good.yaml'))

  const rows = JSON.parse((await stage.must('orchestrate tasks --json')).stdout) as {
    file: string
    id: string
    status: string
    reason: string
  }[]
  const status = JSON.parse((await stage.must('orchestrate status --json')).stdout) as {
    waiting: { id: string; reason: string }[]
    tasks: Record<string, number>
  }
  for (const [name, { says, as }] of Object.entries(BAD)) {
    const row = rows.find(({ file }) => file === `tasks/pending/${name}`)
    expect.soft(row?.status, name).toBe(as)
    expect.soft(row?.reason, name).toMatch(says)
    expect
      .soft(
        status.waiting.some(({ id, reason }) => id === row?.id && says.test(reason)),
        `${name} in status`,
      )
      .toBe(true)
    if (as !== 'pending') expect.soft(stage.log(), name).toContain(`${name}: ${row?.reason}`)
    const path = join(stage.at.state.pending, name)
    expect.soft(face(path), name).toBe(faces[name])
    if (bytes[name]) expect.soft(readFileSync(path).equals(bytes[name]), name).toBe(true)
  }
  const count = (as: string) => Object.values(BAD).filter((one) => one.as === as).length
  expect.soft(status.tasks).toMatchObject({
    ...{ invalid: count('invalid'), held: count('held'), pending: count('pending') },
    ...{ assigned: 1, completed: 1, failed: 0 },
  })
  // The good one ran without its context, and was told so.
  expect.soft(stage.log()).toMatch(/good\.yaml: gone\.md in `context_files` is missing/)
  for (const ran of ['second-ran', 'inner-ran', 'outside-ran'])
    expect.soft(existsSync(join(stage.root, ran)), ran).toBe(false)
  expect.soft(existsSync(join(stage.root, 'escaped.yaml'))).toBe(false)
  expect.soft(existsSync(join(stage.at.runs, '../escaped'))).toBe(false)

  // Mended, it is a task like any other.
  stage.drop('broken.yaml', shell('true'))
  stage.write('gone.md', 'now it is there')
  await stage.until('the mended ones', () =>
    ['completed/broken.yaml', 'completed/lacking.yaml'].every((one) => stage.files().includes(one)),
  )
  stage.write('go', '')
  await stage.until('the first', () => stage.files().includes('completed/first.yaml'))
  expect((await stage.row('pending/second.yaml'))?.status).toBe('held')
  await stage.must('orchestrate stop')
})

const flags = spawnSync('chattr', ['-V'], { encoding: 'utf8' })
const frozen = flags.error === undefined && process.getuid?.() === 0
it.skipIf(!frozen)(
  `a folder that cannot be written stops the claims with a sentence${frozen ? '' : ' (needs root and chattr)'}`,
  async (test) => {
    const stage = await started(SHELLS)
    const assigned = stage.at.state.assigned
    if (spawnSync('chattr', ['+i', assigned]).status !== 0) test.skip('no chattr +i on this disk')
    stage.later(() => spawnSync('chattr', ['-i', assigned]))
    stage.drop('a.yaml', shell('true'))
    await stage.until('the sentence', async () =>
      /tasks\/assigned|not permitted|EPERM/i.test((await stage.status()).halted ?? ''),
    )
    expect((await stage.must('orchestrate status')).stdout).toMatch(/nothing is claimed/)
    expect(stage.log()).toMatch(/warn +nothing is claimed for now: .*assigned/)
    expect(stage.files()).toEqual(['pending/a.yaml'])
    spawnSync('chattr', ['-i', assigned])
    await stage.until('it goes on by itself', () => stage.files().join() === 'completed/a.yaml')
    expect(stage.runs('a')).toHaveLength(1)
    await stage.must('orchestrate stop')
  },
)

const other = process.getuid?.() === 0 && spawnSync('setpriv', ['--version']).status === 0
it.skipIf(!other)(
  `a pending/ that cannot be written is refused by \`add\` with a sentence${other ? '' : ' (needs root and setpriv)'}`,
  async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    for (const path of ['', '.orchestrate', 'tasks', '..'])
      chownSync(join(stage.root, path), 65534, 65534)
    chmodSync(stage.at.state.pending, 0o555)
    const add = `setpriv --reuid=65534 --regid=65534 --clear-groups orchestrate add -a shell true`
    const refused = await stage.type(add)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^orchestrate: .*permission denied/)
    expect(refused.stderr).not.toMatch(/ at .*\.js:|bug/)
    expect(stage.files()).toEqual([])
  },
)

it('a broken config.yaml refuses the start, with file and line', async () => {
  const stage = open('agents:\n  shell: { max_instances: 1 }\ntask_queue:\n  max_retires: 2\n')
  const refused = await stage.type('orchestrate start')
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(/config\.yaml:4:3: .*max_retires.*`?max_retries/)
  expect(refused.stderr).not.toMatch(/ at .*\.js:/)
  expect(stage.pid()).toBeNull()
})

it('a config.yaml that is broken while it runs keeps the last good one, and says so', async () => {
  const stage = await started(SHELLS)
  stage.write('config.yaml', 'agents:\n  shell: { max_instances: [ }\n')
  await stage.until('the note', async () =>
    /config\.yaml:2:/.test(((await stage.status()) as { notes?: string[] }).notes?.join() ?? ''),
  )
  expect(stage.log()).toMatch(/config\.yaml is not taken up, the last good settings stay: .*:2:/)
  stage.drop('a.yaml', shell('true'))
  await stage.until('work goes on', () => stage.files().join() === 'completed/a.yaml')
  expect((await stage.must('orchestrate status')).stderr).toMatch(/config\.yaml is not in force/)
  stage.write('config.yaml', SHELLS.replace('max_instances: 2', 'max_instances: 3'))
  await stage.until('three agents', async () => (await stage.agents()).length === 3)
  expect(living(stage.pid())).toBe(true)
  await stage.must('orchestrate stop')
})

it('a task whose agent leaves odd things behind in our folders harms no other', async () => {
  const stage = await started(SHELLS)
  stage.drop(
    'odd.yaml',
    shell('mkdir -p tasks/completed/other.yaml; mkfifo tasks/failed/odd_result.yaml; echo fine'),
  )
  await stage.until('the end', () => stage.files().includes('completed/odd.yaml'))
  stage.drop('good.yaml', shell('true'))
  await stage.until('the good one', () => stage.files().includes('completed/good.yaml'))
  rmSync(join(stage.at.state.failed, 'odd_result.yaml'), { force: true })
  expect(readdirSync(stage.at.state.completed)).toContain('odd_result.yaml')
  await stage.must('orchestrate stop')
})
