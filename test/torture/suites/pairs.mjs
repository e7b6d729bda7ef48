// A crash, and a crash in the look that follows it: all pairs of steps, in a scenario of two tasks. What is killed second is found
// by name, so a step that the recovery does not take is told as not reached.
import { faulted } from '../case.mjs'
import { byLabel, golden, nameOf } from '../golden.mjs'
import { pairTasks } from '../world.mjs'

/** Steps of ours; write-file-atomic's own are the points suite's. */
export const STEP =
  /^(?!.*temporary|chmod|copyFile|mkdir (pending|assigned|completed|failed|drafts|runs|schema|agent_outputs|\.orchestrate)$|open|rmdir lock|unlink lock)/

export async function pairs({ level, random, keep }) {
  const options = { tasks: pairTasks }
  const steps = (await golden(options)).filter(({ label }) => STEP.test(label))
  const firsts = byLabel(steps, random)
  const all = firsts.flatMap((first) =>
    byLabel(steps, random).map((second) => [first, { ...second, k: 1 }]),
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
