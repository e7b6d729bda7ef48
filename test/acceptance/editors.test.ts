// People with real tools in the task folders of a working orchestrator: vim, cp, sed, git. A task runs once, as its
// author left it, and never while someone is still at it.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, renameSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gate, open, type Said, SHELLS, type Stage, shell, started } from './stage.ts'

const has = (program: string) => spawnSync('which', [program]).status === 0
const completed = (stage: Stage, ...names: string[]) =>
  stage.until(names.join(), () =>
    names.every((name) => stage.files().includes(`completed/${name}`)),
  )
const runs = (stage: Stage, id: string) => stage.runs(id).map(({ outcome }) => outcome)
const ONE = SHELLS.replace('max_instances: 2', 'max_instances: 1')
const ledger = (stage: Stage) => stage.read('ledger').trim().split('\n')
/** After this, the orchestrator has seen all that was there before. */
async function passed(stage: Stage, name: string) {
  stage.drop(`${name}.yaml`, shell('true'))
  await completed(stage, `${name}.yaml`)
}

/** vim on a terminal of its own, as a person types in it; it leaves by itself. */
function vim(stage: Stage, file: string, ...keys: string[]): Promise<Said> {
  const typed = keys.map((one) => `-c '${one}'`).join(' ')
  return stage.must(`script -qc "vim -u NONE -N ${typed} -c wq ${file}" /dev/null </dev/null`)
}

describe.skipIf(!has('vim') || !has('script'))('vim (apt install vim bsdutils)', () => {
  it('a task written in vim, and saved halfway, runs once, as it was at last', async () => {
    const stage = await started(SHELLS)
    await vim(
      stage,
      'tasks/pending/a.yaml',
      'normal idescription: echo half >>ledger',
      'normal opreferred_agent: shell',
      'w',
      'sleep 800m',
      'normal gg',
      's/half/whole/',
      'w',
      'sleep 800m',
    )
    await completed(stage, 'a.yaml')
    await passed(stage, 'later')
    expect(ledger(stage)).toEqual(['whole'])
    expect(runs(stage, 'a')).toEqual(['success'])
    expect(readdirSync(stage.at.state.pending)).toEqual([])
    await stage.must('orchestrate stop')
  })

  it('an edit of a waiting task counts', async () => {
    const stage = await started(ONE)
    stage.drop('busy.yaml', shell(gate('go')))
    await stage.until('it is busy', () => stage.files().includes('assigned/busy.yaml'))
    stage.drop('a.yaml', shell('echo old >>ledger'))
    await stage.until('it waits', async () =>
      /every shell agent is busy/.test((await stage.row('pending/a.yaml'))?.reason ?? ''),
    )
    await vim(stage, 'tasks/pending/a.yaml', '%s/old/new/')
    stage.write('go', '')
    await completed(stage, 'a.yaml')
    expect(ledger(stage)).toEqual(['new'])
    expect(stage.read('tasks/completed/a.yaml')).toContain('echo new')
    expect(runs(stage, 'a')).toEqual(['success'])
    await stage.must('orchestrate stop')
  })

  it.skipIf(!has('tmux'))('a file that is open in vim is not run (apt install tmux)', async () => {
    const stage = await started(SHELLS)
    const tmux = `tmux -L ${basename(join(stage.root, '..'))}`
    stage.later(() => stage.type(`${tmux} kill-server`))
    const keys = (text: string) => stage.must(`${tmux} send-keys ${text}`)
    await stage.must(`${tmux} new-session -d -x 80 -y 24 'vim -u NONE -N tasks/pending/a.yaml'`)
    const swap = join(stage.at.state.pending, '.a.yaml.swp')
    await stage.until('the swap file', () => existsSync(swap))
    await keys(`-l 'idescription: echo done >>ledger'`)
    await keys(`Enter -l 'preferred_agent: shell'`.replace('Enter -l', 'Enter'))
    await keys(`Escape ':w' Enter`)
    await stage.until(
      'the reason',
      async () => (await stage.row('pending/a.yaml'))?.reason === 'it is open in vim',
    )
    await passed(stage, 'other')
    expect((await stage.must('orchestrate status')).stdout).toMatch(/^a +it is open in vim$/m)
    expect(stage.files()).toContain('pending/a.yaml')
    expect(stage.runs('a')).toEqual([])
    await keys(`':q' Enter`)
    await completed(stage, 'a.yaml')
    expect(ledger(stage)).toEqual(['done'])
    expect(existsSync(swap)).toBe(false)
    await stage.must('orchestrate stop')
  })

  it('saving the file of a running task does not cancel it', async () => {
    const stage = await started(SHELLS.replace('settle_ms: 100', 'settle_ms: 1000'))
    stage.drop('a.yaml', shell(gate('go')))
    await stage.until('it runs', () => stage.files().includes('assigned/a.yaml'))
    const path = join(stage.at.state.assigned, 'a.yaml')
    const { ino } = statSync(path)
    // Renames the file away and writes a new one, as it does by itself outside of /tmp.
    const renames = 'set writebackup backupcopy=no backupskip='
    await vim(stage, 'tasks/assigned/a.yaml', renames, 'normal Go# a note of mine')
    expect(statSync(path).ino).not.toBe(ino)
    // On a slow disk there is a moment without the file.
    await stage.must(
      'cd tasks/assigned; mv a.yaml a.yaml~; sleep 0.2; cp a.yaml~ a.yaml; rm a.yaml~',
    )
    await passed(stage, 'later')
    expect(stage.files()).toContain('assigned/a.yaml')
    stage.write('go', '')
    await completed(stage, 'a.yaml')
    expect(runs(stage, 'a')).toEqual(['success'])
    expect(stage.read('tasks/completed/a.yaml')).toContain('# a note of mine')
    await stage.must('orchestrate stop')
  })
})

it('a slow `cp` is waited for', async () => {
  const stage = await started(SHELLS)
  const half = shell('echo half >>ledger')
  const copy = stage.must(
    `{ printf '%s' '${half}'; ${gate('go')}; echo '# and the rest'; } | cp /dev/stdin tasks/pending/slow.yaml`,
  )
  await stage.until('the reason', async () =>
    /open for writing/.test((await stage.row('pending/slow.yaml'))?.reason ?? ''),
  )
  expect(stage.read('tasks/pending/slow.yaml')).toBe(half)
  stage.write('go', '')
  await copy
  await completed(stage, 'slow.yaml')
  expect(stage.read('tasks/completed/slow.yaml')).toBe(`${half}# and the rest\n`)
  expect(runs(stage, 'slow')).toEqual(['success'])
  expect(ledger(stage)).toEqual(['half'])
  await stage.must('orchestrate stop')
})

it('`sed -i` changes a waiting task, and one that was invalid', async () => {
  const stage = await started(SHELLS)
  stage.drop('a.yaml', shell('echo old >>ledger', 'not_before: 2099-01-01\n'))
  stage.drop('b.yaml', 'desription: echo b >>ledger\npreferred_agent: shell\n')
  await stage.until('the reasons', async () => {
    const reasons = (await stage.status()).waiting.map(({ reason }) => reason)
    return /not before 2099/.test(reasons.join()) && /needs `description`/.test(reasons.join())
  })
  await stage.must(`sed -i 's/old/new/' tasks/pending/a.yaml`)
  await passed(stage, 'later')
  expect(stage.files()).toContain('pending/a.yaml')
  await stage.must(`sed -i '/not_before/d; s/desription/description/' tasks/pending/*.yaml`)
  await completed(stage, 'a.yaml', 'b.yaml')
  expect(ledger(stage).sort()).toEqual(['b', 'new'])
  await stage.must('orchestrate stop')
})

describe('git', () => {
  /** Two tasks on the branch `tasks`, none on `main`, where the work begins. */
  async function repository(config = SHELLS): Promise<Stage> {
    const stage = open(config)
    await stage.must('git init -qb main && orchestrate init && git add . && git commit -qm begin')
    await stage.must('git checkout -qb tasks')
    for (const name of ['a', 'b']) stage.drop(`${name}.yaml`, shell(`echo ${name} >>.git/ledger`))
    await stage.must('git add . && git commit -qm tasks && git checkout -q main')
    await stage.must('orchestrate start')
    return stage
  }

  it('`checkout` of a branch brings tasks, and does not bring back what is done', async () => {
    const stage = await repository()
    await stage.must('git checkout -q tasks')
    await completed(stage, 'a.yaml', 'b.yaml')
    await stage.must('git checkout -q -- tasks/pending') // git missed them there
    for (const name of ['a', 'b'])
      await stage.until('it is held', async () => {
        const row = await stage.row(`pending/${name}.yaml`)
        return row?.status === 'held' && row.reason?.includes(`tasks/completed/${name}.yaml has`)
      })
    // Without its other half it is still known for what it is.
    await stage.must('rm tasks/completed/a*.yaml')
    await stage.until('it is remembered', async () =>
      /succeeded before \(attempt 1\)/.test((await stage.row('pending/a.yaml'))?.reason ?? ''),
    )
    await passed(stage, 'later')
    expect(stage.read('.git/ledger').trim().split('\n').sort()).toEqual(['a', 'b'])
    expect((await stage.must('orchestrate status')).stdout).toMatch(/2 held/)
    await stage.must('orchestrate stop')
  })

  it('an emptied pending/, which git removes, is made again', async () => {
    const stage = await repository(
      SHELLS.replace('agents:', 'agents:\n  none: { command: no-such }'),
    )
    // Waiting, so that git finds them where it left them; made elsewhere, so that none is taken before it waits.
    await stage.must(
      `git worktree add -q --detach ../aside tasks && cd ../aside && sed -i s/shell/none/ tasks/pending/*.yaml && git commit -qam wait && git tag wait`,
    )
    await stage.must('git worktree remove ../aside && git checkout -q wait')
    await stage.until('they wait', async () => (await stage.status()).tasks.pending === 2)
    await stage.must('git checkout -q main')
    await stage.until('they are gone', async () => (await stage.status()).tasks.pending === 0)
    await stage.until('the folder', () => existsSync(stage.at.state.pending))
    await passed(stage, 'dropped')
    await stage.must('git checkout -q wait')
    await stage.until('they wait again', async () => (await stage.status()).tasks.pending === 2)
    expect(stage.log()).not.toMatch(/error/)
    await stage.must('orchestrate stop')
  })

  it('`stash` takes tasks away, `stash pop` brings them back, and nothing is done twice', async () => {
    const stage = await repository()
    stage.drop('done.yaml', shell('echo done >>.git/ledger'))
    await completed(stage, 'done.yaml')
    stage.drop('waits.yaml', shell('echo waits >>.git/ledger', 'not_before: 2099-01-01\n'))
    await stage.until('it waits', async () => (await stage.status()).tasks.pending === 1)
    await stage.must('git stash -qu')
    expect(stage.files()).toEqual([])
    await stage.until('they are gone', async () => {
      const { tasks } = await stage.status()
      return tasks.pending === 0
    })
    await stage.must('git stash pop -q')
    await stage.until('they are back', async () => {
      const { tasks } = await stage.status()
      return tasks.pending === 1 && tasks.completed === 1
    })
    // It removed an empty folder, too, which it does not know how to bring back: we do.
    await passed(stage, 'later')
    await stage.must(`sed -i /not_before/d tasks/pending/waits.yaml`)
    await completed(stage, 'waits.yaml')
    expect(stage.read('.git/ledger')).toBe('done\nwaits\n')
    await stage.must('orchestrate stop')
  })
})

it('tasks/assigned that is taken away stops the claims, not the runs, until it is back', async () => {
  const stage = await started(SHELLS)
  stage.drop('a.yaml', shell(`touch begun; ${gate('go')}`))
  await stage.until('it runs', () => existsSync(join(stage.root, 'begun')))
  const away = join(stage.root, 'away')
  renameSync(stage.at.state.assigned, away)
  stage.drop('b.yaml', shell('true'))
  await stage.until('the sentence', async () =>
    /tasks\/assigned is gone, .*`mkdir -p tasks\/assigned`/.test(
      (await stage.row('pending/b.yaml'))?.reason ?? '',
    ),
  )
  expect(stage.log()).toMatch(/warn +tasks\/assigned is gone/)
  expect((await stage.must('orchestrate status')).stdout).toMatch(/tasks\/assigned is gone/)
  expect((await stage.agents()).filter(({ state }) => state === 'busy')).toHaveLength(1)
  expect(existsSync(stage.at.state.assigned)).toBe(false)
  renameSync(away, stage.at.state.assigned)
  await completed(stage, 'b.yaml')
  expect(stage.files()).toContain('assigned/a.yaml')
  stage.write('go', '')
  await completed(stage, 'a.yaml')
  expect([...runs(stage, 'a'), ...runs(stage, 'b')]).toEqual(['success', 'success'])

  // Empty, it held nothing that could come back with it: it is made again.
  renameSync(stage.at.state.assigned, away)
  stage.drop('c.yaml', shell('true'))
  await completed(stage, 'c.yaml')
  await stage.must('orchestrate stop')
})

it('a run that ends while tasks/assigned is away can be stopped, and is done once, when it is back', async () => {
  const stage = await started(SHELLS)
  stage.drop('a.yaml', shell(`echo a >>ledger; ${gate('go')}`))
  await stage.until('it runs', () => existsSync(join(stage.root, 'ledger')))
  const away = join(stage.root, 'away')
  renameSync(stage.at.state.assigned, away)
  stage.write('go', '')
  await stage.until('its end', () => runs(stage, 'a').join() === 'success')
  stage.drop('b.yaml', shell('true'))
  await stage.until('the sentence', async () =>
    /tasks\/assigned is gone/.test((await stage.row('pending/b.yaml'))?.reason ?? ''),
  )
  expect((await stage.type('timeout 10 orchestrate stop --now')).code).toBe(0)
  renameSync(away, stage.at.state.assigned)
  await stage.must('orchestrate start')
  await completed(stage, 'a.yaml', 'b.yaml')
  expect(ledger(stage)).toEqual(['a'])
  expect(runs(stage, 'a')).toEqual(['success'])
  await stage.must('orchestrate stop')
})
