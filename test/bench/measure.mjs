// How things are timed. Promises: alternating turns, so that a noisy moment meets all that is compared; medians.
import { spawn } from 'node:child_process'

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const [low = 0, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at % 1)
}
const median = (values) => quantile(values, 0.5)

/** The three figures of a row: `quiet` (the quickest tenth) is what a busy machine spoils least. */
export const figures = (values) => ({
  quiet: quantile(values, 0.1),
  median: median(values),
  p95: quantile(values, 0.95),
})

/** The figures of a quotient: of the same quantile of both. */
export const ratios = (own, its) =>
  Object.fromEntries(Object.keys(own).map((key) => [key, own[key] / its[key]]))

/** Milliseconds of one call; of a part of it, where it returns that. */
export async function timed(act) {
  const from = performance.now()
  const part = await act()
  return typeof part === 'number' ? part : performance.now() - from
}

/** Each act in turn, `rounds` times, after one round that is not counted: times by name. */
export async function alternate(acts, rounds) {
  const times = Object.fromEntries(Object.keys(acts).map((name) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, act] of Object.entries(acts)) {
      const ms = await timed(act)
      if (round >= 0) times[name].push(ms)
    }
  }
  return times
}

/** A whole process, from spawn to the end of its output, as a script that captures it would wait. Throws when it fails. */
export function wholeProcess(args, cwd, { program = process.execPath, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.resume()
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    child.once('error', reject).once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${args.join(' ')} exited with ${code}: ${said}`))
    })
  })
}

/** Waits until `condition` holds, looking every `every` ms. */
export async function settled(what, condition, { ms = 60_000, every = 10 } = {}) {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await sleep(every)
  }
}
