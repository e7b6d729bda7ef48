// The figures of a soak, as a table and as JSON.
const KINDS = [
  ...['kill -9 of the orchestrator', 'kill -9 in a start', 'two starts at once'],
  ...['SIGSTOP of the orchestrator', 'stop --detach', 'stop --now', 'stop', 'starts'],
  ...['kill -9 of a shim', 'kill -9 of an agent', 'tasks.db removed', 'socket removed'],
  ...[
    'disk full',
    'git checkout',
    'git checkout refused',
    'edited',
    'cancelled by mv',
    'removed',
    'retried by mv',
  ],
  ...['queued again by mv', 'marked done by mv', 'cancel typed', 'retry typed', 'put away'],
  ...['second file removed', 'add without an answer'],
]

export function table(figures) {
  const { counts, tasks, processes, violations } = figures
  const of = (...kinds) => violations.filter(({ kind }) => kinds.includes(kind)).length
  const rows = [
    ['minutes', figures.minutes],
    ['seed', figures.seed],
    ['tasks given', tasks.given],
    ['completed', tasks.completed],
    ['failed', tasks.failed],
    ['cancelled', tasks.cancelled],
    ['removed by hand', tasks.removed],
    ['waiting for what failed, or held', tasks.waiting],
    ['runs', tasks.runs],
    ['of these a second attempt or more', tasks.again],
    ...KINDS.map((kind) => [`  ${kind}`, counts[kind] ?? 0]),
    ['lost', of('lost')],
    ['repeated', of('one attempt ran twice', 'a success was repeated')],
    ['left running', of('left running')],
    ['in two places', of('not in one place')],
    ['bytes changed', of('bytes changed')],
    ['violations in all', violations.length],
    ['peak memory, MB', processes.peak.rss.toFixed(1)],
    ['memory first / last, MB', ends(processes.samples, 'rss')],
    [
      'descriptors first / last / most',
      `${ends(processes.samples, 'descriptors')} / ${processes.peak.descriptors}`,
    ],
    ['log at its largest, KB', Math.round(processes.peak.log / 1024)],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

const ends = (samples, key) =>
  samples.length
    ? `${samples[0][key].toFixed(key === 'rss' ? 1 : 0)} / ${samples.at(-1)[key].toFixed(key === 'rss' ? 1 : 0)}`
    : 'not measured'
