// The config.yaml that `init` writes. Pure text.
// Promises: it parses as it is, changes no default, and shows every key once.
import { BUILT_IN, DEFAULTS as d } from './defaults.ts'

/** @param schemaRef path or address of config.schema.json; @param found agent types whose CLI is on PATH. */
export function configTemplate(schemaRef: string, found: string[]): string {
  const types = Object.keys(BUILT_IN).filter((type) => type !== 'shell')
  const agents = types.map((type) => {
    const mark = found.includes(type) ? '' : '# '
    return `${mark}  ${type}:\n${mark}    max_instances: ${d.max_instances}`
  })
  // Without a found one the whole section stays a comment, so that what is installed later is used.
  const any = types.some((type) => found.includes(type))
  return `# yaml-language-server: $schema=${schemaRef}
# The configuration of orchestrate. A line that begins with "# " shows a default; remove the mark to change it.

${any ? '' : '# '}agents:
${agents.join('\n')}
#   shell:
#     max_instances: ${d.shell_instances}      # 0 switches it off
#   my-agent:               # any other program: it gets the prompt on stdin
#     command: my-agent --file {prompt_file}
#     max_instances: ${d.max_instances}
#     timeout_seconds: 1800
#     start_timeout_seconds: ${d.start_timeout_seconds}    # until its first event; these three for CLIs with events
#     idle_timeout_seconds: ${d.idle_timeout_seconds}    # without an event, no tool at work
#     tool_timeout_seconds: ${d.tool_timeout_seconds}    # one tool call
#     on_limit: ${d.on_limit}        # or switch, fail
#     max_output_mb: ${d.max_output_mb}    # stdout and stderr of one run
#     retry_on_failure: true
#     env: { MY_MODE: fast }
#     inherit_env: all      # or minimal
#     billing: api          # or subscription

# task_queue:
#   timeout_minutes: ${d.timeout_minutes}
#   max_retries: ${d.max_retries}
#   retry_delay_seconds: ${d.retry_delay_seconds}
#   max_size: ${d.max_size}
#   default_priority: ${d.default_priority}
#   settle_ms: ${d.settle_ms}          # how long a dropped file must stand still
#   selection: ${d.selection}    # or learned: by how well each type did work of these labels
#   on_interrupt: ${d.on_interrupt}     # or hold

# budget:                   # by the agents' own reports; no limit by default
#   tokens_per_task: 500000
#   usd_per_task: 5
#   tokens_per_day: 20000000
#   usd_per_day: 100

# orchestrator:
#   mode: local
#   database: ${d.database}
#   context_dir: ${d.context_dir}
#   log_level: ${d.log_level}         # debug, info, warn, error

# context:
#   update_on_completion: ${d.update_on_completion}

# monitoring:
#   enable_metrics: ${d.enable_metrics}
#   metrics_port: ${d.metrics_port}
#   health_check_interval: ${d.health_check_interval}

# performance:              # all agents together; no limit by default
#   max_memory_mb: 8192
#   max_cpu_percent: 400    # 100 is one core
#   max_disk_io_mbps: 100
`
}
