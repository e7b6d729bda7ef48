// Each code of verify: a workspace is broken by hand in exactly that way, and exactly that is told. What `--repair` can
// mend is mended, no byte that was there is gone, and the next verify finds nothing.
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { formatRecord, resultOf } from '../../src/files/record.ts'
import type { Workspace } from '../../src/files/workspace.ts'
import { HINTS } from '../../src/verify/finding.ts'
import { repair } from '../../src/verify/repair.ts'
import { verify } from '../../src/verify/verify.ts'
import { gate, SHELLS, shell, started } from '../acceptance/stage.ts'
import { end, leaveNothing, processes, run, until } from '../process/world.ts'
import { changeRun, copyOf, faces, keep, runPath, sums, worked } from './base.ts'

afterEach(leaveNothing)

/** Settled and stopped. */
let base = ''
/** One task assigned, its agent left running when it was kept, and ended since. */
let left = ''
beforeAll(async () => {
  const stage = await worked()
  await stage.must('orchestrate stop')
  base = keep(stage)
  const other = await started(SHELLS)
  other.drop('long.yaml', shell(gate('go')))
  await other.until('it runs', async () => (await other.status()).agents.busy === 1)
  await other.must('orchestrate stop --detach')
  left = keep(other)
  for (const one of [base, left]) expect(await told(copyOf(one, { image: true }))).toEqual([])
  await other.must('orchestrate start')
}, 120_000)

/** Nothing moves here, so nothing has to pass. */
const STILL = { pauseMs: 10 }
const told = async (at: Workspace) =>
  (await verify(at, STILL)).findings.map(({ level, code, file }) => `${level} ${code} ${file}`)
const task = (at: Workspace, file: string) => join(at.tasks, file)
const seen = new Set<string>()

interface Case {
  finding: string
  from?: 'left'
  image?: boolean
  break: (at: Workspace) => unknown
  /** `--repair` mends it. */
  mends?: boolean
}

const CASES: Case[] = [
  {
    finding: 'due folder-missing tasks/assigned',
    break: (at) => rmdirSync(at.state.assigned),
    mends: true,
  },
  {
    finding: 'broken exposed tasks/pending',
    break: (at) => chmodSync(at.state.pending, 0o777),
  },
  {
    finding: 'broken config-broken config.yaml',
    break: (at) => writeFileSync(at.config, 'agents: [\n'),
  },
  {
    finding: 'note lock-stale .orchestrate/lock',
    break: (at) => owns(at, { pid: 1, started: 'x', boot_id: 'another' }),
  },
  {
    finding: 'broken draft-old tasks/completed/.x_result.yaml.1.1.draft',
    break: (at) => {
      old(join(at.state.completed, '.x_result.yaml.1.1.draft'))
      // This one may still be written.
      writeFileSync(join(at.state.completed, '.y_result.yaml.1.1.draft'), 'task_id: y')
    },
    mends: true,
  },
  {
    finding: 'broken draft-old .orchestrate/runs/bad/1/.run.json.7.7.draft.123',
    break: (at) => old(runPath(at, 'bad', 1, '.run.json.7.7.draft.123')),
    mends: true,
  },
  {
    finding: 'note unexplained tasks/pending/README',
    break: (at) => {
      writeFileSync(task(at, 'pending/README'), 'mine')
      // These are explained.
      for (const name of ['.a.yaml.swp', 'a.yaml~', '.#a.yaml', '4913', '.gitkeep'])
        writeFileSync(task(at, `pending/${name}`), '')
    },
  },
  {
    finding: 'note unexplained tasks/completed/mine_result.yaml',
    break: (at) => writeFileSync(task(at, 'completed/mine_result.yaml'), 'description: mine\n'),
  },
  {
    finding: 'note invalid tasks/pending/x.yaml',
    break: (at) => writeFileSync(task(at, 'pending/x.yaml'), 'description: [\n'),
  },
  {
    finding: 'note unreadable tasks/completed/ok.yaml',
    break: (at) => writeFileSync(task(at, 'completed/ok.yaml'), 'description: [\n'),
  },
  {
    finding: 'note held tasks/pending/twin.yaml',
    break: (at) => writeFileSync(task(at, 'pending/twin.yaml'), 'id: OK\ndescription: x\n'),
  },
  {
    finding: 'broken task-twice tasks/failed/bad.yaml',
    break: (at) => linkSync(task(at, 'failed/bad.yaml'), task(at, 'failed/bad-too.yaml')),
  },
  {
    finding: 'note task-gone .orchestrate/runs/bad',
    break: (at) => {
      unlinkSync(task(at, 'failed/bad.yaml'))
      unlinkSync(task(at, 'failed/bad_result.yaml'))
    },
  },
  {
    finding: 'note by-person tasks/completed/bad.yaml',
    break: (at) => {
      renameSync(task(at, 'failed/bad.yaml'), task(at, 'completed/bad.yaml'))
      unlinkSync(task(at, 'failed/bad_result.yaml'))
    },
  },
  {
    finding: 'note by-person tasks/completed/wait.yaml',
    break: (at) => renameSync(task(at, 'pending/wait.yaml'), task(at, 'completed/wait.yaml')),
  },
  {
    finding: 'due record-stray tasks/failed/bad_result.yaml',
    break: (at) => {
      renameSync(task(at, 'failed/bad.yaml'), task(at, 'pending/bad.yaml'))
      // One of that name lies there already.
      writeFileSync(runPath(at, 'bad', 2, 'bad_result.yaml'), 'an earlier one')
    },
    mends: true,
  },
  {
    finding: 'broken result-missing tasks/failed/bad_result.yaml',
    break: (at) => unlinkSync(task(at, 'failed/bad_result.yaml')),
    mends: true,
  },
  {
    finding: 'broken result-wrong tasks/completed/ok_result.yaml',
    break: (at) =>
      edit(task(at, 'completed/ok_result.yaml'), (text) => text.replace('success', 'failed')),
    mends: true,
  },
  {
    finding: 'broken result-wrong tasks/completed/ok_result.yaml',
    break: (at) => edit(task(at, 'completed/ok_result.yaml'), (text) => text.slice(0, 60)),
    mends: true,
  },
  {
    finding: 'broken outcome-place tasks/completed/ok.yaml',
    break: (at) => {
      const run = changeRun(at, 'ok', 1, (one) => {
        Object.assign(one, { outcome: 'failed', error: 'it did not work' })
      })
      writeFileSync(task(at, 'completed/ok_result.yaml'), formatRecord(resultOf(run)))
    },
  },
  {
    finding: 'due assigned-no-run tasks/assigned/wait.yaml',
    break: (at) => renameSync(task(at, 'pending/wait.yaml'), task(at, 'assigned/wait.yaml')),
  },
  {
    finding: 'due assigned-over tasks/assigned/ok.yaml',
    break: (at) => {
      renameSync(task(at, 'completed/ok.yaml'), task(at, 'assigned/ok.yaml'))
      unlinkSync(task(at, 'completed/ok_result.yaml'))
    },
  },
  {
    finding: 'broken assigned-record tasks/assigned/long_agent_01.yaml',
    from: 'left',
    break: (at) => unlinkSync(task(at, 'assigned/long_agent_01.yaml')),
    mends: true,
  },
  {
    finding: 'broken assigned-record tasks/assigned/long_agent_01.yaml',
    from: 'left',
    break: (at) =>
      edit(task(at, 'assigned/long_agent_01.yaml'), (text) =>
        text.replace('attempt: 1', 'attempt: 9'),
      ),
    mends: true,
  },
  {
    finding: 'broken assigned-record tasks/assigned/long_agent_02.yaml',
    from: 'left',
    break: (at) =>
      cpSync(task(at, 'assigned/long_agent_01.yaml'), task(at, 'assigned/long_agent_02.yaml')),
    mends: true,
  },
  {
    finding: 'broken run-gap .orchestrate/runs/bad/2',
    break: (at) => rmSync(runPath(at, 'bad', 1, ''), { recursive: true }),
  },
  {
    finding: 'broken run-damaged .orchestrate/runs/bad/1',
    break: (at) => truncateSync(runPath(at, 'bad', 1), 40),
  },
  {
    finding: 'broken run-damaged .orchestrate/runs/bad/1',
    break: (at) => unlinkSync(runPath(at, 'bad', 1)),
  },
  {
    finding: 'broken run-open .orchestrate/runs/bad/1',
    break: (at) => changeRun(at, 'bad', 1, (one) => void delete one.outcome),
  },
  {
    finding: 'due run-unclaimed .orchestrate/runs/long/1',
    from: 'left',
    break: (at) => {
      renameSync(task(at, 'assigned/long.yaml'), task(at, 'pending/long.yaml'))
      unlinkSync(task(at, 'assigned/long_agent_01.yaml'))
      changeRun(at, 'long', 1, (one) => {
        one.nonce = one.nonce.replace(/.$/, 'x') // that no living process carries
      })
    },
  },
  {
    finding: 'broken run-end .orchestrate/runs/bad/1',
    break: (at) => changeRun(at, 'bad', 1, (one) => void delete one.ended_at),
  },
  {
    finding: 'broken run-end .orchestrate/runs/bad/1',
    break: (at) => changeRun(at, 'bad', 1, (one) => void delete one.error),
  },
  {
    finding: 'broken run-exit .orchestrate/runs/ok/1',
    break: (at) => writeFileSync(runPath(at, 'ok', 1, 'exit'), '  1\n'),
  },
  {
    finding: 'broken run-exit .orchestrate/runs/ok/1',
    break: (at) => unlinkSync(runPath(at, 'ok', 1, 'pid')),
  },
  {
    finding: 'broken run-exit .orchestrate/runs/bad/1',
    break: (at) => writeFileSync(runPath(at, 'bad', 1, 'exit'), '  4\n'),
  },
  {
    finding: 'broken run-misplaced .orchestrate/runs/bad/1',
    break: (at) =>
      changeRun(at, 'bad', 1, (one) => {
        one.attempt = 7
      }),
  },
  {
    finding: 'broken mark-twice .orchestrate/runs/bad/3',
    break: (at) =>
      cpSync(runPath(at, 'bad', 2, ''), runPath(at, 'bad', 3, ''), { recursive: true }),
  },
  {
    finding: 'broken process-unclaimed .orchestrate/runs/ok/1',
    break: (at) => lives(JSON.parse(readFileSync(runPath(at, 'ok', 1), 'utf8')).nonce),
    mends: true,
  },
  {
    finding: 'broken output-missing context/agent_outputs/ok_output.md',
    break: (at) => unlinkSync(join(at.root, 'context/agent_outputs/ok_output.md')),
  },
  {
    finding: 'broken output-outside context/agent_outputs/ok_output.md',
    break: (at) => {
      const path = join(at.root, 'context/agent_outputs/ok_output.md')
      unlinkSync(path)
      symlinkSync(join(tmpdir(), 'elsewhere'), path)
    },
  },
  {
    finding: 'broken context-broken context/completed_tasks.json',
    break: (at) => truncateSync(join(at.root, 'context/completed_tasks.json'), 10),
  },
  {
    finding: 'broken context-broken context/current_state.md',
    break: (at) =>
      edit(join(at.root, 'context/current_state.md'), (text) =>
        text.replace('<!-- orchestrate:end -->', ''),
      ),
  },
  {
    finding: 'broken context-twice context/completed_tasks.json',
    break: (at) =>
      edit(join(at.root, 'context/completed_tasks.json'), (text) => {
        const [first, ...more] = JSON.parse(text)
        return JSON.stringify([first, first, ...more])
      }),
  },
  {
    finding: 'broken context-twice context/current_state.md',
    break: (at) =>
      edit(join(at.root, 'context/current_state.md'), (text) =>
        text.replace(/^- \[x\] .*\n/m, (line) => line + line),
      ),
  },
  {
    finding: 'broken index-differs tasks/failed/new.yaml',
    image: true,
    break: (at) => {
      // The image is the younger one, and still does not know of it.
      writeFileSync(task(at, 'failed/new.yaml'), 'description: x\n')
      const later = Date.now() / 1000 + 60
      utimesSync(join(at.root, 'tasks.db'), later, later)
    },
  },
  {
    finding: 'note index-old tasks.db',
    image: true,
    break: (at) => writeFileSync(task(at, 'pending/new.yaml'), 'description: x\n'),
  },
  {
    finding: 'broken index-damaged tasks.db',
    image: true,
    break: (at) => truncateSync(join(at.root, 'tasks.db'), 5000),
    mends: true,
  },
  {
    finding: 'broken index-damaged tasks.db',
    image: true,
    break: (at) => writeFileSync(join(at.root, 'tasks.db'), 'a person put this here'),
    mends: true,
  },
]

/** What comes with a finding, as part of the same act. */
const WITH: Record<string, string> = {
  // The name that was made by hand is a task of its own.
  'broken task-twice tasks/failed/bad.yaml': 'note by-person tasks/failed/bad-too.yaml',
  'broken index-differs tasks/failed/new.yaml': 'note by-person tasks/failed/new.yaml',
}

describe('each finding', () => {
  it.each(CASES)('$finding', async ({ finding, from, image, break: breaks, mends }) => {
    seen.add(finding.split(' ')[1] ?? '')
    const at = copyOf(from ? left : base, { image: image ?? false })
    await breaks(at)
    const before = { faces: faces(at.root), sums: sums(at.root) }
    const report = await verify(at, STILL)
    const all = report.findings.map(({ level, code, file }) => `${level} ${code} ${file}`)
    expect(all.sort()).toEqual([finding, WITH[finding] ?? []].flat().sort())
    expect(report.ok).toBe(!finding.startsWith('broken'))
    expect(report.findings.some(({ repairable }) => repairable)).toBe(mends ?? false)
    expect(faces(at.root), 'verify has changed something').toEqual(before.faces)

    const after = await repair(at, STILL)
    const gone = [...before.sums].filter((one) => !sums(at.root).has(one))
    expect(gone, 'bytes that are nowhere').toEqual([])
    if (mends) {
      expect(after).toMatchObject({ ok: true, findings: [{ repaired: true }] })
      const notes = (await told(at)).filter((one) => !one.startsWith('note'))
      expect(notes, 'after the repair').toEqual([])
    } else {
      expect(after).toEqual(report)
      expect(faces(at.root), 'a repair that may not be').toEqual(before.faces)
    }
  })
})

it('a success that had to be ended, for it did not leave, holds', async () => {
  const at = copyOf(base)
  writeFileSync(runPath(at, 'ok', 1, 'exit'), '137\n')
  changeRun(at, 'ok', 1, (one) => {
    one.exit_code = 137
  })
  expect(await told(at)).toEqual(['broken run-exit .orchestrate/runs/ok/1'])
  changeRun(at, 'ok', 1, (one) => {
    one.stopping = 'linger'
  })
  expect(await told(at)).toEqual([])
})

it('folders-apart: a state folder on another file system', async ({ skip }) => {
  const { execFileSync } = await import('node:child_process')
  const at = copyOf(base)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=755', 'tmpfs', at.state.assigned], {
      stdio: 'pipe',
    })
  } catch {
    return skip('no right to mount')
  }
  try {
    expect(await told(at)).toEqual(['broken folders-apart tasks'])
  } finally {
    execFileSync('umount', [at.state.assigned])
  }
})

it('lock-litter: a tomb of yesterday', async () => {
  const at = copyOf(base)
  mkdirSync(`${at.lock}.tomb.x`)
  expect(await told(at)).toEqual([])
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 26 * 3_600_000 })
  try {
    expect(await told(at)).toEqual(['note lock-litter .orchestrate/lock.tomb.x'])
  } finally {
    vi.useRealTimers()
  }
})

it('socket-silent: it has the lock, and does not answer', async () => {
  const at = copyOf(base)
  const { pid, child } = run('sleep 100')
  owns(at, { pid, started: processes.started(pid), boot_id: processes.bootId() })
  const { ok, findings } = await verify(at, { patienceMs: 500 })
  expect(ok).toBe(false)
  expect(findings.map(({ code }) => code)).toEqual(['socket-silent'])
  expect(await verify(at, { patienceMs: 500, index: false })).toMatchObject({
    ok: true,
    findings: [],
  })
  await end(child)
})

describe('while an orchestrator runs', () => {
  it('index-differs: its answers are not what the files say; result and process are its own to mend', async () => {
    const stage = await worked()
    const { at } = stage
    const changed = changeRun(at, 'bad', 2, (one) => {
      one.error = 'another reason'
    })
    writeFileSync(task(at, 'failed/bad_result.yaml'), formatRecord(resultOf(changed)))
    const report = await verify(at, { patienceMs: 1500 })
    expect(report.findings.map(({ level, code, file }) => `${level} ${code} ${file}`)).toEqual([
      'broken index-differs tasks/failed/bad.yaml',
    ])
    expect(report.findings[0]?.message).toContain('"another reason"')
    await stage.must('orchestrate stop')
    await stage.must('orchestrate start')
    expect(await told(at)).toEqual([])
  })

  it('halted: it claims nothing, and what is due is not called broken', async () => {
    const stage = await started(SHELLS)
    // A file where the run folder should be: nothing can begin.
    mkdirSync(stage.at.runs, { recursive: true })
    writeFileSync(join(stage.at.runs, 'x'), '')
    stage.drop('x.yaml', shell('true'))
    await stage.until('it halts', async () => (await stage.status()).halted)
    const { findings } = await verify(stage.at, { patienceMs: 1500 })
    expect(findings.map(({ code }) => code)).toContain('halted')
    expect(findings.filter(({ level }) => level === 'broken')).toEqual([])
    unlinkSync(join(stage.at.runs, 'x'))
    await stage.until('it goes on', () => stage.files().includes('completed/x.yaml'))
    await stage.until('all is well', async () => (await told(stage.at)).length === 0)
  })

  it('--repair leaves to it what it does by itself, mends the rest, and the command says so', async () => {
    const stage = await worked()
    const { at } = stage
    unlinkSync(task(at, 'completed/ok_result.yaml'))
    // One that holds tasks: an empty one is made again at the next look.
    const [failed, away] = [at.state.failed, join(at.root, 'away')]
    renameSync(failed, away)
    const said = await stage.type('orchestrate verify --repair --json')
    expect(said.code).toBe(2)
    const { ok, findings } = JSON.parse(said.stdout)
    expect(ok).toBe(false)
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'result-missing', repaired: true }),
    )
    const hint = expect.stringContaining('by itself')
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'folder-missing', repaired: false, hint }),
    )
    renameSync(away, failed)
    expect((await stage.must('orchestrate verify')).stderr).toContain('all holds')
  })
})

it('every code has its test', () => {
  for (const one of ['folders-apart', 'lock-litter', 'socket-silent', 'halted']) seen.add(one)
  expect([...seen].sort()).toEqual(Object.keys(HINTS).sort())
})

function edit(path: string, change: (text: string) => string): void {
  const text = readFileSync(path, 'utf8')
  const next = change(text)
  expect(next).not.toBe(text)
  writeFileSync(path, next)
}

function old(path: string): void {
  writeFileSync(path, 'task_id: x')
  const then = Date.now() / 1000 - 3600
  utimesSync(path, then, then)
}

/** The lock as an orchestrator leaves it. */
function owns(at: Workspace, who: object): void {
  mkdirSync(at.lock, { recursive: true })
  const ns = '/proc/self/ns/pid'
  const pid_ns = existsSync(ns) ? readlinkSync(ns) : ''
  const owner = { host: hostname(), pid_ns, nonce: 'n', ...who }
  writeFileSync(join(at.lock, 'owner.json'), JSON.stringify(owner))
}

/** A process that carries the mark of a run. */
async function lives(mark: string): Promise<void> {
  const { pid } = run('exec sleep 100', mark)
  await until('it carries the mark', () =>
    processes.list().some((one) => one.pid === pid && one.mark === mark),
  )
}
