// Every way to save a task file, on a working orchestrator: a new task, one that waits, one that runs, one that was just
// taken. What an agent got, and when, stands in a ledger: once, the final text, not before it had settled.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHANGES, has, lacking, SAVES } from './saves.ts'
import { gate, open, type Stage, shell } from './stage.ts'

const SETTLE = 300
const SCRIBES = `agents:
  scribe: { command: scribe, max_instances: 2 }
  shell: { max_instances: 20 }
task_queue: { retry_delay_seconds: 0, max_retries: 0, settle_ms: ${SETTLE} }
`
/** It writes down what it got, under its task, attempt and time. */
const scribe = `cat >"$LEDGER/$ORCHESTRATE_TASK.$ORCHESTRATE_ATTEMPT.$(date +%s%3N)"`
const text = (name: string, word = 'new') =>
  `description: ${word} ${name}\npreferred_agent: scribe\n`

async function scribes(): Promise<Stage> {
  const stage = open(SCRIBES, { scribe })
  stage.env.LEDGER = join(dirname(stage.root), 'ledger')
  mkdirSync(stage.env.LEDGER)
  await stage.must('orchestrate start')
  return stage
}
/** A file outside the workspace. */
function put(stage: Stage, name: string, content: string): string {
  const path = join(dirname(stage.root), 'home', name)
  writeFileSync(path, content)
  return path
}
const completed = (stage: Stage, id: string) =>
  stage.until(`completed/${id}.yaml`, () => stage.files().includes(`completed/${id}.yaml`))
/** After this, the orchestrator has seen all that was there before. */
async function passed(stage: Stage) {
  stage.drop('passed.yaml', shell('true'))
  await completed(stage, 'passed')
}
const row = async (stage: Stage, file: string) => (await stage.row(file))?.reason ?? ''
const ledger = (stage: Stage, id: string) => {
  const folder = stage.env.LEDGER as string
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${id}.`))
    .map((name) => ({
      at: Number(name.split('.')[2]),
      got: readFileSync(join(folder, name), 'utf8'),
    }))
}

/** It ran once, with its last text, when that had settled. `begun`: the tool may leave an old mtime. */
async function ranOnce(stage: Stage, id: string, begun: number) {
  await completed(stage, id)
  const runs = ledger(stage, id)
  expect(
    runs.map(({ got }) => /\b(old|half|new) .*/.exec(got)?.[0]),
    id,
  ).toEqual([`new ${id}`])
  const file = join(stage.at.state.completed, `${id}.yaml`)
  const changed = Math.max(begun, Math.floor(statSync(file).mtimeMs))
  expect(runs[0]?.at, `${id} ran too soon`).toBeGreaterThanOrEqual(changed + SETTLE)
  const plain = readFileSync(file, 'utf8')
    .replace(/^\ufeff/, '')
    .replaceAll('\r', '')
  expect(plain, id).toBe(text(id))
  expect(
    stage.runs(id).map(({ outcome }) => outcome),
    id,
  ).toEqual(['success'])
}

it.skipIf(lacking.length > 0)(
  `all editors are here (apt install ${lacking.join(' ') || '-'})`,
  () => {
    expect(Object.keys(SAVES)).toHaveLength(13)
  },
)

it('a new task, whatever writes it, runs once, when it is whole', async () => {
  const stage = await scribes()
  await Promise.all(
    Object.entries(SAVES).map(async ([id, save]) => {
      const begun = Date.now()
      await stage.must(save(`tasks/pending/${id}.yaml`, put(stage, id, text(id))))
      await ranOnce(stage, id, begun)
    }),
  )
  await passed(stage)
  expect(readdirSync(stage.env.LEDGER as string)).toHaveLength(Object.keys(SAVES).length)
  expect(stage.files().filter((file) => /^pending.*[^~]$/.test(file))).toEqual([])
  await stage.must('orchestrate stop')
})

it('an edit of a waiting task counts, whatever makes it', async () => {
  const stage = await scribes()
  for (const id of Object.keys(CHANGES))
    stage.drop(`${id}.yaml`, `not_before: 2099-01-01\n${text(id, 'old')}`)
  await stage.until('they wait', async () => {
    const reasons = (await stage.status()).waiting.filter(({ reason }) => /2099/.test(reason))
    return reasons.length === Object.keys(CHANGES).length
  })
  await Promise.all(
    Object.entries(CHANGES).map(async ([id, save]) => {
      const begun = Date.now()
      await stage.must(save(`tasks/pending/${id}.yaml`, put(stage, id, text(id))))
      await ranOnce(stage, id, begun)
    }),
  )
  await passed(stage)
  expect(readdirSync(stage.env.LEDGER as string)).toHaveLength(Object.keys(CHANGES).length)
  expect(stage.log()).not.toMatch(/error/)
  await stage.must('orchestrate stop')
})

it('a running task is not cancelled by a save, whatever makes it', async () => {
  const stage = await scribes()
  const ids = Object.keys(CHANGES).filter((id) => !['sed', 'perl'].includes(id))
  const script = (id: string) => shell(`echo ${id} >>begun; ${gate('go')}`)
  for (const id of ids) stage.drop(`${id}.yaml`, script(id))
  await stage.until('all run', () => stage.read('begun').trim().split('\n').length === ids.length)
  await Promise.all(
    ids.map((id) => {
      const note = put(stage, id, `${script(id)}# a note of mine\n`)
      return stage.must(
        (CHANGES[id] as (typeof CHANGES)[string])(`tasks/assigned/${id}.yaml`, note),
      )
    }),
  )
  await stage.must(`sed -i s/note/word/ tasks/assigned/cp-p.yaml`)
  await passed(stage)
  expect(stage.log()).not.toMatch(/interrupted|cancelled/)
  writeFileSync(join(stage.root, 'go'), '')
  for (const id of ids) {
    await completed(stage, id)
    const file = stage.read(`tasks/completed/${id}.yaml`)
    expect(file, id).toMatch(/# a (note|word) of mine/)
    expect(
      stage.runs(id).map(({ outcome }) => outcome),
      id,
    ).toEqual(['success'])
  }
  expect(stage.read('begun').trim().split('\n')).toHaveLength(ids.length)
  await stage.must('orchestrate stop')
})

describe.skipIf(!has('vim', 'script'))('vim (apt install vim bsdutils)', () => {
  it('a second `:w` after the claim is held and told, and nothing is overwritten', async () => {
    const stage = await scribes()
    const file = stage.at.state.assigned
    const keys = [
      'set noswapfile', // as with a swap folder elsewhere: nothing tells that it is open
      'normal idescription: echo one >>ran; while ! test -e go; do sleep 0.1; done',
      'normal opreferred_agent: shell',
      'w',
      `while !filereadable("${file}/a.yaml") | sleep 20m | endwhile`,
      '%s/one/two/',
      'w!',
      'q',
    ].map((key) => `-c '${key}'`)
    stage.write('type.sh', `exec vim -u NONE -N ${keys.join(' ')} tasks/pending/a.yaml\n`)
    await stage.must(`script -qc 'sh type.sh' /dev/null </dev/null`)
    await stage.until('it is held', async () =>
      /tasks\/assigned\/a.yaml has the same id/.test(await row(stage, 'pending/a.yaml')),
    )
    expect((await stage.must('orchestrate status')).stdout).toMatch(/1 held/)
    writeFileSync(join(stage.root, 'go'), '')
    await completed(stage, 'a')
    await passed(stage)
    expect(stage.read('ran')).toBe('one\n')
    expect(stage.read('tasks/completed/a.yaml')).toContain('echo one')
    expect(stage.read('tasks/pending/a.yaml')).toContain('echo two')
    expect(await row(stage, 'pending/a.yaml')).toMatch(/tasks\/completed\/a.yaml has the same id/)
    expect(stage.log()).toMatch(
      /warn +tasks\/pending\/a.yaml: tasks\/assigned\/a.yaml has the same/,
    )
    await stage.must('orchestrate stop')
  })
})

describe.skipIf(!has('nano', 'tmux'))('nano (apt install nano tmux)', () => {
  it('a waiting task that is open in nano waits until it is closed', async () => {
    const stage = await scribes()
    const file = stage.drop('nano.yaml', `not_before: 2099-01-01\n${text('nano', 'old')}`)
    const tmux = `tmux -L ${basename(dirname(stage.root))}`
    stage.later(() => stage.type(`${tmux} kill-server`))
    const keys = (some: string) => stage.must(`${tmux} send-keys ${some}`)
    await stage.must(`${tmux} new-session -d -x 80 -y 24 'nano --ignorercfiles --locking ${file}'`)
    await stage.until('its lock', () => existsSync(join(stage.at.state.pending, '.nano.yaml.swp')))
    await keys(`C-k C-k; ${tmux} send-keys -l 'description: new nano'; ${tmux} send-keys Enter`)
    await keys('C-o Enter')
    await stage.until('it is saved', () => readFileSync(file, 'utf8') === text('nano'))
    await stage.until('the reason', async () =>
      /open in nano/.test(await row(stage, 'pending/nano.yaml')),
    )
    await passed(stage)
    expect(ledger(stage, 'nano')).toEqual([])
    await keys('C-x')
    await ranOnce(stage, 'nano', 0)
    await stage.must('orchestrate stop')
  })
})
