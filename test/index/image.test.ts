// The image on disk: a plain SQLite file, and one that cannot be used costs nothing but a line in the log.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import initSqlJs from 'sql.js'
import { describe, expect, it } from 'vitest'
import { stamps } from '../../src/files/stamps.ts'
import { openIndex } from '../../src/index/index.ts'
import { event, folder, keptLog, opened, run, task } from './rows.ts'

const RUNS = 300

/** A folder with an image of some 200 KB in it. */
async function image(): Promise<string> {
  const file = join(await folder(), 'tasks.db')
  const index = await openIndex({ file, log: () => {} })
  for (let i = 0; i < RUNS; i++) {
    index.putTask(task(`t${i}`))
    index.putRun(run(`t${i}`))
    index.event(event(`event ${i}`, { taskId: `t${i}` }))
  }
  await index.close()
  return file
}

/** How many runs it holds when opened again, and what the log says. */
async function reopened(file: string): Promise<{ runs: number; warned: string }> {
  const { log, lines } = keptLog()
  const index = await openIndex({ file, log })
  const runs = index.dump().runs.length
  index.putTask(task('new')) // it works, whatever it began with
  expect(index.tasks()).toHaveLength(1)
  await index.close()
  const again = await openIndex({ file, log: () => {} })
  expect(again.dump().runs).toHaveLength(runs)
  await again.close()
  return { runs, warned: lines.filter((line) => line.startsWith('warn')).join('\n') }
}

async function altered(sql: string, file?: string): Promise<string> {
  file ??= await image()
  const { Database } = await initSqlJs()
  const db = new Database(await readFile(file))
  db.run(sql)
  await writeFile(file, db.export())
  db.close()
  return file
}

describe('an image that cannot be used', () => {
  it('is kept when it is whole', async () => {
    expect(await reopened(await image())).toEqual({ runs: RUNS, warned: '' })
  })
  it('is not there: that is no news', async () => {
    expect(await reopened(join(await folder(), 'tasks.db'))).toEqual({ runs: 0, warned: '' })
  })
  it.each([
    ['is empty', async () => Buffer.alloc(0)],
    ['is damaged', async () => Buffer.from('this is no database. '.repeat(500))],
    ['is damaged', async (bytes: Buffer) => bytes.fill(0xff, 4096, 40_960)],
    ['is damaged', async (bytes: Buffer) => bytes.subarray(0, bytes.length - 4096)],
    ['is damaged (cut short)', async (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
  ])('%s', async (why, spoil) => {
    const file = await image()
    await writeFile(file, await spoil(await readFile(file)))
    const { runs, warned } = await reopened(file)
    expect(warned).toContain(why)
    expect(runs).toBe(0)
  })
  it.each([
    ['is not of version', `UPDATE meta SET value = 0`],
    ['is not of version', `DROP TABLE meta`],
    ['has other tables', `CREATE TABLE extra (a)`],
    ['has other tables', `CREATE TRIGGER sqlitex AFTER DELETE ON tasks BEGIN SELECT 1; END`],
    ['has other tables', `DROP INDEX tasks_id`],
  ])('%s: %s', async (why, sql) => {
    const { runs, warned } = await reopened(await altered(sql))
    expect(warned).toContain(why)
    expect(runs).toBe(0)
  })
  it('is damaged where only a full check looks: an index that differs from its table', async () => {
    const file = await image()
    const whole = await readFile(file)
    const found: string[] = []
    for (let at = whole.indexOf('t150'); at >= 0; at = whole.indexOf('t150', at + 1)) {
      const bytes = Buffer.from(whole)
      bytes.write('t15x', at)
      await writeFile(file, bytes)
      found.push((await reopened(file)).warned)
    }
    expect(found.join()).toMatch(/is damaged \(.*(index|order)/)
  })
  it('loses only the runs that are no JSON', async () => {
    const file = await altered(`UPDATE runs SET record = '{' WHERE task_id IN ('t1', 't2')`)
    expect(await reopened(file)).toEqual({ runs: RUNS - 2, warned: '' })
  })
  it('cut anywhere: all or nothing', async () => {
    const whole = await readFile(await image())
    const file = join(await folder(), 'tasks.db')
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (length) => {
        await writeFile(file, whole)
        await truncate(file, length)
        expect((await reopened(file)).runs).toBe(0)
      }),
      { numRuns: 40 },
    )
  })
  it('is a folder, a link or a pipe: it is told, and saving over a folder is told too', async () => {
    const home = await folder()
    await mkdir(join(home, 'dir.db'))
    await symlink('dir.db', join(home, 'link.db'))
    execFileSync('mkfifo', [join(home, 'pipe.db')])
    for (const name of ['dir.db', 'link.db', 'pipe.db']) {
      const { log, lines } = keptLog()
      const index = await openIndex({ file: join(home, name), log })
      index.putTask(task('a'))
      await index.close()
      const warned = lines.filter((line) => line.startsWith('warn')).join('\n')
      expect(warned).toContain('it starts empty')
      if (name === 'dir.db') expect(warned).toContain('could not be saved')
    }
    expect((await readdir(home)).sort()).toEqual(['dir.db', 'link.db', 'pipe.db'])
  })
})

describe('of the tasks in an image are kept', () => {
  const SURE = { stamp: 'as the file was', learnt: '1 - -' }
  const rules = (text: string | null) => ({ log: () => {}, rules: () => text })

  /** What a next one begins with. */
  async function kept(before: string | null, after: string | null, sql?: string) {
    const file = join(await folder(), 'tasks.db')
    const index = await openIndex({ file, ...rules(before) })
    for (const status of ['completed', 'failed'] as const)
      index.putTask(task(status, { status, ...SURE }))
    index.putTask(task('unsure', { status: 'completed', stamp: 'x' }))
    index.putTask(task('waits'))
    await index.close()
    if (sql) await altered(sql, file)
    const again = await openIndex({ file, ...rules(after) })
    const all = again.stamps()
    expect(again.settled().map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    expect(again.tasks().map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    await again.close()
    return all
  }

  it('those that are settled, and were read by the same rules', async () => {
    expect(await kept('a', 'a')).toEqual([
      { state: 'completed', name: 'completed.yaml', id: 'completed', ...SURE },
      { state: 'failed', name: 'failed.yaml', id: 'failed', ...SURE },
    ])
    expect(await kept('a', 'b')).toEqual([])
    expect(await kept('a', null)).toEqual([])
    expect(await kept(null, 'a')).toEqual([])
    expect(await kept(null, null)).toEqual([])
  })

  it('none that is spelt as none of ours is', async () => {
    const other = (words: string) => kept('a', 'a', `UPDATE tasks SET ${words}`)
    expect(await other(`stamp = x'00ff'`)).toEqual([])
    expect(await other(`id = NULL`)).toEqual([])
    expect(await other(`file = 'tasks/pending/' || id`)).toEqual([])
    expect(await other(`status = 'held'`)).toEqual([])
  })

  it('more than are one answer', async () => {
    const index = await opened(join(await folder(), 'tasks.db'))
    for (let n = 0; n < 4500; n++) index.putTask(task(`t${n}`, { status: 'failed', ...SURE }))
    expect(index.stamps()).toHaveLength(4500)
    expect(new Set(index.settled().map(({ id }) => id)).size).toBe(4500)
  })
})

it('an image that is as it was left is not looked through', async () => {
  const file = await image()
  const whole = await readFile(file)
  /** One key of an index is another: only the whole check finds that. */
  const spoil = async (at: number) => {
    const bytes = Buffer.from(whole)
    bytes.write('t9', at)
    await writeFile(file, bytes)
  }
  const warned = async (left: string | null) => {
    const { log, lines } = keptLog()
    const index = await openIndex({ file, log, left })
    await index.close()
    return lines.some((line) => line.includes('is damaged'))
  }
  const found: string[] = []
  for (let at = whole.indexOf('t299'); at > 0; at = whole.indexOf('t299', at + 1)) {
    await spoil(at)
    const left = await warned(stamps(await stat(file)).stamp)
    await spoil(at)
    found.push(`${left} ${await warned(null)}`)
  }
  expect(found).toContain('false true')
  expect(found).not.toContain('true false')
})

it.skipIf(!existsSync('/usr/bin/sqlite3'))('the sqlite3 program opens it', async () => {
  const file = join(await folder(), 'tasks.db')
  const index = await openIndex({ file, log: () => {} })
  index.putTask(task('Ünï', { description: `it's "quoted"\nand 😀` }))
  index.putRun(run('a', { outcome: 'timeout', ended_at: '2026-01-01T11:00:00.000Z' }))
  await index.close()
  const ask = (sql: string) =>
    execFileSync('/usr/bin/sqlite3', [file, sql], { encoding: 'utf8' }).trim()
  expect(ask('PRAGMA integrity_check')).toBe('ok')
  expect(ask('SELECT id, status, description FROM tasks')).toBe(`Ünï|pending|it's "quoted"\nand 😀`)
  expect(ask('SELECT task_id, attempt, outcome FROM runs')).toBe('a|1|timeout')
  expect(ask(`SELECT value FROM meta WHERE key = 'version'`)).toBe('4')
})

it('sql.js keeps prepared statements over an export (fixed in 1.16, sql-js/sql.js#159)', async () => {
  const index = await opened(join(await folder(), 'tasks.db'))
  for (let i = 0; i < 3; i++) {
    index.putTask(task(`t${i}`))
    expect(index.tasks()).toHaveLength(i + 1)
    await index.save() // exports
  }
  const { Database } = await initSqlJs()
  const db = new Database()
  const statement = db.prepare('SELECT 1')
  db.export()
  expect(statement.step()).toBe(true)
  db.close()
})

it('is private, and drafts that a killed orchestrator left are removed', async () => {
  const file = await image()
  const home = dirname(file)
  await writeFile(join(home, '.tasks.db.draft'), 'x')
  await writeFile(join(home, '.tasks.db.draft.1234567'), 'x')
  await writeFile(join(home, '.tasks.db.drafted'), 'of a person')
  await opened(file)
  expect((await readdir(home)).sort()).toEqual(['.tasks.db.drafted', 'tasks.db'])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

it('sql.js finds its wasm beside itself, also in a folder with a space and a #', async () => {
  const home = join(await folder(), 'with a space # and more')
  await mkdir(home)
  const from = dirname(createRequire(import.meta.url).resolve('sql.js'))
  for (const name of ['sql-wasm.js', 'sql-wasm.wasm'])
    await copyFile(join(from, name), join(home, name))
  const script = `require(process.argv[1])().then((sql) => console.log(new sql.Database().exec('SELECT 42')[0].values[0][0]))`
  const path = join(home, 'sql-wasm.js')
  const said = execFileSync(process.execPath, ['-e', script, path], { cwd: '/', encoding: 'utf8' })
  expect(said).toBe('42\n')
})
