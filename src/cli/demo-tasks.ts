// The story that `demo` tells: six task files. Pure text. Promises: shows a chain, work side by side, a failure
// that is tried again, shared context, and a step without any agent; under a minute.

/** The simulated agent speaks as claude does; what it is told by `SIM:` only it understands. */
export const config = (command: string): string => `agents:
  claude:
    command: ${JSON.stringify(command)}
    max_instances: 2
    env: { IS_SANDBOX: "1" }   # it is no real agent, and may be run as root
  shell:
    max_instances: 1
task_queue:
  retry_delay_seconds: 2
`

export const OVERVIEW = `## Project: A very small web shop

Two parts, an API and a page; nothing is installed, nothing is real.
`

export interface Step {
  name: string
  why: string
  text: string
}

const agent = (description: string, ...more: string[]) =>
  `${['description: |', ...description.split('\n').map((line) => `  ${line}`), ...more].join('\n')}\n`

export const STEPS: Step[] = [
  {
    name: 'plan',
    why: 'comes first: the others depend on it',
    text: agent('Read the project overview and create plan.md', 'priority: high'),
  },
  {
    name: 'api',
    why: 'waits for plan',
    text: agent('Create api.js as planned\nSIM:sleep 3', 'dependencies: [plan]'),
  },
  {
    name: 'page',
    why: 'waits for plan, then runs beside api',
    text: agent('Create page.js as planned\nSIM:sleep 3', 'dependencies: [plan]'),
  },
  {
    name: 'styles',
    why: 'fails at its first attempt and is tried again',
    text: agent('Create styles.css\nSIM:fail-once'),
  },
  {
    name: 'check',
    why: 'a shell script, no agent: waits for api and page',
    text: agent(
      'wc -l plan.md api.js page.js\necho "All three files are there."',
      'preferred_agent: shell',
      'dependencies: [api, page]',
    ),
  },
  {
    name: 'report',
    why: 'reads what the others left in context/',
    text: agent('Read the current state and create report.md', 'dependencies: [check, styles]'),
  },
]
