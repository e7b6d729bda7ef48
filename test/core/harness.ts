// A real workspace in a temporary folder with a real orchestrator on it: real files, real processes. Every test proves
// at its end that it left nothing running.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import { kindOf } from '../../src/agents/index.ts'
import { createContext } from '../../src/context/context.ts'
import { createOrchestrator } from '../../src/core/orchestrator.ts'
import { readRecord } from '../../src/files/record.ts'
import { history } from '../../src/files/run-folder.ts'
import { type Workspace, workspace } from '../../src/files/workspace.ts'
import { viewOf } from '../../src/index/picture.ts'
import type { Parts } from '../../src/look/parts.ts'
import { createProcesses } from '../../src/process/index.ts'
import type * as T from '../../src/types.ts'
import { STATES } from '../../src/types.ts'

export const processes = createProcesses()
const PROGRAM = new URL('../../fixtures/simulated-agent.mjs', import.meta.url).pathname

export interface House {
  at: Workspace
  settings: T.Settings
  orchestrator: T.Orchestrator
  events: T.EventView[]
  log: string[]
  /** The newest picture, as rows by file. */
  views(): Record<string, T.TaskView>
  agents(): readonly T.AgentView[]
  drop(name: string, text: string, folder?: T.State): string
  /** `pending/a.yaml` for every task file (records left out). */
  files(): string[]
  records(): string[]
  result(id: string): Partial<T.ResultRecord> | null
  runs(id: string): Promise<T.RunRecord[]>
  until(what: string, condition: () => boolean | Promise<boolean>, ms?: number): Promise<void>
  /** Another orchestrator on the same workspace, as after a crash or a stop. */
  again(parts?: Partial<Parts>): T.Orchestrator
  lost: () => boolean
}

const houses: House[] = []
afterEach(async () => {
  for (const house of houses.splice(0)) {
    await house.orchestrator.stop('now').catch(() => {})
    const own = living(house)
    for (const { mark } of own) if (mark) await processes.sweep(mark, null)
    await rm(house.at.root, { recursive: true, force: true })
    expect(own, 'processes left running').toEqual([])
  }
})
/** Processes that carry a mark of this workspace's runs; of the runs of one id. */
export const living = (house: House, id?: string) =>
  processes
    .list()
    .filter(({ mark }) => (id ? mark?.startsWith(`${id}.`) : mark))
    .filter(({ pid }) => workspaceOf(pid) === house.at.root)
const workspaceOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .find((one) => one.startsWith('ORCHESTRATE_WORKSPACE='))
      ?.slice(22)
  } catch {
    return undefined
  }
}

export function agentSettings(more: Partial<T.AgentSettings> = {}): T.AgentSettings {
  return {
    ...{ command: [], maxInstances: 1, maxOutputMb: 100, retryOnFailure: true },
    ...{ stallMs: { start: 60_000, idle: 60_000, tool: 60_000 }, onLimit: 'wait' },
    ...{ env: {}, inheritEnv: 'all', ...more },
  }
}
/** A run that is over, as its agent is freed by it. */
export const ended = (agent: string, task: string, outcome: T.Outcome, more = {}) => ({
  ...{ agent_id: agent, task_id: task, agent_type: 'claude', outcome, ...more },
})
export const simulated = (maxInstances = 1, more: Partial<T.AgentSettings> = {}) =>
  agentSettings({ command: [process.execPath, PROGRAM], maxInstances, ...more })

export function open(
  change: (settings: T.Settings) => void = () => {},
  parts: Partial<Parts> = {},
): House {
  const root = mkdtempSync(join(tmpdir(), 'orchestrate-'))
  const at = workspace(root)
  const settings: T.Settings = {
    ...{ database: join(root, 'tasks.db'), contextDir: join(root, 'context'), logLevel: 'info' },
    agents: { shell: agentSettings({ maxInstances: 2 }) },
    queue: {
      timeoutMs: 60_000,
      maxRetries: 0,
      retryDelayMs: 50,
      maxSize: 1000,
      defaultPriority: 'normal',
      settleMs: 60,
      selection: 'least-loaded',
      onInterrupt: 'retry',
    },
    ...{
      budget: { task: {}, day: {} },
      updateOnCompletion: true,
      metrics: { enabled: false, port: 9090 },
      healthCheckMs: 200,
      limits: {},
    },
  }
  change(settings)
  let picture: T.Picture | null = null
  const rows = new Map<string, T.TaskView>()
  let lost = false
  const events: T.EventView[] = []
  const log: string[] = []
  const make = (more: Partial<Parts> = {}) =>
    createOrchestrator({
      ...{ workspace: at, settings, processes },
      kind: (type) => kindOf(type, settings.agents[type] ?? agentSettings()),
      ...{
        missing: () => null,
        probe: async () => true,
        capable: async () => null,
        guard: async () => ({ claims: null, end: false }),
      },
      context: createContext({ root, directory: settings.contextDir, updateOnCompletion: true }),
      show: {
        picture(next) {
          picture = next
          for (const file of next.gone) rows.delete(file.slice(6))
          for (const entry of next.changed)
            if (next.entries.get(entry.file) === entry)
              rows.set(entry.file.slice(6), viewOf(entry, next))
        },
        added: () => {},
        run: () => {},
        event: (row) => void events.push(row),
      },
      profiles: () => [],
      log: (level, text) => void log.push(`${level} ${text}`),
      closing: async () => {},
      lost() {
        lost = true
      },
      ...parts,
      ...more,
    })
  const list = (records: boolean) =>
    STATES.flatMap((state) =>
      readdirSync(at.state[state]).flatMap((name) =>
        !name.startsWith('.') && /_(result|agent_\d+)\.yaml$/.test(name) === records
          ? `${state}/${name}`
          : [],
      ),
    ).sort()
  const house: House = {
    ...{ at, settings, events, log, orchestrator: make() },
    views: () => Object.fromEntries(rows),
    agents: () => picture?.agents ?? [],
    drop(name, text, folder = 'pending') {
      writeFileSync(join(at.state[folder], name), text)
      return join(at.state[folder], name)
    },
    files: () => list(false),
    records: () => list(true),
    result(id) {
      const name = [...list(true)].find((file) => file.endsWith(`/${id}_result.yaml`))
      return name ? readRecord(readFileSync(join(at.tasks, name), 'utf8')) : null
    },
    runs: (id) => history(at.runs, id),
    async until(what, condition, ms = 20_000) {
      const end = Date.now() + ms
      while (!(await condition())) {
        if (Date.now() > end)
          throw new Error(
            `waited in vain for ${what}\n${list(false).join(' ')}\n${JSON.stringify(house.views(), null, 1)}\n${log.join('\n')}`,
          )
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    again(more) {
      house.orchestrator = make(more)
      return house.orchestrator
    },
    lost: () => lost,
  }
  houses.push(house)
  return house
}

export const shell = (script: string, more = '') =>
  `description: |\n${script.replace(/^/gm, '  ')}\npreferred_agent: shell\n${more}`
