// A checked ConfigFile made whole: defaults filled in, paths absolute, times in ms, both spellings one.
// Promises: two spellings of one setting agree, or both lines are named; the given file is not changed.
import { resolve as absolute } from 'node:path'
import { priorityOf } from '../files/task-schema.ts'
import type { AgentSettings, Budget, Settings } from '../types.ts'
import { BUILT_IN, DEFAULTS } from './defaults.ts'
import type { AgentFile, ConfigFile } from './schema.ts'
import type { Source } from './source.ts'
import { splitWords } from './words.ts'

const LEVELS: Record<string, Settings['logLevel']> = {
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
}

/** `agents` is what the file lists, types with 0 instances too; null: it says nothing of agents. */
export interface Resolved {
  settings: Omit<Settings, 'agents'>
  agents: Record<string, AgentSettings> | null
  notes: string[]
}

export function resolve(file: ConfigFile, root: string, source: Source): Resolved {
  const { orchestrator = {}, task_queue: queue = {}, context = {}, monitoring = {} } = file
  const { performance = {}, budget = {} } = file
  const notes: string[] = []

  /** `values` by their spelling (`section.key`); `same` is what is compared, and returned. */
  function either<T, U>(
    values: Record<string, T | undefined>,
    preset: T,
    same: (value: T) => U,
  ): U {
    const given = Object.entries(values).filter(([, value]) => value !== undefined)
    const [one, other] = given.map(([name, value]) => ({ name, value: same(value as T) }))
    if (one && other && one.value !== other.value) {
      const { line } = source.atKey(one.name.split('.'), '')
      const why = `\`${other.name}\` and \`${one.name}\` (line ${line}) are one setting with two values: keep one`
      source.problems.push(source.atKey(other.name.split('.'), why))
    }
    return one ? one.value : same(preset)
  }
  const path = (at: string) => absolute(root, at)
  const databases = {
    'orchestrator.database': orchestrator.database,
    'task_queue.database': queue.database,
  }
  const folders = {
    'orchestrator.context_dir': orchestrator.context_dir,
    'context.directory': context.directory,
  }
  const timeouts = {
    'task_queue.timeout_minutes': queue.timeout_minutes,
    'task_queue.default_timeout_minutes': queue.default_timeout_minutes,
  }
  const settings: Omit<Settings, 'agents'> = {
    database: either(databases, DEFAULTS.database, path),
    contextDir: either(folders, DEFAULTS.context_dir, path),
    logLevel: LEVELS[orchestrator.log_level?.toLowerCase() ?? ''] ?? DEFAULTS.log_level,
    queue: {
      timeoutMs: either(timeouts, DEFAULTS.timeout_minutes, (minutes) => minutes * 60_000),
      maxRetries: queue.max_retries ?? DEFAULTS.max_retries,
      retryDelayMs: (queue.retry_delay_seconds ?? DEFAULTS.retry_delay_seconds) * 1000,
      maxSize: queue.max_size ?? DEFAULTS.max_size,
      defaultPriority: priorityOf(queue.default_priority) ?? DEFAULTS.default_priority,
      settleMs: queue.settle_ms ?? DEFAULTS.settle_ms,
      selection: queue.selection ?? DEFAULTS.selection,
      onInterrupt: queue.on_interrupt ?? DEFAULTS.on_interrupt,
    },
    budget: {
      task: amount(budget.tokens_per_task, budget.usd_per_task),
      day: amount(budget.tokens_per_day, budget.usd_per_day),
    },
    updateOnCompletion: context.update_on_completion ?? DEFAULTS.update_on_completion,
    metrics: {
      enabled: monitoring.enable_metrics ?? DEFAULTS.enable_metrics,
      port: monitoring.metrics_port ?? DEFAULTS.metrics_port,
    },
    healthCheckMs: (monitoring.health_check_interval ?? DEFAULTS.health_check_interval) * 1000,
    limits: {
      ...(performance.max_memory_mb && { memoryMb: performance.max_memory_mb }),
      ...(performance.max_cpu_percent && { cpuPercent: performance.max_cpu_percent }),
      ...(performance.max_disk_io_mbps && { diskMbps: performance.max_disk_io_mbps }),
    },
  }

  function command(type: string, name: string, text: string | undefined): string[] {
    if (text === undefined) return [...(BUILT_IN[name] ?? [])]
    const at = ['agents', type, 'command']
    const split = splitWords(text)
    if ('error' in split)
      source.problems.push(source.atValue(at, `\`${at.join('.')}\` ${split.error}`))
    else if (!split.words[0])
      source.problems.push(source.atValue(at, `\`${at.join('.')}\` must name a program`))
    else {
      const { operators } = split
      if (operators.length > 0) {
        const signs = operators.map((sign) => `\`${sign}\``).join(', ')
        notes.push(`\`${at.join('.')}\` is not run by a shell: ${signs} is passed on as it stands`)
      }
      return split.words
    }
    return []
  }
  const agents: Record<string, AgentSettings> = {}
  for (const [type, entry] of Object.entries(file.agents ?? {})) {
    const name = type.toLowerCase()
    agents[name] = agent(name, command(type, name, entry.command), entry)
  }
  return { settings, agents: file.agents ? agents : null, notes }
}

const amount = (tokens: number | undefined, usd: number | undefined): Budget => ({
  ...(tokens !== undefined && { tokens }),
  ...(usd !== undefined && { usd }),
})

/** One agent type; without an entry, as it is built in. */
export function agent(
  name: string,
  command: string[] = [...(BUILT_IN[name] ?? [])],
  entry: AgentFile = {},
): AgentSettings {
  const preset = name === 'shell' ? DEFAULTS.shell_instances : DEFAULTS.max_instances
  // A program of which we know no events may be silent as long as it likes.
  const speaks = name !== 'shell' && Object.hasOwn(BUILT_IN, name)
  const clock = (seconds: number | undefined, preset: number) =>
    1000 * (seconds ?? (speaks ? preset : Number.POSITIVE_INFINITY))
  return {
    command,
    maxInstances: entry.max_instances ?? preset,
    ...(entry.timeout_seconds && { timeoutMs: entry.timeout_seconds * 1000 }),
    stallMs: {
      start: clock(entry.start_timeout_seconds, DEFAULTS.start_timeout_seconds),
      idle: clock(entry.idle_timeout_seconds, DEFAULTS.idle_timeout_seconds),
      tool: clock(entry.tool_timeout_seconds, DEFAULTS.tool_timeout_seconds),
    },
    onLimit: entry.on_limit ?? DEFAULTS.on_limit,
    maxOutputMb: entry.max_output_mb ?? DEFAULTS.max_output_mb,
    retryOnFailure: entry.retry_on_failure ?? true,
    env: { ...entry.env },
    inheritEnv: entry.inherit_env ?? 'all',
    ...(entry.billing && { billing: entry.billing }),
  }
}
