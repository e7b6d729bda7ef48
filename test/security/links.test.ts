// An agent that puts links to elsewhere in the place of our folders while it runs. It may write where it likes, for it
// runs as its user; we must not be led out by it: nothing of ours is made or changed outside, and what happened is said.
import { spawn } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { inFolder, makeInside, writeWhole } from '../../src/files/files.ts'
import { living, open, SHELLS, type Stage, shell, started } from '../acceptance/stage.ts'

/** Names, sizes, times and bytes of all that lies outside. */
function face(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const seen = lstatSync(join(folder, name))
      return `${name} ${seen.ino} ${seen.mtimeMs} ${seen.isFile() ? readFileSync(join(folder, name), 'utf8') : ''}`
    })
}

async function swapped(what: string): Promise<{ stage: Stage; outside: string; before: string[] }> {
  const stage = await started(SHELLS)
  const outside = join(dirname(stage.root), 'outside')
  // As inviting as can be: what we would look for inside is there.
  for (const name of ['1', 'agent_outputs', 'agent_notes'])
    mkdirSync(join(outside, name), { recursive: true })
  writeFileSync(join(outside, 'current_state.md'), 'mine\n')
  const before = face(outside)
  // What is gone for a moment is made again: then once more.
  const swap = `n=0; until mv '${what}' "../aside$n" && ln -sT '${outside}' '${what}'; do n=$((n + 1)); done`
  stage.drop('a.yaml', shell(`mkdir -p '${what}'\n${swap}\necho done`))
  return { stage, outside, before }
}

const LED = /leads out of the workspace: a link is in its place/
for (const [what, says] of [
  ['context/agent_outputs', /agent_outputs\/a_output.md was not written: a link leads out/],
  ['context', /a_output.md was not written: a link leads out/],
  ['tasks/completed', LED],
  ['tasks', /tasks\/\w+ is gone, nothing is claimed until it is back/],
  ['.orchestrate/runs/a', LED],
  ['.orchestrate/runs/a/1', LED],
  ['.orchestrate/runs', LED],
] as const)
  it(`${what} becomes a link: nothing outside is touched, and it is said`, async () => {
    const { stage, outside, before } = await swapped(what)
    await stage.until('the sentence', () => says.test(stage.log()))
    // Others' work goes through the same folders.
    if (what !== 'tasks') stage.drop('b.yaml', shell('echo b'))
    await stage.type('orchestrate stop --now')
    expect(face(outside)).toEqual(before)
  })

it('.orchestrate becomes a link: its lock is not ours to see, so it leaves, and nothing outside is touched', async () => {
  const { stage, outside, before } = await swapped('.orchestrate')
  const pid = stage.pid()
  await stage.until('it leaves', () => !living(pid))
  expect(face(outside)).toEqual(before)
  expect((await stage.type('orchestrate start')).stderr).toMatch(LED)
  expect(face(outside)).toEqual(before)
})

it('a folder that leads out is refused at the start', async () => {
  const stage = open(SHELLS)
  const outside = join(dirname(stage.root), 'outside')
  mkdirSync(outside)
  mkdirSync(stage.at.tasks, { recursive: true })
  symlinkSync(outside, stage.at.state.completed)
  const { code, stderr } = await stage.type('orchestrate start --foreground')
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(LED) })
  expect(readdirSync(outside)).toEqual([])
})

it('a schema of ours that is a link is replaced, not written through; one that is as it should be is left alone', async () => {
  const stage = open(SHELLS)
  await stage.must('orchestrate init')
  const precious = join(dirname(stage.root), 'precious')
  writeFileSync(precious, 'mine\n')
  const [task, config] = ['task', 'config'].map((name) =>
    join(stage.at.home, `schema/${name}.schema.json`),
  ) as [string, string]
  const before = lstatSync(config).ino
  await stage.must(`ln -sf '${precious}' '${task}'`)
  await stage.must('orchestrate start && orchestrate stop')
  expect(readFileSync(precious, 'utf8')).toBe('mine\n')
  expect(lstatSync(task).isFile()).toBe(true)
  expect(JSON.parse(readFileSync(task, 'utf8'))).toHaveProperty('$schema')
  expect(lstatSync(config).ino).toBe(before)
})

it('an answer that is a link to elsewhere is not written through', async () => {
  const stage = await started(SHELLS)
  const outside = join(dirname(stage.root), 'precious')
  writeFileSync(outside, 'mine\n')
  stage.write('context/agent_outputs/.keep', '')
  symlinkSync(outside, join(stage.root, 'context/agent_outputs/early_output.md'))
  stage.drop('early.yaml', shell('echo hello'))
  stage.drop(
    'late.yaml',
    shell(`ln -s '${outside}' context/agent_outputs/late_output.md; echo hello`),
  )
  await stage.until(
    'both',
    () => stage.files().join() === 'completed/early.yaml,completed/late.yaml',
  )
  await stage.until(
    'the sentence',
    () => stage.log().match(/a link or a folder lies there/g)?.length === 2,
  )
  expect(readFileSync(outside, 'utf8')).toBe('mine\n')
})

it.runIf(process.platform === 'linux')(
  'a link that comes between the check and the writing leads nowhere',
  async () => {
    const top = mkdtempSync(join(tmpdir(), 'links-'))
    onTestFinished(() => rmSync(top, { recursive: true }))
    const [root, run] = [join(top, 'work'), join(top, 'work/runs/a')]
    mkdirSync(join(run, '1'), { recursive: true })
    mkdirSync(join(top, 'outside/1'), { recursive: true })
    await inFolder(root, join(run, '1'), async (at) => {
      renameSync(run, join(top, 'aside'))
      symlinkSync(join(top, 'outside'), run)
      await writeWhole(join(at, 'run.json'), '{}\n')
    })
    expect(readdirSync(join(top, 'outside/1'))).toEqual([])
    expect(readdirSync(join(top, 'aside/1'))).toEqual(['run.json'])
    await expect(inFolder(root, join(run, '1'), async () => {})).rejects.toThrow(LED)
  },
)

it.runIf(process.platform === 'linux')(
  'a folder is made in the one above it, whatever is put in its place meanwhile',
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'links-'))
    onTestFinished(() => rmSync(root, { recursive: true }))
    const [work, outside] = [join(root, 'work'), join(root, 'outside')]
    for (const folder of [join(work, 'runs'), outside]) mkdirSync(folder, { recursive: true })
    const swaps = `const fs = require('node:fs'); for (;;) try {
      fs.renameSync('work/runs', 'aside'); fs.symlinkSync('../outside', 'work/runs')
      fs.unlinkSync('work/runs'); fs.renameSync('aside', 'work/runs')
    } catch { fs.rmSync('aside', { recursive: true, force: true }) }`
    const swapping = spawn(process.execPath, ['-e', swaps], { cwd: root, stdio: 'ignore' })
    let made = 0
    for (const end = Date.now() + 4000, n = { at: 0 }; Date.now() < end; n.at++) {
      made += await makeInside(work, join(work, 'runs', `${n.at}`, '1')).then(
        () => 1,
        () => 0, // it is away, or leads out: that is said
      )
      if (n.at % 20 === 0) await setImmediate()
    }
    swapping.kill('SIGKILL')
    expect(made).toBeGreaterThan(100)
    expect(readdirSync(outside)).toEqual([])
  },
)
