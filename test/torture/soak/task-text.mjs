// What the tasks of the soak say. Promises: the last line of each is its revision, so that a half written file has none;
// an edit is the same text with the next revision.
import { createHash } from 'node:crypto'

export const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** What a shell agent does between its start and its stop: lines of its script, and keys of the task. */
const KINDS = {
  quick: (dice) => ({ lines: [`soak sleep ${dice.between(0.05, 0.6).toFixed(2)}`] }),
  slow: (dice) => ({ lines: [`soak sleep ${dice.between(0.6, 3).toFixed(2)}`] }),
  printer: (dice) => ({ lines: [`soak print ${dice.whole(1000, 1_000_000)}`] }),
  oneLine: (dice) => ({ lines: [`soak line ${dice.whole(1000, 1_000_000)}`] }),
  flaky: (dice) => ({
    lines: ['soak sleep 0.1', `soak fail ${dice.whole(1, 2)}`],
    keys: ['max_retries: 3'],
  }),
  failing: () => ({ lines: ['soak fail 1000'], keys: ['max_retries: 1'] }),
  hanging: () => ({ lines: ['soak hang'], keys: ['timeout_minutes: 0.04', 'max_retries: 0'] }),
  /** Does not hear an interrupt: it takes 30 s of grace until it is killed. */
  deaf: () => ({
    lines: ['soak deaf', 'soak hang'],
    keys: ['timeout_minutes: 0.02', 'max_retries: 0'],
  }),
  forker: () => ({ lines: ['soak fork', 'soak sleep 0.2'] }),
  holder: () => ({ lines: ['soak hold', 'soak sleep 0.2'] }),
  bare: () => ({ lines: ['soak sleep 0.1', 'soak bare'] }),
}
const SHELL = { quick: 40, slow: 18, printer: 4, oneLine: 2, flaky: 6, failing: 4, hanging: 3 }
const MEAN = { deaf: 1, forker: 3, holder: 3, bare: 2 }

/** The same for the simulated agent: words in its prompt. */
const WORDS = {
  quick: () => 'SIM:sleep 0.1',
  slow: (dice) => `SIM:sleep ${dice.between(0.3, 2).toFixed(2)}`,
  flaky: () => 'SIM:fail-once',
  failing: () => 'SIM:fail',
  silent: () => 'SIM:no-result',
  hanging: () => 'SIM:hang',
  deaf: () => 'SIM:ignore-int SIM:hang',
  forker: () => 'SIM:setsid-child',
  lingering: () => 'SIM:linger',
}
const SIMULATED = { quick: 40, slow: 20, flaky: 6, failing: 3, silent: 2, hanging: 3, forker: 6 }

/** @param long whether agents that cost 10 to 30 s of grace may come. */
export function describe(dice, { long }) {
  if (dice.maybe(0.75)) {
    const kind = dice.pick({ ...SHELL, ...MEAN, ...(!long && { deaf: 0 }) })
    const { lines, keys = ['max_retries: 2'] } = KINDS[kind](dice)
    const script = ['. "$SOAK_AGENT"', 'soak start 1', ...lines, 'soak stop 1']
    return { kind, agent: 'shell', text: script.join('\n'), keys }
  }
  const kind = dice.pick({ ...SIMULATED, ...(long && { deaf: 1, lingering: 1 }) })
  const ends = kind === 'hanging' || kind === 'deaf'
  return {
    ...{ kind: `simulated ${kind}`, agent: 'claude' },
    text: `A task for the simulated agent.\n${WORDS[kind](dice)}\nREV 1 END`,
    keys: ends ? ['timeout_minutes: 0.04', 'max_retries: 0'] : ['max_retries: 2'],
  }
}

/** The whole file, as a person writes it. */
export function fileText({ id, agent, text, keys, priority, dependencies }) {
  const head = [
    `id: ${id}`,
    `preferred_agent: ${agent}`,
    ...keys,
    ...(priority ? [`priority: ${priority}`] : []),
    ...(dependencies.length ? [`dependencies: [${dependencies.join(', ')}]`] : []),
    'description: |',
  ]
  return `${head.join('\n')}\n${text.replace(/^/gm, '  ')}\n`
}

const REVISION = /(soak (?:start|stop) |\bREV )(\d+)/g
export const revisionOf = (text) => Number([...text.matchAll(REVISION)].at(-1)?.[2] ?? 0)
export const revised = (text, to) => text.replaceAll(REVISION, (_, word) => `${word}${to}`)
