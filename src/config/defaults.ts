// What holds when config.yaml says nothing (DESIGN 6). Plain data without imports: `add` reads it too.
// Promises: every default of the program is on this page, in the units of the file.

/** The agent types that need no `command`. */
export const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  claude: ['claude'],
  codex: ['codex', 'exec'],
  gemini: ['gemini'],
  cursor: ['cursor-agent'],
  opencode: ['opencode', 'run'],
  shell: [],
}

export const DEFAULTS = {
  database: './tasks.db',
  context_dir: './context',
  log_level: 'info',
  max_instances: 2,
  shell_instances: 1,
  /**
   * The longest transcripts of real agents are a few MB; 100 is a program that prints in a loop. A dozen of such runs, kept
   * for a person to look at, still fill no disk.
   */
  max_output_mb: 100,
  /** How long a CLI with events may be silent: before the first one, between two, and during one tool call. */
  start_timeout_seconds: 120,
  idle_timeout_seconds: 1200,
  tool_timeout_seconds: 7200,
  on_limit: 'wait',
  timeout_minutes: 30,
  max_retries: 3,
  retry_delay_seconds: 60,
  max_size: 1000,
  default_priority: 'normal',
  settle_ms: 250,
  selection: 'least-loaded',
  on_interrupt: 'retry',
  update_on_completion: true,
  enable_metrics: false,
  metrics_port: 9090,
  health_check_interval: 30,
} as const

/** Slots of one type; each is a process with hundreds of megabytes. */
export const MOST_INSTANCES = 256
