// The main job on real input: task files dropped into one workspace, done side by side by the shell, by the simulated
// agent and by the real CLIs (on the mock model). The last ones are skipped, by name, where they are not installed.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { mockModel } from '../agents/mock-model.ts'
import { HOW_TO_INSTALL, installed, REAL_AGENTS, type RealAgent } from '../agents/real-agents.ts'
import { setUp } from '../agents/set-up.ts'
import { open, SIMULATED, type Stage } from './stage.ts'

const REAL = REAL_AGENTS.filter(installed)

/** As people write them: comments, Windows line ends, a byte order mark, all kinds of spelling. */
const DROPS: Record<string, string> = {
  'by-shell.yaml': `# a step without an agent\r\ndescription: |\r\n  echo by the shell > shell.txt\r\n  cat shell.txt\r\npreferred_agent: shell\r\npriority: 2\r\n`,
  'by-sim.yml': `\uFEFFdescription: "Create sim.md"   # and no more\npreferred_agent_type: sim\npriority: HIGH\n`,
  ...Object.fromEntries(
    REAL.map((name) => [
      `by-${name}.yaml`,
      `id: by-${name}\ndescription: |-\n  Please do this:\n  MOCK:write-file ${name}.txt by ${name}\n  MOCK:say all is written\npreferred_agent: ${name}\nsubtasks:\n  - write it\n`,
    ]),
  ),
}

const AGENTS = ['shell', 'sim', ...REAL]

it(`the shell, the simulated agent, ${REAL.join(', ')} do what was dropped`, async () => {
  const stage = open(null)
  const model = await mockModel()
  stage.later(() => model.stop())
  stage.write('config.yaml', await config(stage, model.url))
  await stage.must('orchestrate start')
  const inodes: Record<string, number> = {}
  for (const [name, text] of Object.entries(DROPS))
    inodes[name] = statSync(stage.drop(name, text)).ino
  await stage.until(
    'all ends',
    () => AGENTS.every((name) => stage.result(`by-${name}`)) && at(stage, 'completed'),
    100_000,
  )
  await stage.must('orchestrate stop')

  for (const name of AGENTS) {
    const id = `by-${name}`
    const file = Object.keys(DROPS).find((one) => one.startsWith(`${id}.`)) ?? ''
    const [made = '', words = ''] = {
      ...{ shell: ['shell.txt', 'by the shell'], sim: ['sim.md', '# Create sim.md'] },
    }[name] ?? [`${name}.txt`, `by ${name}`]
    expect.soft(stage.read(made).trim(), name).toBe(words)
    const done = join(stage.at.state.completed, file)
    expect.soft(readFileSync(done).equals(Buffer.from(DROPS[file] ?? '')), name).toBe(true)
    expect.soft(statSync(done).ino, name).toBe(inodes[file])
    expect.soft(stage.runs(id), name).toHaveLength(1)
    const result = stage.result(id)
    expect.soft(result, name).toMatchObject({
      ...{ task_id: id, agent_type: name, status: 'success', outcome: 'success', attempt: 1 },
      output_file: `context/agent_outputs/${id}_output.md`,
    })
    expect.soft(result?.needs_review, name).toBeUndefined()
    const output = stage.read(result?.output_file ?? '')
    expect.soft(output, name).toContain(`- Id: ${id}, attempt 1`)
    expect.soft(stage.read('context/current_state.md')).toContain(id)
    if (!(REAL as string[]).includes(name)) continue
    expect.soft(output, name).toContain('all is written')
    expect.soft(output, name).toContain(`- ${made}`)
    expect.soft(result?.files_modified, name).toEqual([made])
    expect.soft(result?.session_id, name).toMatch(/^[0-9a-f-]{36}$/)
    expect.soft(result?.tokens, name).toBeGreaterThan(1000)
  }
  expect(stage.read('context/agent_outputs/by-shell_output.md')).toContain('by the shell')
  expect(stage.read('context/agent_outputs/by-sim_output.md')).toContain('I created sim.md.')
}, 120_000)

for (const name of REAL_AGENTS)
  if (!installed(name)) it.skip(`${name} did its task: not installed: ${HOW_TO_INSTALL}`, () => {})

const at = (stage: Stage, state: string) =>
  stage.files().every((file) => file.startsWith(`${state}/`))

async function config(stage: Stage, url: string): Promise<string> {
  const real = await Promise.all(
    REAL.map(async (name: RealAgent) => {
      const { command, env } = await setUp(name, url, join(stage.root, '..', `home-${name}`))
      const own = { command, env, max_instances: 1 }
      return `  ${name}: ${JSON.stringify(own)}\n`
    }),
  )
  const sim = { command: `'${process.execPath}' '${SIMULATED}'`, max_instances: 1 }
  return `agents:\n  shell: { max_instances: 1 }\n  sim: ${JSON.stringify(sim)}\n${real.join('')}task_queue: { max_retries: 0 }\n`
}
