// To list and to add, as whole processes, beside what people keep their tasks in: with 10 to 10,000 of them.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHouse } from './house.mjs'
import { alternate, figures, ratios, timed, wholeProcess } from './measure.mjs'
import { installRivals, npmRival } from './rivals.mjs'

const SIZES = [10, 100, 1000, 10_000]
/** The one whose ratios have limits. */
const NAMED = 1000
/** ms: what takes longer is asked once. */
const SLOW_MS = 4000

const ADD = 'Write unit tests for the auth module'
const text = (n) => `Task ${n} of those that wait.`

export async function lists({ dist, rounds, row }) {
  const missing = installRivals(Object.keys(RIVALS))
  for (const [name, why] of Object.entries(missing))
    row({ what: `list and add: ${name}`, unit: why })
  for (const size of SIZES) {
    process.stderr.write(`  ${size} tasks…\n`)
    const [stopped, added, running] = [
      await ours(dist, size),
      await ours(dist, size),
      await ours(dist, size),
    ]
    await running.house.start()
    const acts = {
      'node -e 0': () => wholeProcess(['-e', '0'], stopped.house.root),
      'orchestrate, running: list': running.list,
      'orchestrate, running: add': running.add,
      'orchestrate, stopped: list': stopped.list,
      'orchestrate, stopped, some added since: list': added.list,
      'orchestrate, stopped: add': added.add,
    }
    const rivals = Object.keys(RIVALS).filter((name) => !missing[name])
    const theirs = rivals.map((name) => ({ called: CALLED[name] ?? name, ...rival(name, size) }))
    const once = {}
    for (const { called, list, add } of theirs) {
      const ms = await timed(list)
      if (ms > SLOW_MS)
        Object.assign(once, { [`${called}: list`]: [ms], [`${called}: add`]: [await timed(add)] })
      else Object.assign(acts, { [`${called}: list`]: list, [`${called}: add`]: add })
    }
    const { 'node -e 0': bare, ...rest } = await alternate(acts, Math.min(rounds, 7))
    const base = figures(bare)
    row({ what: `node -e 0, beside ${size} tasks`, unit: 'ms', ...base })
    for (const [name, all] of Object.entries({ ...rest, ...once })) {
      const own = figures(all)
      const limit = size === NAMED ? LIMITS[name] : undefined
      row({
        what: `${name}, ${size} tasks`,
        unit: '× node -e 0',
        ...ratios(own, base),
        limit,
        line: name,
        at: size,
      })
    }
    for (const { house } of [stopped, added]) house.leave()
    running.house.close()
    for (const { end } of theirs) end()
  }
}

const CALLED = { backlog: 'Backlog.md', 'task-master': 'taskmaster', task: 'taskwarrior' }

const LIMITS = {
  'orchestrate, running: list': 1.25,
  'orchestrate, running: add': 1.25,
  'orchestrate, stopped: list': 1.4,
  'orchestrate, stopped: add': 1.4,
}

/** As it is after a start and a stop. */
async function ours(dist, size) {
  const house = await openHouse({ dist, agents: { shell: { max_instances: 1 } }, waiting: size })
  await house.start()
  house.stop()
  return {
    house,
    list: () => wholeProcess([house.main, 'tasks', '--json'], house.root),
    add: () => wholeProcess([house.main, 'add', ADD], house.root),
  }
}

/** Makes `size` tasks as the program itself writes them, and says how it lists and adds. */
const RIVALS = {
  backlog: (cwd, size) => {
    execFileSync('git', ['init', '-q', cwd])
    execFileSync(npmRival('backlog'), ['init', 'bench', '--defaults'], {
      cwd,
      env: env(cwd),
      stdio: 'ignore',
    })
    for (let n = 1; n <= size; n++)
      writeFileSync(
        join(cwd, 'backlog', 'tasks', `task-${n} - Task-${n}.md`),
        `---\nid: TASK-${n}\ntitle: ${text(n)}\nstatus: To Do\nassignee: []\ncreated_date: '2026-11-26 12:00'\nlabels: []\ndependencies: []\nordinal: ${n}000\n---\n`,
      )
    return { list: ['task', 'list', '--plain'], add: ['task', 'create', ADD] }
  },
  'task-master': (cwd, size) => {
    execFileSync(npmRival('task-master'), ['init', '-y', '--rules='], {
      cwd,
      env: env(cwd),
      stdio: 'ignore',
    })
    const tasks = Array.from({ length: size }, (_, n) => ({
      ...{ id: n + 1, title: text(n), description: text(n), status: 'pending', priority: 'medium' },
      ...{ dependencies: [], subtasks: [], details: '', testStrategy: '' },
    }))
    const created = '2026-11-26T00:00:00Z'
    const all = { master: { tasks, metadata: { created, updated: created, description: '' } } }
    mkdirSync(join(cwd, '.taskmaster', 'tasks'), { recursive: true })
    writeFileSync(join(cwd, '.taskmaster', 'tasks', 'tasks.json'), JSON.stringify(all))
    return { list: ['list'], add: ['add-task', `--title=${ADD}`, `--description=${ADD}`] }
  },
  task: (cwd, size) => {
    const all = Array.from({ length: size }, (_, n) => ({
      description: text(n),
      status: 'pending',
    }))
    writeFileSync(join(cwd, '.taskrc'), `data.location=${cwd}/data\nconfirmation=off\n`)
    execFileSync('task', ['import', '-'], {
      cwd,
      env: env(cwd),
      input: JSON.stringify(all),
      stdio: 'pipe',
    })
    return { list: ['export'], add: ['add', ADD] }
  },
}

const env = (home) => ({ ...process.env, HOME: home, TASKRC: join(home, '.taskrc'), CI: '1' })

function rival(name, size) {
  const cwd = mkdtempSync(join(tmpdir(), 'orchestrate-rival-'))
  const { list, add } = RIVALS[name](cwd, size)
  const program = name === 'task' ? name : npmRival(name)
  const run = (words) => () => wholeProcess(words, cwd, { program, env: env(cwd) })
  return {
    list: run(list),
    add: run(add),
    end: () => rmSync(cwd, { recursive: true, force: true }),
  }
}
