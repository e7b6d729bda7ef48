// `orchestrate agents --stats`: how each agent type did, by kind of work. Promises: from the running orchestrator's index, or else
// from the run folders; writes nothing.
import { readdir } from 'node:fs/promises'
import { history } from '../files/run-folder.ts'
import type { Workspace } from '../files/workspace.ts'
import { profilesOf } from '../index/profiles.ts'
import type { Profile } from '../types.ts'
import type { World } from './act.ts'
import { duration, json, oneLine, table, usedWords } from './output.ts'
import { asked } from './running.ts'

export async function stats(at: Workspace, { out, talk }: World, asJson: boolean): Promise<number> {
  const rows = (await asked<Profile[]>(at, 'GET', '/profiles')) ?? (await read(at.runs))
  if (asJson) out.line(json(rows))
  else if (rows.length === 0) talk.line('no run has ended yet')
  else {
    const shown = rows.map((row) => [
      row.label === '' ? 'all work' : oneLine(row.label),
      oneLine(row.agent_type),
      `${row.succeeded} of ${row.runs}`,
      `${Math.round((100 * row.succeeded) / row.runs)} %`,
      row.seconds === null ? '' : duration(row.seconds * 1000),
      row.retries === null ? '' : row.retries.toFixed(1),
      usedWords({ tokens: Math.round(row.tokens ?? 0), cost_usd: row.cost_usd ?? 0 }),
    ])
    const heads = ['WORK', 'TYPE', 'SUCCEEDED', 'RATE', 'TIME', 'RETRIES', 'USED']
    for (const line of table(out, heads, shown)) out.line(line)
  }
  return 0
}

async function read(runs: string): Promise<Profile[]> {
  const ids = await readdir(runs).catch(() => [])
  const all = []
  for (const id of ids) all.push(...(await history(runs, id)))
  return profilesOf(all)
}
