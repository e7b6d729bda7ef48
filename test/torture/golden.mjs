// The golden run: the scenario without a fault, and the list of all its points in their order. Promises: it holds by itself; every
// point is one { label, of, k } that another run reaches, too, as far as chance lets it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check } from './check.mjs'
import { close, makeWorld, orchestrate } from './world.mjs'

/** What only this process's own pace decides: nothing is to be learned from a kill there. */
const DULL = /^append orchestrate\.log/

const known = new Map()
/** Once for each scenario. @param options of makeWorld. */
export function golden(options) {
  const key = Object.keys(options?.tasks ?? {}).join()
  if (!known.has(key)) known.set(key, run(options))
  return known.get(key)
}

async function run(options) {
  const world = makeWorld(options)
  try {
    const file = join(world.top, 'points')
    const end = await orchestrate(world, { points: file })
    const violations = await check(world)
    if (violations.length)
      throw new Error(
        `the golden run does not hold (${end.code}): ${JSON.stringify(violations, null, 1)}\n${end.stderr}`,
      )
    return pointsOf(readFileSync(file, 'utf8'))
  } finally {
    close(world)
  }
}

function pointsOf(text) {
  const counts = new Map()
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const k = (counts.get(line) ?? 0) + 1
      counts.set(line, k)
      const [label = '', of = ''] = line.split('\t')
      return { label, of, k }
    })
    .filter(({ label }) => !DULL.test(label))
}

export const nameOf = ({ label, of, k }) => `${label}${of && ` (${of})`}${k > 1 ? ` #${k}` : ''}`

/** One point for each name: the task and the time by chance. */
export function byLabel(points, random) {
  const groups = new Map()
  for (const point of points) groups.set(point.label, [...(groups.get(point.label) ?? []), point])
  return [...groups.values()].map((group) => random.pick(group))
}
