// Budgets and profiles (specification 9.1.3): what is used up is not claimed any more, and who did such work best does it again.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type * as T from '../../src/types.ts'
import { agentSettings, type House, open, simulated } from './harness.ts'

async function house(budget: T.Settings['budget']) {
  const all = open((settings) => {
    Object.assign(settings, { agents: { claude: simulated() }, budget })
    settings.queue.maxRetries = 3
  })
  await all.orchestrator.start()
  return all
}
const ends = (all: House, id: string, where: string) =>
  all.until(`${id} in ${where}`, () => all.files().includes(`${where}/${id}.yaml`))
const reason = (all: House, id: string) => all.views()[`pending/${id}.yaml`]?.reason ?? ''

it('a task that has used up its budget is held, with the figures', async () => {
  const all = await house({ task: { usd: 100 }, day: {} })
  all.drop('a.yaml', 'description: Do it SIM:cost 2 SIM:exit 1\nbudget: { usd: 3 }\n')
  await all.until('it is held', () => all.views()['pending/a.yaml']?.status === 'held')
  expect(reason(all, 'a')).toBe('its budget is used up ($4.00 of $3.00 are used): raise `budget`')
  expect(await all.runs('a')).toHaveLength(2)
  expect((await all.runs('a'))[0]).toMatchObject({ tokens: 2_000_000, cost_usd: 2 })
  all.drop('a.yaml', 'description: Do it SIM:cost 2\nbudget: { usd: 30 }\n')
  await ends(all, 'a', 'completed')
})

it('a day whose budget is used up claims nothing, says why, and a restart does not forget it', async () => {
  const all = await house({ task: {}, day: { tokens: 2_500_000 } })
  for (const id of ['a', 'b']) all.drop(`${id}.yaml`, 'description: Do it SIM:cost 1.5\n')
  await ends(all, 'b', 'completed')
  all.drop('c.yaml', 'description: Do it\n')
  const used = /^today's budget is used up \(3,000,000 of 2,500,000 tokens are used\)/
  await all.until('the reason', () => used.test(reason(all, 'c')))
  await all.orchestrator.stop('wait')
  await all.again().start()
  await all.until('the reason again', () => used.test(reason(all, 'c')))
  expect(existsSync(join(all.at.runs, 'c'))).toBe(false)
  all.orchestrator.reconfigure({ ...all.settings, budget: { task: {}, day: { tokens: 1e9 } } })
  await ends(all, 'c', 'completed')
})

it('learned: the free type that did work of that label best takes it, and says so', async () => {
  const profile = (agent_type: string, label: string, runs: number, succeeded: number) => ({
    ...{ agent_type, label, runs, succeeded },
    ...{ seconds: 1, tokens: null, cost_usd: null, retries: 0 },
  })
  const plain = agentSettings({ command: ['sh', '-c', 'cat >/dev/null; echo plain'] })
  const profiles = [profile('claude', 'docs', 10, 2), profile('plain', 'docs', 10, 9)]
  const all = open(
    (settings) => {
      settings.agents = { claude: simulated(), plain }
      settings.queue.selection = 'learned'
    },
    { profiles: () => [...profiles, profile('claude', '', 20, 19), profile('plain', '', 20, 10)] },
  )
  await all.orchestrator.start()
  all.drop('a.yaml', 'description: Write\nlabels: [docs]\n')
  await ends(all, 'a', 'completed')
  all.drop('b.yaml', 'description: Write\n')
  await ends(all, 'b', 'completed')
  all.drop('c.yaml', 'description: Write\nlabels: [docs]\npreferred_agent: claude\n')
  await ends(all, 'c', 'completed')
  const [[a], [b], [c]] = [await all.runs('a'), await all.runs('b'), await all.runs('c')]
  expect(a).toMatchObject({
    ...{ agent_type: 'plain', labels: ['docs'] },
    chosen: 'plain: 9 of 10 runs labelled docs went well',
  })
  expect(b).toMatchObject({ agent_type: 'claude', chosen: 'claude: 19 of 20 runs went well' })
  expect([c?.agent_type, c?.chosen]).toEqual(['claude', undefined])
})
