// `orchestrate demo`: the real orchestrator at work in a throw-away workspace. Promises: no key, no network, under a
// minute; says where everything lies and how to remove it; exit 1 when a task did not end as it should.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { workspace } from '../../files/workspace.ts'
import { OrchestrateError } from '../../types.ts'
import type { Act, World } from '../act.ts'
import { config, OVERVIEW, STEPS } from '../demo-tasks.ts'
import { attend } from '../foreground.ts'
import { makeWorkspace } from '../new-workspace.ts'
import { clean, table } from '../output.ts'
import { packaged } from '../package.ts'
import type { TaskRow } from '../picture.ts'
import { tree } from '../tree.ts'

const AGENT = packaged('fixtures/simulated-agent.mjs')
const HIDDEN = new Set(['.orchestrate', '.gitignore', 'tasks.db', 'agent_notes', 'drafts'])

export const act: Act = async (call, world) => {
  const { out, talk } = world
  if (!existsSync(AGENT))
    throw new OrchestrateError(
      'NO_DEMO',
      `the simulated agent is not at ${AGENT}`,
      'install the package again',
    )
  const root = await mkdtemp(join(tmpdir(), 'orchestrate-demo-'))
  const at = workspace(root)
  const quoted = [process.execPath, AGENT].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
  await makeWorkspace(at, config(quoted.join(' ')))
  await writeFile(join(root, 'context', 'project_overview.md'), OVERVIEW)
  talk.line(
    `A throw-away workspace in ${root}. Dropped into tasks/pending/, as anyone could with cp:\n`,
  )
  for (const { name, text } of STEPS) await writeFile(join(at.state.pending, `${name}.yaml`), text)
  for (const line of table(
    talk,
    [],
    STEPS.map(({ name, why }) => [`  ${name}.yaml`, why]),
  ))
    talk.line(line)
  talk.line('\nNow as `orchestrate run` would, with two simulated agents and the shell:\n')
  let rows: TaskRow[] = []
  const began = Date.now()
  const { interrupted } = await attend(
    at,
    world,
    { env: world.env },
    async ({ orchestrator, tasks }) => {
      await orchestrator.finished()
      rows = tasks() ?? []
    },
  )
  if (!interrupted) await results(root, Date.now() - began, world)
  const clear = interrupted || call.has('clean')
  if (clear) await rm(root, { recursive: true, force: true })
  else
    out.line(
      `\nIt all lies in ${root}. Look around, or remove it:\n  orchestrate -C ${root} tasks\n  rm -r ${root}`,
    )
  if (interrupted) return 130
  return rows.length === STEPS.length && rows.every(({ status }) => status === 'completed') ? 0 : 1
}

async function results(root: string, ms: number, { out }: World): Promise<void> {
  const { bold } = out.paint
  out.line(bold(`\nDone in ${Math.round(ms / 1000)} s. The folders are the state:\n`))
  for (const line of tree(root, HIDDEN)) out.line(line)
  for (const path of [
    'tasks/completed/styles_result.yaml',
    'context/current_state.md',
    'context/agent_outputs/report_output.md',
  ]) {
    const text = await readFile(join(root, path), 'utf8').catch(() => '(it was not written)\n')
    out.line(bold(`\n${path}\n`))
    for (const line of clean(text).trimEnd().split('\n')) out.line(`  ${line}`)
  }
}
