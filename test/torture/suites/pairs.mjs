// A crash, and a crash in the look that follows it: all pairs of steps, in a scenario of two tasks. What is killed second is found
// by name, so a step that the recovery does not take is told as not reached.
import { faulted } from '../case.mjs'
import { byLabel, golden, nameOf } from '../golden.mjs'
import { pairTasks } from '../scenario.mjs'

/** Steps of ours; write-file-atomic's own are the points suite's. */
export const STEP =
  /^(?!.*temporary|chmod|copyFile|mkdir (pending|assigned|completed|failed|drafts|runs|schema|agent_outputs|\.orchestrate)$|open|rmdir lock|unlink lock)/

/** What each start and each end does, whatever was done before. */
const ALWAYS = /lock|tasks\.db/

/** A recovery takes up where the crash was: what was done before it is not done again. */
const later = (steps, first) => {
  const from = steps.indexOf(first)
  return ({ label, of }) =>
    ALWAYS.test(label) || steps.findLastIndex((one) => one.label === label && one.of === of) >= from
}

export async function pairs({ level, random, keep }) {
  const options = { tasks: pairTasks }
  const steps = (await golden(options)).filter(({ label }) => STEP.test(label))
  const firsts = byLabel(steps, random)
  const all = firsts.flatMap((first) =>
    byLabel(steps.filter(later(steps, first)), random).map((second) => [
      first,
      { ...second, k: 1 },
    ]),
  )
  const some = { full: all.length, minutes: 60, short: 4 }[level]
  return random.some(all, some).map((pair) => ({
    fault: '`kill -9`, and another in the recovery',
    name: `kill at ${nameOf(pair[0])}, then at ${nameOf(pair[1])}`,
    async run() {
      const faults = pair.map((point) => ({ ...point, act: 'kill' }))
      const { violations, hits } = await faulted(faults, { world: options, keep })
      return { violations, reached: hits === 2 }
    },
  }))
}
