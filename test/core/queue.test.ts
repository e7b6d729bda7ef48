// The queue by its founding interface (specification 3.1), and what a claim promises when many try at once.
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TaskQueue } from '../../src/core/queue.ts'
import { cancel, retry } from '../../src/files/by-hand.ts'
import { makeFolders } from '../../src/files/make-folders.ts'
import { type Workspace, workspace } from '../../src/files/workspace.ts'

let at: Workspace
beforeEach(async () => {
  at = workspace(mkdtempSync(join(tmpdir(), 'queue-')))
  await makeFolders(at)
})
afterEach(() => rmSync(at.root, { recursive: true, force: true }))
const names = (state: keyof Workspace['state']) => readdirSync(at.state[state]).sort()
const gone = ({ news }: TaskQueue) => [...news.dropped].map(({ id }) => id)
const fresh = (rules = {}) => new TaskQueue(at.root, { settleMs: 0, ...rules })

describe('specification 3.1', () => {
  it('adds, hands out by priority, completes, fails and lists', async () => {
    const queue = fresh()
    expect(await queue.addTask('later', 'low')).toBe('task_001')
    expect(await queue.addTask('first', 'high')).toBe('task_002')
    expect(await queue.addTask('then')).toBe('task_003')
    expect((await queue.listTasks('pending')).map((task) => task.id).sort()).toEqual([
      'task_001',
      'task_002',
      'task_003',
    ])
    expect(await queue.getNextTask('agent_01')).toMatchObject({
      id: 'task_002',
      description: 'first',
      priority: 'high',
    })
    expect(names('assigned')).toEqual(['task_002.yaml', 'task_002_agent_01.yaml'])
    await queue.completeTask('task_002', 'all is well')
    expect(readFileSync(join(at.state.completed, 'task_002_result.yaml'), 'utf8')).toMatch(
      /status: success[\s\S]*result: "all is well"/,
    )
    expect(names('assigned')).toEqual([])
    expect((await queue.getNextTask('agent_01'))?.id).toBe('task_003')
    await queue.failTask('task_003', 'no luck')
    expect(names('failed')).toEqual(['task_003.yaml', 'task_003_result.yaml'])
    expect((await queue.getNextTask('agent_01'))?.id).toBe('task_001')
    expect(await queue.getNextTask('agent_01')).toBeNull()
    expect(await queue.listTasks()).toHaveLength(3)
    await expect(queue.completeTask('nobody', '')).rejects.toMatchObject({ code: 'NO_TASK' })
  })

  it('writes what it reads: any text, any keys', async () => {
    const queue = fresh()
    const texts = [
      'one line',
      'two\nlines',
      ' leading space',
      'trailing \nspace',
      '# not a comment',
      '- a\n- b',
      'tab\there',
      '"quotes" and \\n',
      '⚡ émoji 🎉',
      '%YAML',
      '---',
      'a: b: c',
      'null',
      '\u0007bell',
      'x\n\n\ny',
      '  ',
      'key: |\n  block',
      "it's",
    ]
    for (const description of texts) {
      if (description.trim() === '') continue
      const [id] = await queue.addTasks([
        {
          description,
          dependencies: ['a', '007'],
          context_files: ['x y.md'],
          subtasks: ['é'],
          max_retries: 0,
          timeout_minutes: 0.5,
          preferred_agent: 'codex',
        },
      ])
      const task = (await queue.listTasks('pending')).find((one) => one.id === id)
      expect(task).toMatchObject({
        description,
        dependencies: ['a', '007'],
        contextFiles: ['x y.md'],
        subtasks: ['é'],
        maxRetries: 0,
        timeoutMinutes: 0.5,
        preferredAgent: 'codex',
        remarks: [],
      })
    }
  })

  it('adds all or none, and gives the numbers back', async () => {
    const queue = fresh({ maxSize: 2 })
    await expect(
      queue.addTasks([{ description: 'a' }, { description: 'b' }, { description: 'c' }]),
    ).rejects.toMatchObject({ code: 'FULL' })
    await queue.addTask('a')
    await expect(
      queue.addTasks([{ description: 'x' }, { description: 'y', id: 'task_001' }]),
    ).rejects.toMatchObject({ code: 'FULL' })
    await expect(
      fresh().addTasks([{ description: 'x' }, { description: 'y', id: 'task_001' }]),
    ).rejects.toMatchObject({ code: 'TAKEN' })
    expect(names('pending')).toEqual(['task_001.yaml'])
    expect(readdirSync(at.runs)).toEqual(['task_001'])
    expect(await fresh().addTask('b')).toBe('task_002')
  })

  it('never gives out an id that a person took', async () => {
    writeFileSync(join(at.state.failed, 'task_001.yaml'), 'description: x\n')
    writeFileSync(join(at.state.pending, 'task_002.yml'), 'description: x\n')
    expect(await fresh().addTask('y')).toBe('task_003')
  })

  it('finds a free number among thousands without reading them all', async () => {
    for (let n = 1; n <= 3000; n++)
      mkdirSync(join(at.runs, `task_${String(n).padStart(3, '0')}`), { recursive: true })
    expect(await fresh().addTask('y')).toBe('task_3001')
  })
})

it('a claim has one winner: eight claimers, sixty tasks', async () => {
  const queue = fresh()
  await queue.addTasks(Array.from({ length: 60 }, (_, n) => ({ description: String(n) })))
  const claimers = Array.from({ length: 8 }, () => fresh())
  const got = await Promise.all(
    claimers.map(async (claimer, n) => {
      const mine: string[] = []
      for (;;) {
        const task = await claimer.getNextTask(`agent_0${n}`)
        if (!task) return mine
        mine.push(task.id)
      }
    }),
  )
  expect(got.flat().sort()).toEqual(
    Array.from({ length: 60 }, (_, n) => `task_${String(n + 1).padStart(3, '0')}`),
  )
  expect(names('pending')).toEqual([])
})

it('a claim never overwrites, and goes back when the file changed under it', async () => {
  const queue = fresh()
  await queue.addTask('x')
  await queue.scan([])
  const entry = queue.find('task_001')
  if (!entry) throw new Error('no entry')
  writeFileSync(join(at.state.assigned, 'task_001.yaml'), 'a person put this here')
  expect(await queue.claim(entry)).toBe(false)
  expect(readFileSync(join(at.state.assigned, 'task_001.yaml'), 'utf8')).toBe(
    'a person put this here',
  )
  rmSync(join(at.state.assigned, 'task_001.yaml'))
  writeFileSync(entry.path, 'description: changed\n')
  expect(await queue.claim(entry)).toBe(false)
  expect(names('pending')).toEqual(['task_001.yaml'])
  await queue.scan([])
  expect(await queue.claim(entry)).toBe(true)
  expect(await queue.claim(entry)).toBe(false)
})

it('twenty processes allocate twenty ids', async () => {
  const program = `import('${new URL('../../src/core/queue.ts', import.meta.url).href}').then(async ({ TaskQueue }) => console.log(await new TaskQueue(process.argv[1]).addTask('x')))`
  expect(existsSync(at.state.pending)).toBe(true)
  // Through the built files, so that plain node runs them.
  const built = program.replace('/src/core/queue.ts', '/dist/core/queue.js')
  const ids = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        new Promise<string>((resolve, reject) => {
          const child = spawn(process.execPath, ['-e', built, at.root], {
            stdio: ['ignore', 'pipe', 'inherit'],
          })
          let out = ''
          child.stdout.on('data', (text) => {
            out += text
          })
          child.on('close', (code) =>
            code === 0 ? resolve(out.trim()) : reject(new Error(`exit ${code}`)),
          )
        }),
    ),
  )
  expect(new Set(ids).size).toBe(20)
  expect(names('pending')).toHaveLength(20)
})

describe('by hand, for those who would rather type', () => {
  const scanned = async () => {
    const queue = fresh()
    await queue.scan([])
    return queue
  }
  it('cancel moves to failed/ and says who did it', async () => {
    await fresh().addTask('x')
    expect(await cancel(await scanned(), at, 'TASK_001')).toBe('task_001 is cancelled')
    expect(names('failed')).toEqual(['task_001.yaml', 'task_001_result.yaml'])
    await expect(cancel(await scanned(), at, 'task_001')).rejects.toThrow(
      'task_001 is failed already',
    )
    await expect(cancel(await scanned(), at, 'nobody')).rejects.toMatchObject({ code: 'NO_TASK' })
  })
  it('retry moves back, and keeps a copy that is in its way', async () => {
    writeFileSync(join(at.state.failed, 'a.yaml'), 'description: old\n')
    expect(await retry(await scanned(), at, 'a')).toBe('a is back in pending/')
    writeFileSync(join(at.state.completed, 'a.yaml'), 'description: done\n')
    expect(await retry(await scanned(), at, 'a')).toMatch(
      /tasks\/pending\/a.yaml will run; the completed copy is kept in .orchestrate\/runs\/a\/1/,
    )
    expect(readFileSync(join(at.runs, 'a/1/completed-a.yaml'), 'utf8')).toBe('description: done\n')
    expect(names('completed')).toEqual([])
    await expect(retry(await scanned(), at, 'nobody')).rejects.toMatchObject({ code: 'NO_TASK' })
    writeFileSync(join(at.state.assigned, 'b.yaml'), 'description: busy\n')
    await expect(retry(await scanned(), at, 'b')).rejects.toMatchObject({ code: 'ASSIGNED' })
  })
})

describe('a scan', () => {
  it('takes nothing for whole before it stood still, and nothing for gone before it stayed away', async () => {
    const queue = new TaskQueue(at.root, { settleMs: 100 })
    const path = join(at.state.pending, 'a.yaml')
    writeFileSync(path, 'description: x\n')
    const t = Math.ceil(performance.now()) // no fractions: their sums are not exact
    expect((await queue.scan([], true, t)).changed).toEqual([])
    expect((await queue.scan([], true, t + 99)).changed).toEqual([])
    expect((await queue.scan([], true, t + 100)).changed.map((entry) => entry.id)).toEqual(['a'])
    rmSync(path)
    await queue.scan([], true, t + 200)
    expect(gone(queue)).toEqual([])
    writeFileSync(path, 'description: y\n') // as vim does
    await queue.scan([], true, t + 250)
    expect(gone(queue)).toEqual([])
    expect(
      (await queue.scan([], true, t + 350)).changed.map((entry) => entry.task?.description),
    ).toEqual(['y'])
    rmSync(path)
    await queue.scan([], true, t + 400)
    await queue.scan([], true, t + 500)
    expect(gone(queue)).toEqual(['a'])
  })

  it('makes pending/ again, and takes no other folder that vanished for an empty one', async () => {
    const queue = fresh()
    writeFileSync(join(at.state.failed, 'a.yaml'), 'description: x\n')
    await queue.scan([])
    rmSync(at.state.pending, { recursive: true })
    rmSync(at.state.failed, { recursive: true })
    const scan = await queue.scan([])
    expect(scan).toMatchObject({ missing: ['failed'] })
    expect(existsSync(at.state.pending)).toBe(true)
    expect(queue.find('a')?.state).toBe('failed')
    rmSync(at.tasks, { recursive: true })
    expect((await queue.scan([])).missing).toEqual(['pending', 'assigned', 'completed', 'failed'])
    expect(existsSync(at.tasks)).toBe(false)
  })

  it('makes a folder again that was last seen without a task; one that cannot be made is missing', async () => {
    const queue = fresh()
    writeFileSync(join(at.state.completed, 'a.yaml'), 'description: x\n')
    writeFileSync(join(at.state.assigned, 'b_agent_01.yaml'), '# written by orchestrate\n')
    const t = Math.ceil(performance.now()) // no fractions: their sums are not exact
    await queue.scan([], true, t)
    for (const state of ['assigned', 'completed', 'failed'] as const)
      rmSync(at.state[state], { recursive: true })
    expect(await queue.scan([], true, t + 1)).toMatchObject({ missing: ['completed'] })
    expect([at.state.assigned, at.state.failed].map((path) => existsSync(path))).toEqual([
      true,
      true,
    ])
    // It went with its folder: unlike a file that was removed before, it is not settled by time.
    expect((await queue.scan([], true, t + 10_000)).missing).toEqual(['completed'])
    mkdirSync(at.state.completed)
    await queue.scan([], true, t + 20_000)
    expect(gone(queue)).toEqual(['a'])
    rmSync(at.state.completed, { recursive: true })
    expect(await queue.scan([], true, t + 20_001)).toMatchObject({ missing: [], away: null })
    // Something else of that name is neither there nor gone.
    rmSync(at.state.failed, { recursive: true })
    writeFileSync(at.state.failed, '')
    const { missing, away } = await queue.scan([], true, t + 20_002)
    expect(missing).toEqual(['failed'])
    expect(away).toMatch(
      /^tasks\/failed cannot be read \(ENOTDIR: .*, nothing is claimed until it can$/,
    )
  })

  it('finds a record that lost its task, also one that went to pending/ with it', async () => {
    const queue = fresh()
    await queue.addTask('x')
    await queue.getNextTask('agent_01')
    await queue.failTask('task_001', 'no')
    for (const name of names('failed'))
      writeFileSync(join(at.state.pending, name), readFileSync(join(at.state.failed, name)))
    for (const name of names('failed')) rmSync(join(at.state.failed, name))
    await queue.scan([])
    const { orphans } = await queue.scan([])
    expect(orphans.map(({ path }) => path)).toEqual([
      join(at.state.pending, 'task_001_result.yaml'),
    ])
    for (const { path, id } of orphans) await queue.records.shelve(path, id)
    expect(readdirSync(join(at.runs, 'task_001/1'))).toEqual(['task_001_result.yaml'])
  })

  it('finds the record of an id that its task has no more', async () => {
    const queue = fresh()
    writeFileSync(join(at.state.completed, 'a.yaml'), 'description: [\n')
    writeFileSync(join(at.state.completed, 'a_result.yaml'), 'task_id: a\n')
    await queue.scan([])
    expect((await queue.scan([])).orphans).toEqual([])
    writeFileSync(join(at.state.completed, 'a.yaml'), 'id: b\ndescription: x\n')
    await queue.scan(['tasks/completed/a.yaml'], false)
    const { orphans } = await queue.scan([], false)
    expect(orphans).toMatchObject([{ id: 'a', state: 'completed' }])
  })

  it.each([
    [10, 15_000],
    [100_000, 50_000],
    [1_000_000, 60_000],
  ])('with %i names, a full scan is due again after %i ms', (count, ms) => {
    const queue = fresh()
    queue.names.set('completed', new Set(Array.from({ length: count }, (_, n) => `${n}.yaml`)))
    expect(queue.dueMs).toBe(ms)
  })
})
