// parseConfig: both forms of the founding specification, every refusal, and where it points.
// Promises: the examples are the specification's own words.
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { OrchestrateError } from '../../src/types.ts'

const parse = (text: string) => parseConfig(text, 'config.yaml', '/w')
function refusal(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof OrchestrateError && error.code === 'CONFIG') return error.message
    throw error
  }
  throw new Error('was not refused')
}

const MVP = `# config.yaml
agents:
  claude:
    command: "claude --dangerously-skip-permissions"
    max_instances: 2
  codex:
    command: "codex --ask-for-approval never --sandbox danger-full-access exec"
    max_instances: 3

task_queue:
  database: "tasks.db"
  timeout_minutes: 30
  max_retries: 3

context:
  directory: "./context"
  update_on_completion: true
`

const COMPLETE = `# Complete configuration example
orchestrator:
  mode: local  # local or distributed
  database: ./tasks.db
  context_dir: ./context
  log_level: INFO
  
agents:
  claude:
    command: "claude --dangerously-skip-permissions"
    max_instances: 3
    timeout_seconds: 300
    retry_on_failure: true
    
  codex:
    command: "codex --ask-for-approval never --sandbox danger-full-access exec"
    max_instances: 5
    timeout_seconds: 600
    retry_on_failure: true
    
task_queue:
  max_size: 1000
  default_priority: normal
  default_timeout_minutes: 30
  max_retries: 3
  retry_delay_seconds: 60
  
monitoring:
  enable_metrics: true
  metrics_port: 9090
  health_check_interval: 30
  
performance:
  max_memory_mb: 4096
  max_cpu_percent: 80
  max_disk_io_mbps: 10
`

const stalls = (start: number, idle: number, tool: number) => ({ stallMs: { start, idle, tool } })
const never = Number.POSITIVE_INFINITY
const kind = (command: string, maxInstances: number, more = {}) => ({
  command: command === '' ? [] : command.split(' '),
  maxInstances,
  ...(command === '' ? stalls(never, never, never) : stalls(120_000, 1_200_000, 7_200_000)),
  onLimit: 'wait',
  maxOutputMb: 100,
  retryOnFailure: true,
  env: {},
  inheritEnv: 'all',
  ...more,
})
const DEFAULTS = {
  database: '/w/tasks.db',
  contextDir: '/w/context',
  logLevel: 'info',
  agents: { shell: kind('', 1) },
  queue: {
    timeoutMs: 1_800_000,
    maxRetries: 3,
    retryDelayMs: 60_000,
    maxSize: 1000,
    defaultPriority: 'normal',
    settleMs: 250,
    selection: 'least-loaded',
    onInterrupt: 'retry',
  },
  budget: { task: {}, day: {} },
  updateOnCompletion: true,
  metrics: { enabled: false, port: 9090 },
  healthCheckMs: 30_000,
  limits: {},
}
const claude = 'claude --dangerously-skip-permissions'
const codex = 'codex --ask-for-approval never --sandbox danger-full-access exec'

describe('both forms of the specification', () => {
  it('8.3', () => {
    const { settings, notes } = parse(MVP)
    const agents = { claude: kind(claude, 2), codex: kind(codex, 3), shell: kind('', 1) }
    expect(settings).toEqual({ ...DEFAULTS, agents })
    expect(Object.keys(settings.agents)).toEqual(['claude', 'codex', 'shell'])
    expect(notes).toEqual([])
  })
  it('Appendix B', () => {
    expect(parse(COMPLETE).settings).toEqual({
      ...DEFAULTS,
      agents: {
        claude: kind(claude, 3, { timeoutMs: 300_000 }),
        codex: kind(codex, 5, { timeoutMs: 600_000 }),
        shell: kind('', 1),
      },
      metrics: { enabled: true, port: 9090 },
      limits: { memoryMb: 4096, cpuPercent: 80, diskMbps: 10 },
    })
  })
  it.each(['', '\uFEFF', '# nothing\n', '---\n', 'agents:\n', 'task_queue:\ncontext:\n'])(
    'nothing said in %j: the defaults',
    (text) => {
      expect(parse(text)).toEqual({ settings: DEFAULTS, listed: null, notes: [] })
    },
  )
})

describe('each key has its effect', () => {
  it.each<[string, object]>([
    ['orchestrator: { mode: local }', {}],
    ['orchestrator: { database: x/i.db }', { database: '/w/x/i.db' }],
    ['task_queue: { database: /abs.db }', { database: '/abs.db' }],
    ['orchestrator: { context_dir: c }', { contextDir: '/w/c' }],
    ['context: { directory: c }', { contextDir: '/w/c' }],
    ['orchestrator: { log_level: Debug }', { logLevel: 'debug' }],
    ['orchestrator: { log_level: WARNING }', { logLevel: 'warn' }],
    [
      'budget: { tokens_per_task: 5, usd_per_task: 0.5 }',
      { budget: { task: { tokens: 5, usd: 0.5 }, day: {} } },
    ],
    [
      'budget: { tokens_per_day: 6, usd_per_day: 2 }',
      { budget: { task: {}, day: { tokens: 6, usd: 2 } } },
    ],
    ['context: { update_on_completion: false }', { updateOnCompletion: false }],
    ['monitoring: { metrics_port: 1234 }', { metrics: { enabled: false, port: 1234 } }],
    ['monitoring: { enable_metrics: true }', { metrics: { enabled: true, port: 9090 } }],
    ['monitoring: { health_check_interval: 0.5 }', { healthCheckMs: 500 }],
  ])('%s', (text, changed) => {
    expect(parse(text).settings).toEqual({ ...DEFAULTS, ...changed })
  })
  it.each<[string, object]>([
    ['timeout_minutes: 1.5', { timeoutMs: 90_000 }],
    ['default_timeout_minutes: 1', { timeoutMs: 60_000 }],
    ['max_retries: 0', { maxRetries: 0 }],
    ['retry_delay_seconds: 0', { retryDelayMs: 0 }],
    ['max_size: 5', { maxSize: 5 }],
    ['default_priority: HIGH', { defaultPriority: 'high' }],
    ['default_priority: 2', { defaultPriority: 'low' }],
    ['default_priority: "1"', { defaultPriority: 'normal' }],
    ['settle_ms: 0', { settleMs: 0 }],
    ['on_interrupt: hold', { onInterrupt: 'hold' }],
    ['selection: learned', { selection: 'learned' }],
  ])('task_queue.%s', (line, changed) => {
    expect(parse(`task_queue: { ${line} }`).settings.queue).toEqual({
      ...DEFAULTS.queue,
      ...changed,
    })
  })
  it.each<[string, object]>([
    ['', kind('gemini', 2)],
    ['command: "x \'a b\'"', kind('gemini', 2, { command: ['x', 'a b'] })],
    ['max_instances: 7', kind('gemini', 7)],
    ['timeout_seconds: 300', kind('gemini', 2, { timeoutMs: 300_000 })],
    [
      'start_timeout_seconds: 1, idle_timeout_seconds: 2, tool_timeout_seconds: 3',
      kind('gemini', 2, stalls(1000, 2000, 3000)),
    ],
    ['on_limit: switch', kind('gemini', 2, { onLimit: 'switch' })],
    ['max_output_mb: 5', kind('gemini', 2, { maxOutputMb: 5 })],
    ['retry_on_failure: false', kind('gemini', 2, { retryOnFailure: false })],
    [
      'env: { A: 007, B: true, C: "x y" }',
      kind('gemini', 2, { env: { A: '007', B: 'true', C: 'x y' } }),
    ],
    ['inherit_env: minimal', kind('gemini', 2, { inheritEnv: 'minimal' })],
    ['billing: api', kind('gemini', 2, { billing: 'api' })],
  ])('agents.gemini: { %s }', (line, expected) => {
    expect(parse(`agents: { Gemini: { ${line} } }`).settings.agents.gemini).toEqual(expected)
  })
  it('the built-in commands', () => {
    const { agents } = parse(
      'agents:\n  codex:\n  cursor:\n  shell: { max_instances: 3 }\n',
    ).settings
    expect(agents).toEqual({
      codex: kind('codex exec', 2),
      cursor: kind('cursor-agent', 2),
      shell: kind('', 3),
    })
  })
  it('0 instances leave a type out, shell too; what is listed is still known', () => {
    const { settings, listed } = parse(
      'agents: { claude: { max_instances: 0 }, codex: , shell: { max_instances: 0 } }',
    )
    expect(Object.keys(settings.agents)).toEqual(['codex'])
    expect(Object.keys(listed ?? {})).toEqual(['claude', 'codex', 'shell'])
  })
  it('notes a command that counts on a shell', () => {
    const { notes } = parse('agents: { aider: { command: "aider | tee log > out && x" } }')
    expect(notes).toEqual([
      '`agents.aider.command` is not run by a shell: `|`, `>`, `&&` is passed on as it stands',
    ])
  })
})

describe('refusals say where and what', () => {
  it.each<[string, string]>([
    ['agent: {}', '1:1: unknown key `agent`: did you mean `agents`?'],
    [
      'task_queue:\n  max_retires: 3',
      '2:3: unknown key `max_retires`: did you mean `max_retries`?',
    ],
    [
      'agents:\n  claude:\n    max_instnces: 2',
      '3:5: unknown key `max_instnces`: did you mean `max_instances`?',
    ],
    ['max_size: 3', '1:1: unknown key `max_size` here: it belongs under `task_queue`'],
    ['context:\n  zzz: 1', '2:3: unknown key `zzz`; known here: directory, update_on_completion'],
    ['__proto__: 1', '1:1: unknown key `__proto__`'],
    ['task_queue: 5', '1:13: `task_queue` must be a group of `key: value` lines'],
    ['agents: [claude]', '1:9: `agents` must be a group of agent types'],
    ['agents: { claude: 2 }', '1:19: `agents.claude` must be a group of `key: value` lines'],
    ['agents: { 9x: { command: x } }', '1:11: `agents.9x` is not a name for an agent type'],
    [
      'agents: { cladue: }',
      '1:11: `cladue` is not a built-in agent type: it needs a `command`; did you mean `claude`?',
    ],
    [
      'agents: { shell: { command: bash } }',
      '1:20: `shell` runs the description of the task with sh',
    ],
    ['agents: { claude: , Claude: }', '1:21: `Claude` is already on line 1: keep one'],
    ['context: {}\ncontext: {}', '2:1: `context` is already on line 1: keep one'],
    ['- a', '1:1: must be sections, like `agents:`'],
    ['hello', '1:1: must be sections'],
    ['a: *b', '1:4: a YAML alias is not read here'],
    ['context: &x {}', '1:13: a YAML anchor is not read here'],
    ['context: !!map {}', '1:16: a YAML tag is not read here'],
    ['%YAML 1.1\n---\ncontext: {}', '1:1: a `%` directive is not read here'],
    ['context: {}\n---\ncontext: {}', '2:1: not YAML: several documents in one file'],
    ['context: [a]', '1:10: `context` must be a group of `key: value` lines'],
    ['context: {', '1:11: not YAML: '],
    ['a:\n\tb: 1', '2:1: not YAML: Tabs are not allowed as indentation'],
  ])('%j', (text, expected) => {
    expect(refusal(text)).toContain(`config.yaml:${expected}`)
  })

  const leaf: [string, string, string][] = [
    ['orchestrator.mode', 'distributed', 'must be local: `distributed` does not exist yet'],
    ['orchestrator.database', '3', 'must be text'],
    ['orchestrator.database', '""', 'must not be empty'],
    ['orchestrator.database', '~/x.db', 'must be a plain path'],
    ['task_queue.database', 'postgresql://h/x', 'must be a plain path'],
    ['orchestrator.context_dir', '[]', 'must be text'],
    ['context.directory', 'true', 'must be text'],
    ['orchestrator.log_level', 'loud', 'must be debug, info, warn or error'],
    ['agents.claude.command', '[claude]', 'must be text'],
    ['agents.claude.command', '" "', 'must name a program'],
    ['agents.claude.command', '"claude \'x"', "has a ' that is not closed"],
    ['agents.claude.max_instances', '"2"', 'must be a whole number'],
    ['agents.claude.max_instances', '1.5', 'must be a whole number'],
    ['agents.claude.max_instances', '-1', 'must be at least 0'],
    ['agents.claude.max_instances', '1000', 'must be at most 256'],
    ['agents.claude.timeout_seconds', '0', 'must be above 0'],
    ['agents.claude.timeout_seconds', '.inf', 'must be at most 2147483'],
    ['agents.claude.max_output_mb', '0', 'must be above 0'],
    ['agents.claude.max_output_mb', '1 GB', 'must be a number'],
    ['agents.claude.retry_on_failure', 'yes', 'must be true or false'],
    ['agents.claude.env', 'FOO', 'must be a group of `NAME: value`'],
    ['agents.claude.env', '{ "a-b": 1 }', 'must have names of letters, digits and `_`'],
    [
      'agents.claude.env',
      '{ ORCHESTRATE_RUN: 1 }',
      'must not set names that begin with ORCHESTRATE_',
    ],
    ['agents.claude.env', '{ A: [1] }', 'must be text'],
    ['agents.claude.env', '{ A: }', 'must be text'],
    ['agents.claude.inherit_env', 'none', 'must be all or minimal'],
    ['agents.claude.billing', 'free', 'must be api or subscription'],
    ['task_queue.timeout_minutes', '99999999', 'must be at most 35791'],
    ['task_queue.default_timeout_minutes', '0', 'must be above 0'],
    ['task_queue.max_retries', '1.5', 'must be a whole number'],
    ['task_queue.retry_delay_seconds', '-1', 'must not be negative'],
    ['task_queue.max_size', '0', 'must be at least 1'],
    ['task_queue.default_priority', 'urgent', 'must be high, normal or low (or 0, 1, 2)'],
    ['task_queue.default_priority', '3', 'must be high, normal or low (or 0, 1, 2)'],
    ['task_queue.settle_ms', '-1', 'must be at least 0'],
    ['task_queue.on_interrupt', 'kill', 'must be retry or hold'],
    ['context.update_on_completion', '1', 'must be true or false'],
    ['monitoring.enable_metrics', '"true"', 'must be true or false'],
    ['monitoring.metrics_port', '70000', 'must be at most 65535'],
    ['monitoring.health_check_interval', '30 s', 'must be a number'],
    ['performance.max_memory_mb', '4 GB', 'must be a number'],
    ['performance.max_cpu_percent', '0', 'must be above 0'],
    ['performance.max_disk_io_mbps', '-1', 'must be above 0'],
    ['task_queue.max_size', '', 'has no value: give one or remove the line'],
  ]
  it.each(leaf)('%s: %s', (path, value, expected) => {
    const keys = path.split('.')
    const text = keys.map((key, depth) => `${'  '.repeat(depth)}${key}:`).join('\n')
    const said = refusal(`# a comment\n${text} ${value}\n`)
    expect(said).toContain(`config.yaml:${keys.length + 1}:`)
    expect(said).toContain(`\`${path}\` ${expected}`)
    expect(said.split('\n')).toHaveLength(1)
  })

  it('lists all problems at once, in the order of the file', () => {
    const said = refusal(
      'agents:\n  claude: { nope: 1, max_instances: x }\ntask_queue: { max_size: 0 }\nwat: 1\n',
    )
    expect(said.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'config.yaml:2:13:',
      'config.yaml:2:37:',
      'config.yaml:3:25:',
      'config.yaml:4:1:',
    ])
  })
})

describe('two spellings of one setting', () => {
  it.each<[string, string, string]>([
    ['orchestrator: { database: a.db }', 'task_queue: { database: b.db }', 'orchestrator.database'],
    ['orchestrator: { context_dir: a }', 'context: { directory: b }', 'orchestrator.context_dir'],
    [
      'task_queue:\n  timeout_minutes: 1',
      '  default_timeout_minutes: 2',
      'task_queue.timeout_minutes',
    ],
  ])('%s / %s are refused when they differ', (one, other, name) => {
    const said = refusal(`${one}\n${other}\n`)
    const [first, second] = one.includes('\n') ? [2, 3] : [1, 2]
    expect(said).toContain(`config.yaml:${second}:`)
    expect(said).toContain(`\`${name}\` (line ${first}) are one setting with two values`)
  })
  it('are fine when they mean the same', () => {
    const text = 'orchestrator: { database: ./a.db }\ntask_queue: { database: a.db }\n'
    expect(parse(text).settings.database).toBe('/w/a.db')
  })
})

describe('secrets', () => {
  it.each([
    'agents: { claude: { env: { TOKEN: [s3cret] } } }',
    'agents: { claude: { env: s3cret } }',
    'agents: { claude: { env: { TOKEN: "s3cret\\0" } } }',
    'agents: { claude: { env: { s3cret-1 } } }',
    'agents:\n  claude:\n    env:\n      s3cret: 1\n      s3cret: 2\n',
    'agents:\n  claude:\n    env:\n      TOKEN: "s3cret\n',
    'agents:\n  claude:\n    env:\n      TOKEN: |s3cret\n',
    'agents:\n  claude:\n    env:\n      TOKEN: *s3cret\n',
    'agents:\n  claude:\n    env:\n      TOKEN: !s3cret x\n',
    'agents:\n  claude:\n    env:\n      TOKEN: &s3cret x\n',
    'agents:\n  claude:\n    env:\n      TOKEN: @s3cret\n',
    'agents:\n  claude:\n    env:\n    TOKEN: s3cret\n',
    'agents:\n  claude:\n    env:\n      TOKEN: a: s3cret\n',
    'agents:\n  claude:\n    env:\n      TOKEN: "a" s3cret\n',
    'agents:\n  claude:\n    env:\n      TOKEN: a\n     s3cret\n',
  ])('%j is refused without showing it', (text) => {
    expect(refusal(text)).not.toContain('s3cret')
  })
})

it('a large file is read in one pass', () => {
  const names = (length: number) => Array.from({ length }, (_, n) => `N${n}: v`).join(', ')
  const start = performance.now()
  const { agents } = parse(`agents: { claude: { env: { ${names(1000)} } } }`).settings
  expect(Object.keys(agents.claude?.env ?? {})).toHaveLength(1000)
  expect(() => parse(`agents: { claude: { env: { ${names(22_000)} } } }`)).toThrow(/10000 pieces/)
  expect(performance.now() - start).toBeLessThan(5000) // quadratic: over 10 s
})
