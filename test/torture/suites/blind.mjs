// Nothing is aimed: `kill -9` at moments by chance, again and again, while four agents work on many tasks. Agents run on between two
// orchestrators and are taken up; at the end each task was done once.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { recovered } from '../case.mjs'
import { answers } from '../check.mjs'
import { chance } from '../random.mjs'
import { noted } from '../scenario.mjs'
import { close, makeWorld, orchestrate } from '../world.mjs'

/** ms; the last one does what is left of the work. */
const PATIENCE_MS = 600_000
/** ms from the start, or from when it holds the lock. */
const [EARLY, LATE] = [1500, 1500]
/** `seconds`: the longest task, so that the work lasts as long as the kills. */
const LEVEL = {
  full: { tasks: 100, seconds: 12, kills: 40, rounds: 8 },
  minutes: { tasks: 100, seconds: 12, kills: 40, rounds: 1 },
  short: { tasks: 12, seconds: 2, kills: 10, rounds: 1 },
}

export async function blind({ level, random, keep }) {
  const { rounds, ...plan } = LEVEL[level]
  return Array.from({ length: rounds }, (_, n) => {
    const seed = random.below(2 ** 31)
    return {
      fault: `\`kill -9\` at a moment by chance, ${plan.tasks} tasks, 4 agents`,
      name: `blind kills, round ${n + 1}`,
      whole: true,
      run: () => round(chance(seed), plan, keep),
    }
  })
}

async function round(random, plan, keep) {
  const world = makeWorld({ tasks: tasksOf(random, plan), acts: false, patienceMs: PATIENCE_MS })
  const violations = []
  let tries = 0
  try {
    for (let over = false; !over && tries < plan.kills; ) {
      const early = random.next() < 0.25
      const after = random.below(early ? EARLY : LATE)
      let from = early ? performance.now() : null
      const end = await orchestrate(world, {
        meanwhile(child) {
          if (from === null && holds(world, child.pid)) from = performance.now()
          if (from !== null && performance.now() - from > after) child.kill('SIGKILL')
        },
      })
      if (end.signal === 'SIGKILL' && !end.hung) tries++
      else over = true
      if (end.hung) violations.push({ kind: 'wrong', text: 'it hung' })
    }
    violations.push(...(await recovered(world)), ...(await answers(world)))
    return { violations, tries }
  } finally {
    close(world, { keep: keep && violations.length > 0 })
    if (keep && violations.length > 0) process.stderr.write(`kept: ${world.top}\n`)
  }
}

function holds(world, pid) {
  try {
    const owner = join(world.root, '.orchestrate/lock/owner.json')
    return existsSync(owner) && JSON.parse(readFileSync(owner, 'utf8')).pid === pid
  } catch {
    return false // it was just taken over
  }
}

/** Most for the shell, some for the simulated agent; some in a chain. Long enough that many kills fall into the work. */
function tasksOf(random, { tasks: many, seconds: longest }) {
  const tasks = {}
  for (let n = 0; n < many; n++) {
    const seconds = (random.next() * longest).toFixed(2)
    const after = n > 10 && random.next() < 0.2 ? `dependencies: [t${random.below(n)}]\n` : ''
    const text =
      random.next() < 0.8
        ? `description: ${noted(`sleep ${seconds}`)}\npreferred_agent: shell\n`
        : `description: Look around. SIM:sleep ${seconds}\npreferred_agent: claude\n`
    tasks[`t${n}`] = { text: text + after, end: 'completed', most: 1 }
  }
  return tasks
}
