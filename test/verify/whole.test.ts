// verify on workspaces in which all is well: it says so while an orchestrator works, after it has stopped, after a kill -9
// and in between, and changes nothing by looking.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { verify } from '../../src/verify/verify.ts'
import { gate, living, open, SHELLS, shell, started } from '../acceptance/stage.ts'
import { copyOf, faces, keep, worked } from './base.ts'

it('a workspace after success, failure, cancel and retry holds, running and stopped', async () => {
  const stage = await worked()
  const whole = {
    ok: true,
    checked: { tasks: 5, runs: 5, records: 4, processes: 0 },
    findings: [],
  }
  expect(await verify(stage.at)).toEqual(whole)
  await stage.must('orchestrate stop')
  expect(await verify(stage.at)).toEqual(whole)
  const said = await stage.type('orchestrate verify')
  expect(said).toEqual({
    code: 0,
    stdout: '',
    stderr: 'all holds (5 tasks, 5 runs, 4 records, 0 running)\n',
  })
  expect(JSON.parse((await stage.type('orchestrate verify --json')).stdout)).toEqual(whole)
})

it('it writes nothing: no byte, no time, no folder that is missing', async () => {
  const stage = await worked()
  const live = (path: string) => /\/(orchestrate\.(sock|log)|tasks\.db)$/.test(path)
  const quiet = faces(stage.root, live)
  await stage.must('orchestrate verify')
  expect(faces(stage.root, live)).toEqual(quiet)
  await stage.must('orchestrate stop')
  const at = copyOf(keep(stage), { image: true })
  for (const folder of ['pending', 'assigned'] as const)
    rmSync(at.state[folder], { recursive: true })
  const before = faces(at.root)
  await verify(at)
  expect(await stage.type(`orchestrate -C '${at.root}' verify`)).toMatchObject({ code: 0 })
  expect(faces(at.root)).toEqual(before)
})

it('while it works: what is on its way is not reported', async () => {
  const stage = await started(SHELLS)
  const names = Array.from({ length: 30 }, (_, n) => `t${n}`)
  for (const [n, name] of names.entries())
    stage.drop(`${name}.yaml`, shell(n % 3 ? `sleep 0.${n % 5}` : 'exit 1'))
  const seen: string[] = []
  let looks = 0
  while (!names.every((name) => stage.result(name))) {
    const { ok, findings } = await verify(stage.at)
    looks++
    if (!ok || findings.length > 0) seen.push(JSON.stringify(findings))
  }
  expect(seen).toEqual([])
  expect(looks).toBeGreaterThan(1)
  await stage.must('orchestrate stop')
  expect(await verify(stage.at)).toMatchObject({ ok: true, findings: [], checked: { tasks: 30 } })
})

it('agents left running by `stop --detach` and by kill -9 are claimed; a start takes them up and all holds', async () => {
  const stage = await started(SHELLS)
  stage.drop('long.yaml', shell(gate('go')))
  await stage.until('it runs', async () => (await stage.status()).agents.busy === 1)
  await stage.must('orchestrate stop --detach')
  const left = await verify(stage.at)
  expect(left).toMatchObject({ ok: true, findings: [] })
  expect(left.checked.processes).toBeGreaterThan(0)
  await stage.must('orchestrate start')
  expect(await verify(stage.at)).toMatchObject({ ok: true, findings: [] })
  const pid = stage.pid() ?? 0
  process.kill(pid, 'SIGKILL')
  await stage.until('it is gone', () => !living(pid))
  const dead = await verify(stage.at)
  expect(dead.ok).toBe(true)
  expect(dead.findings.map(({ code, level }) => `${level} ${code}`)).toEqual(['note lock-stale'])
  await stage.must('orchestrate start')
  stage.write('go', '')
  await stage.until('the end', () => stage.result('long')?.status === 'success')
  expect(await verify(stage.at)).toMatchObject({ ok: true, findings: [] })
})

it('a workspace that was only made, and a clone without runs, hold', async () => {
  const stage = open(SHELLS)
  await stage.must('orchestrate init')
  expect(await verify(stage.at)).toMatchObject({ ok: true, findings: [] })
  const done = await worked()
  await done.must('orchestrate stop')
  const at = copyOf(keep(done))
  for (const left of ['.orchestrate', 'tasks/assigned'])
    rmSync(join(at.root, left), { recursive: true })
  const { ok, findings } = await verify(at)
  expect(ok).toBe(true)
  expect(findings.map(({ code }) => code)).toEqual(['folder-missing'])
})

it('a retry by mv that was taken back before it ran left its record with its run', async () => {
  const stage = await started(SHELLS)
  stage.drop('a.yaml', shell('exit 1'))
  await stage.until('it failed', () => stage.result('a') && stage.files().includes('failed/a.yaml'))
  const open = join(stage.root, 'open')
  for (const name of ['b', 'c']) stage.drop(`${name}.yaml`, shell(gate(open)))
  await stage.until('both agents work', () => stage.runs('b').length + stage.runs('c').length === 2)
  const [failed, pending] = [stage.at.state.failed, stage.at.state.pending]
  renameSync(join(failed, 'a.yaml'), join(pending, 'a.yaml'))
  const shelved = join(stage.at.runs, 'a/1/a_result.yaml')
  await stage.until('its record joined its run', () => existsSync(shelved))
  renameSync(join(pending, 'a.yaml'), join(failed, 'a.yaml'))
  stage.write('open', '')
  await stage.until(
    'the rest is done',
    () => stage.files().length === 3 && stage.result('c') && stage.result('b'),
  )
  await stage.must('orchestrate stop')
  const { ok, findings } = await verify(stage.at)
  expect(findings.map(({ code, file }) => `${code} ${file}`)).toEqual([
    'by-person tasks/failed/a.yaml',
  ])
  expect(ok).toBe(true)
})
