// What can be done while no orchestrator runs: everything works on the files.
import { chmodSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { folder, orchestrate, workspace } from './program.ts'

const NOT_RUNNING = 'orchestrate is not running: `orchestrate start` begins the work\n'

describe('init', () => {
  it('makes a workspace, and the second time nothing', async () => {
    const root = folder()
    const first = await orchestrate(root, ['init'])
    expect(first.status).toBe(0)
    expect(first.stdout).toMatchInlineSnapshot(`
      "tasks/pending/
      tasks/assigned/
      tasks/completed/
      tasks/failed/
      tasks/drafts/
      config.yaml
      context/project_overview.md
      context/objectives.md
      context/known_issues.md
      context/code_structure.md
      tasks/drafts/example.yaml
      .gitignore (tasks/assigned/, .orchestrate/, tasks.db)
      "
    `)
    expect(first.stderr).toContain('No agent CLI was found')
    expect(await orchestrate(root, ['init'])).toEqual({
      status: 0,
      stdout: '',
      stderr: `${root} is a workspace already; nothing was missing\n`,
    })
  })

  it('adds what is missing and leaves what is there', async () => {
    const root = await workspace()
    writeFileSync(join(root, 'config.yaml'), '# mine\n')
    writeFileSync(join(root, '.gitignore'), 'node_modules\n/.orchestrate/')
    renameSync(join(root, 'context/objectives.md'), join(root, 'objectives.md'))
    const { stdout } = await orchestrate(root, ['init'])
    expect(stdout).toBe('context/objectives.md\n.gitignore (tasks/assigned/, tasks.db)\n')
    expect(readFileSync(join(root, 'config.yaml'), 'utf8')).toBe('# mine\n')
    expect(readFileSync(join(root, '.gitignore'), 'utf8')).toBe(
      'node_modules\n/.orchestrate/\ntasks/assigned/\ntasks.db\n',
    )
  })
})

describe('add', () => {
  it('prints the id on stdout and the talk on stderr', async () => {
    const root = await workspace()
    const args = [
      'add',
      'make test',
      '--agent',
      'Shell',
      '--priority',
      '0',
      '--timeout-minutes',
      '2.5',
    ]
    expect(await orchestrate(root, args)).toEqual({
      status: 0,
      stdout: 'task_001\n',
      stderr: NOT_RUNNING,
    })
    const text = readFileSync(join(root, 'tasks/pending/task_001.yaml'), 'utf8')
    for (const line of ['priority: "high"', 'preferred_agent: "shell"', 'timeout_minutes: 2.5']) {
      expect(text).toContain(`${line}\n`)
    }
  })

  it('says what a person would be surprised by', async () => {
    const root = await workspace()
    const { status, stderr } = await orchestrate(root, [
      'add',
      'x',
      '--after',
      'task_009',
      '--context-file',
      'no.md',
    ])
    expect(status).toBe(0)
    expect(stderr).toContain('there is no no.md yet')
    expect(stderr).toContain('there is no task task_009 yet')
    expect(stderr).toContain('only the shell agent is here')
  })

  it('reads a task a line from stdin', async () => {
    const root = await workspace()
    const added = await orchestrate(root, ['add', '-', '-a', 'shell'], 'one\n\n  \r\ntwo\r\nthree')
    expect(added).toMatchObject({ status: 0, stdout: 'task_001\ntask_002\ntask_003\n' })
    const { stdout } = await orchestrate(root, ['tasks', '--json'])
    const rows: { description: string }[] = JSON.parse(stdout)
    expect(rows.map(({ description }) => description).sort()).toEqual(['one', 'three', 'two'])
    expect(await orchestrate(root, ['add', '-'], '\n\n')).toMatchObject({ status: 1, stdout: '' })
    expect(await orchestrate(root, ['add', '-', '--id', 'a'], 'x\ny\n')).toMatchObject({
      status: 1,
      stdout: '',
    })
  })

  it('refuses an id that is taken, an empty text, and a context file outside', async () => {
    const root = await workspace()
    await orchestrate(root, ['add', 'x', '--id', 'a'])
    expect(await orchestrate(root, ['add', 'x', '--id', 'a'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('there is a task `a` already'),
    })
    expect(await orchestrate(root, ['add', ' '])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('the description is empty'),
    })
    expect(await orchestrate(root, ['add', 'x', '--context-file', '../x'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('is outside of the workspace'),
    })
    expect(readdirSync(join(root, 'tasks/pending'))).toEqual(['a.yaml'])
  })

  it('heeds the limit and the default of config.yaml, and a broken one is told', async () => {
    const root = await workspace()
    writeFileSync(join(root, 'config.yaml'), 'task_queue: { max_size: 1, default_priority: low }\n')
    expect(await orchestrate(root, ['add', 'x'])).toMatchObject({ status: 0 })
    expect(readFileSync(join(root, 'tasks/pending/task_001.yaml'), 'utf8')).toContain(
      'priority: "low"',
    )
    expect(await orchestrate(root, ['add', 'y'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('the queue is full'),
    })
    writeFileSync(join(root, 'config.yaml'), 'task_queu: {}\n')
    expect(await orchestrate(root, ['add', 'y'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('config.yaml:1:1'),
    })
  })
})

describe('what is shown', () => {
  const put = (root: string, path: string, text: string) =>
    writeFileSync(join(root, 'tasks', path), text)

  it('status counts names, records left out, and writes nothing', async () => {
    const root = await workspace()
    for (const path of ['pending/a.yaml', 'pending/b.yml', 'completed/c.yaml', 'failed/d.yaml'])
      put(root, path, 'x')
    for (const path of ['completed/c_result.yaml', 'pending/.a.yaml.swp', 'pending/note.txt'])
      put(root, path, 'x')
    const before = readdirSync(root, { recursive: true }).sort()
    const { status, stdout, stderr } = await orchestrate(root, ['status', '--json'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      running: false,
      pid: null,
      tasks: { pending: 2, assigned: 0, completed: 1, failed: 1, held: 0, invalid: 0 },
      active: [],
      waiting: [],
      agents: { total: 0, busy: 0 },
    })
    expect(readdirSync(root, { recursive: true }).sort()).toEqual(before)
    const text = await orchestrate(root, ['status'])
    expect(text.stdout).toBe(
      `orchestrate is not running in ${root}\n2 pending · 0 active · 1 completed · 1 failed\n`,
    )
  })

  it('tasks has invalid and held ones, and a filter', async () => {
    const root = await workspace()
    put(root, 'pending/good.yaml', 'description: fine\n')
    put(root, 'pending/bad.yaml', 'description: [\n')
    put(root, 'completed/twice.yaml', 'description: done\n')
    put(root, 'pending/twice.yaml', 'description: again\n')
    const rows = async (...args: string[]) => {
      const { stdout } = await orchestrate(root, ['tasks', '--json', ...args])
      const found: { id: string; status: string }[] = JSON.parse(stdout)
      return found.map(({ id, status }) => `${id} ${status}`).sort()
    }
    expect(await rows()).toEqual(['bad invalid', 'good pending', 'twice completed', 'twice held'])
    expect(await rows('--status', 'held')).toEqual(['twice held'])
    expect(await rows('--status', 'active')).toEqual([])
    const { stdout } = await orchestrate(root, ['tasks', '--status', 'invalid'])
    expect(stdout).toMatch(/line \d+, column \d+/)
  })

  it('show tells one task, and exits 2 when it has failed', async () => {
    const root = await workspace()
    put(root, 'pending/a.yaml', 'description: |\n  one\n  two\n')
    put(root, 'failed/b.yaml', 'description: x\n')
    expect(await orchestrate(root, ['show', 'A'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('  one\n  two\n'),
    })
    expect(await orchestrate(root, ['show', 'b', '--json'])).toMatchObject({
      status: 2,
      stderr: '',
    })
    expect(await orchestrate(root, ['show', 'bb'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'orchestrate: there is no task `bb`\n  did you mean `b`?\n',
    })
  })

  it('control characters of a task cannot reach the screen', async () => {
    const root = await workspace()
    put(
      root,
      'pending/a.yaml',
      'description: "red \\u001b[31mred\\u001b]0;title\\u0007 \\u202e back \\u009b2J"\n',
    )
    for (const args of [['tasks'], ['show', 'a']]) {
      const { stdout } = await orchestrate(root, args)
      expect(stdout).toMatch(/red red {1,2}back 2J/)
    }
    const { stdout } = await orchestrate(root, ['tasks', '--json'])
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u)
    expect(JSON.parse(stdout)[0].description).toContain('\u001b[31m')
  })

  it('agents are those that a start would have', async () => {
    const root = await workspace()
    writeFileSync(join(root, 'config.yaml'), 'agents: { codex: { max_instances: 1 } }\n')
    const { stdout, stderr } = await orchestrate(root, ['agents', '--json'])
    const none = {
      ...{ until: null, why: null, task_id: null, task_count: 0, pid: null },
      today: { tokens: 0, cost_usd: 0 },
    }
    expect(JSON.parse(stdout)).toEqual([
      { id: 'agent_01', type: 'codex', state: 'missing', ...none },
      { id: 'agent_02', type: 'shell', state: 'idle', ...none },
    ])
    expect(stderr).toBe('')
    expect((await orchestrate(root, ['agents'])).stderr).toContain('not on this machine: codex')
  })

  it('logs of what has not run say so', async () => {
    const root = await workspace()
    put(root, 'pending/a.yaml', 'description: x\n')
    expect(await orchestrate(root, ['logs', 'a'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'a has not run yet\n',
    })
  })
})

describe('by hand', () => {
  it('cancel and retry move the file, and each id is told of', async () => {
    const root = await workspace()
    await orchestrate(root, ['add', 'x'])
    expect(await orchestrate(root, ['cancel', 'task_001'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'task_001 is cancelled\n',
    })
    expect(readdirSync(join(root, 'tasks/failed')).sort()).toEqual([
      'task_001.yaml',
      'task_001_result.yaml',
    ])
    const both = await orchestrate(root, ['retry', 'nope', 'task_001'])
    expect(both.status).toBe(1)
    expect(both.stderr).toContain('there is no task `nope`')
    expect(both.stderr).toContain('task_001 is back in pending/')
    expect(readdirSync(join(root, 'tasks/pending'))).toEqual(['task_001.yaml'])
  })

  it('stop has nothing to do', async () => {
    const root = await workspace()
    expect(await orchestrate(root, ['stop'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'orchestrate is not running\n',
    })
    expect(await orchestrate(root, ['stop', '--now', '--detach'])).toMatchObject({ status: 1 })
  })
})

describe('doctor', () => {
  it('finds a sound workspace sound, and names the remedy of what is broken', async () => {
    const root = await workspace()
    const well = await orchestrate(root, ['doctor', '--json'])
    expect(well.status).toBe(0)
    const checks: { what: string; state: string; remedy?: string }[] = JSON.parse(well.stdout)
    expect(checks.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['node', 'git', 'folders', 'disk', 'config.yaml', 'shell']),
    )
    for (const check of checks) if (check.state !== 'ok') expect(check.remedy).toBeTruthy()
    chmodSync(join(root, 'tasks/pending'), 0o777)
    writeFileSync(join(root, 'config.yaml'), 'agent: {}\n')
    const ill = await orchestrate(root, ['doctor'])
    expect(ill.status).toBe(1)
    expect(ill.stdout).toContain(`chmod go-w ${join(root, 'tasks/pending')}`)
    expect(ill.stdout).toContain('did you mean `agents`?')
  })
})

describe('start', () => {
  it('refuses a folder that others may write, in the background and here', async () => {
    const root = await workspace()
    chmodSync(join(root, 'tasks/pending'), 0o777)
    for (const args of [['start'], ['start', '--foreground'], ['run']]) {
      const { status, stderr } = await orchestrate(root, args)
      expect({ args, status }).toEqual({ args, status: 1 })
      expect(stderr).toContain('everyone on this machine can write')
      expect(stderr).toContain('chmod go-w')
    }
  })
})
