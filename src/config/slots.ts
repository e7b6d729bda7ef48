// Which agent types there are, and how many of each: from the file, from `--agents`, or from what is installed.
// Promises: `shell` is there unless it was set to 0; a type with no slots is left out, so nobody waits for it.
import { nearest } from '../files/nearest.ts'
import { type AgentSettings, OrchestrateError } from '../types.ts'
import { BUILT_IN, MOST_INSTANCES } from './defaults.ts'
import { agent } from './resolve.ts'

type Agents = Record<string, AgentSettings>
const FORM = 'write it like `--agents claude:2,codex:2`'
const usage = (message: string, hint = FORM) => new OrchestrateError('USAGE', message, hint)

/** `claude:2,codex:2` → { claude: 2, codex: 2 }. Throws USAGE. */
export function parseAgents(text: string): Record<string, number> {
  const counts = new Map<string, number>()
  for (const part of text.split(',')) {
    const [, type, digits] = /^\s*([A-Za-z][A-Za-z0-9_-]*)\s*:\s*(\d+)\s*$/.exec(part) ?? []
    if (!type || !digits) throw usage(`--agents: \`${part.trim()}\` is not \`type:number\``)
    const name = type.toLowerCase()
    if (counts.has(name)) throw usage(`--agents names \`${name}\` twice`)
    if (Number(digits) > MOST_INSTANCES)
      throw usage(`--agents: ${name} can have at most ${MOST_INSTANCES} instances`)
    counts.set(name, Number(digits))
  }
  return Object.fromEntries(counts)
}

/** @param listed what config.yaml lists; null when it says nothing. @param counts as from `parseAgents`. Throws USAGE. */
export function slots(
  listed: Agents | null,
  counts: Record<string, number> | undefined,
  onPath: (command: string) => boolean,
): { agents: Agents; notes: string[] } {
  const chosen = counts ? replaced(listed ?? {}, counts) : (listed ?? installed(onPath))
  const shell = chosen.shell ?? listed?.shell ?? agent('shell')
  const agents = Object.entries('shell' in chosen ? chosen : { ...chosen, shell })
  const working = agents.filter(([, { maxInstances }]) => maxInstances > 0)
  const notes: string[] = []
  if (working.length === 0) notes.push('no agent has an instance: no task can run')
  else if (!listed && !counts && working.length === 1) {
    const names = Object.entries(BUILT_IN).flatMap(([, command]) => command.slice(0, 1))
    notes.push(`no agent CLI is on PATH (${names.join(', ')}): only \`shell\` tasks can run`)
  }
  return { agents: Object.fromEntries(working), notes }
}

function installed(onPath: (command: string) => boolean): Agents {
  const found = Object.entries(BUILT_IN).filter(([, [program]]) => program && onPath(program))
  return Object.fromEntries(found.map(([type]) => [type, agent(type)]))
}

function replaced(listed: Agents, counts: Record<string, number>): Agents {
  const agents: Agents = {}
  for (const [type, maxInstances] of Object.entries(counts)) {
    const own = Object.hasOwn(listed, type) ? listed[type] : undefined
    if (!own && !Object.hasOwn(BUILT_IN, type)) {
      const near = nearest(type, [...Object.keys(BUILT_IN), ...Object.keys(listed)])
      const meant = near ? `; did you mean \`${near}\`?` : ''
      const hint = `give it one under \`agents.${type}\` in config.yaml`
      throw usage(`--agents: \`${type}\` is not built in and has no \`command\`${meant}`, hint)
    }
    agents[type] = { ...(own ?? agent(type)), maxInstances }
  }
  // Not named: one, unless the file switched it off.
  if (!agents.shell && listed.shell?.maxInstances !== 0) {
    agents.shell = { ...(listed.shell ?? agent('shell')), maxInstances: 1 }
  }
  return agents
}
