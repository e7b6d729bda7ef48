// Limits, refused logins and silence: what is no failure costs nothing and comes back by itself, what hangs is ended and named.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { kindOf } from '../../src/agents/index.ts'
import type { AgentSettings } from '../../src/types.ts'
import { agentSettings, type House, open, simulated } from './harness.ts'

const PLAIN = agentSettings({ command: ['sh', '-c', 'cat >/dev/null; echo plain'] })

async function house(agents: Record<string, AgentSettings> = { claude: simulated() }) {
  const made = open((settings) => {
    settings.agents = agents
  })
  await made.orchestrator.start()
  return made
}
const ends = (all: House, id: string, where: string) =>
  all.until(`${id} in ${where}`, () => all.files().includes(`${where}/${id}.yaml`))
const state = (all: House) => all.agents().map((agent) => agent.state)

it('a limited task waits for the end of its limit, and goes on with its session; others go on meanwhile', async () => {
  const all = await house({ claude: simulated(2), plain: PLAIN })
  all.drop('a.yaml', 'description: Do it SIM:limit 2\npreferred_agent: claude\n')
  await all.until('the limit', () => state(all).includes('limited'))
  expect(all.agents()[0]).toMatchObject({ why: "You've hit your 5-hour limit" })
  expect((all.agents()[0]?.until ?? 0) - Date.now()).toBeGreaterThan(0)
  all.drop('b.yaml', 'description: Another\npreferred_agent: claude\n')
  all.drop('c.yaml', 'description: Whoever\n')
  await ends(all, 'c', 'completed')
  await all.until('the reason', () =>
    /every claude agent is limited until .*5-hour/.test(
      all.views()['pending/b.yaml']?.reason ?? '',
    ),
  )
  const [before] = await all.runs('a')
  expect(before).toMatchObject({ outcome: 'limited', settled: 'pending', retry_count: 0 })
  expect(before?.evidence).toMatch(/429/)
  await ends(all, 'a', 'completed')
  const [, after] = await all.runs('a')
  expect(after).toMatchObject({ resumed: true, session_id: before?.session_id })
  expect(after?.argv).toContain('--resume')
  expect(Date.parse(after?.assigned_at ?? '')).toBeGreaterThanOrEqual(
    Date.parse(before?.resets_at ?? ''),
  )
  await ends(all, 'b', 'completed')
})

it('a limit outlives a restart, and a person lifts it', async () => {
  const all = await house()
  all.drop('a.yaml', 'description: Do it SIM:limit 600\n')
  await all.until('the limit', () => state(all)[0] === 'limited')
  await all.orchestrator.stop('wait')
  await all.again().start()
  await all.until('the limit again', () => state(all)[0] === 'limited')
  expect(all.views()['pending/a.yaml']?.reason).toMatch(/limited until/)
  expect(await all.orchestrator.resume('claude')).toBe('claude takes tasks again')
  await ends(all, 'a', 'completed')
  expect((await all.runs('a')).map((run) => run.outcome)).toEqual(['limited', 'success'])
})

it('a task may switch to another type at a limit, or fail', async () => {
  const all = await house({ claude: simulated(), plain: PLAIN })
  all.drop(
    'a.yaml',
    'description: Do it SIM:limit 600\npreferred_agent: claude\non_limit: switch\n',
  )
  await ends(all, 'a', 'completed')
  expect((await all.runs('a')).map((run) => run.agent_type)).toEqual(['claude', 'plain'])
  await all.orchestrator.resume('claude')
  all.drop('b.yaml', 'description: Do it SIM:limit 600\npreferred_agent: claude\non_limit: fail\n')
  await ends(all, 'b', 'failed')
  expect(all.result('b')).toMatchObject({ outcome: 'limited', needs_review: true })
})

it('without a login no second task is spent: all wait, and go on when a person says so', async () => {
  const all = await house()
  all.drop('a.yaml', 'description: Do it SIM:login key.txt\n')
  await all.until('the refusal', () => state(all)[0] === 'failed')
  all.drop('b.yaml', 'description: Another\n')
  await all.until('the reason', () =>
    /Not logged in.*--resume claude/.test(all.views()['pending/b.yaml']?.reason ?? ''),
  )
  expect(await all.runs('b')).toEqual([])
  expect((await all.runs('a')).at(-1)).toMatchObject({ outcome: 'unauthenticated', retry_count: 0 })
  writeFileSync(join(all.at.root, 'key.txt'), '')
  await all.orchestrator.resume('claude')
  await ends(all, 'a', 'completed')
  await ends(all, 'b', 'completed')
})

it('a refused permission is no success, whatever the agent says of itself', async () => {
  const all = await house()
  all.drop('a.yaml', 'description: Do it SIM:denied\n')
  await ends(all, 'a', 'failed')
  expect(all.result('a')).toMatchObject({ status: 'failed', outcome: 'denied', needs_review: true })
  expect(all.result('a')?.error).toMatch(/Write/)
})

const NEVER = Number.POSITIVE_INFINITY
it.each([
  ['mute', { start: 500, idle: NEVER, tool: NEVER }, 'never-started', /no event in its first/],
  ['hang', { start: NEVER, idle: 500, tool: NEVER }, 'stalled', /no event for 0.5 s.*no tool/],
  ['tool-hang', { start: NEVER, idle: NEVER, tool: 500 }, 'stalled', /one tool call took longer/],
])('%s is ended by its clock, and named', async (word, stallMs, outcome, error) => {
  const all = await house({ claude: simulated(1, { stallMs }) })
  all.drop('a.yaml', `description: Do it SIM:${word}\nmax_retries: 0\n`)
  await all.until('the end', async () => (await all.runs('a'))[0]?.outcome !== undefined)
  expect((await all.runs('a'))[0]).toMatchObject({ outcome, error: expect.stringMatching(error) })
})

it('the first run of a type with a store of its own begins alone, the others when it is at work', async () => {
  const all = open(
    (settings) => {
      settings.agents = { claude: simulated(3) }
    },
    {
      kind: (type) => {
        const kind = kindOf(type, simulated())
        return { ...kind, ...(kind.cli && { cli: { ...kind.cli, warmUp: true } }) }
      },
    },
  )
  await all.orchestrator.start()
  for (const id of ['a', 'b', 'c']) all.drop(`${id}.yaml`, 'description: Do it SIM:sleep 3\n')
  await all.until('the end', () => all.files().filter((one) => /^completed/.test(one)).length === 3)
  const [first, ...others] = all.events.filter(({ kind }) => kind === 'start').map((one) => one.at)
  const began = (await Promise.all(['a', 'b', 'c'].map((id) => all.runs(id)))).flat()
  const [one, two] = began.map((run) => Date.parse(run.assigned_at)).sort((x, y) => x - y)
  expect((two ?? 0) - (one ?? 0)).toBeGreaterThan(100) // its first event comes with node's own start
  expect(others.length).toBe(2)
  expect(Number(others[1]) - Number(first)).toBeLessThan(3000) // both began before the first one's end
})

it('a CLI that no longer knows a flag of ours is told of before a task is spent', async () => {
  let why: string | null =
    'claude 9.0 does not know --verbose: install a version from 2.1.112 to 2.1.330'
  const all = open(
    (settings) => {
      settings.agents = { claude: simulated() }
    },
    { capable: async () => why },
  )
  await all.orchestrator.start()
  all.drop('a.yaml', 'description: Do it\n')
  await all.until('the reason', () =>
    /^claude 9\.0 does not know --verbose.*--resume claude/.test(
      all.views()['pending/a.yaml']?.reason ?? '',
    ),
  )
  expect(await all.runs('a')).toEqual([])
  // Another setting is no cure.
  all.orchestrator.reconfigure({ ...all.settings, healthCheckMs: 60_000 })
  await new Promise((resolve) => setTimeout(resolve, 1200))
  expect(await all.runs('a')).toEqual([])
  why = null
  all.orchestrator.reconfigure({ ...all.settings, agents: { claude: simulated(2) } })
  await ends(all, 'a', 'completed')
})
