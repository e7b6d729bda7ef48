// Damage that the soak does behind its own back, to show that it sees it: a task lost, a byte changed, a run twice, a
// process left behind. Promises: each is done once.
import { spawn } from 'node:child_process'
import { appendFileSync, readFileSync, rmSync } from 'node:fs'
import { sleep } from './command.mjs'

export async function sabotage({ world, book, until }) {
  const settled = (n) =>
    [...book.tasks.values()].filter(
      (task) =>
        !task.touches.length && !task.git && !task.busy && book.places(task)[0] === 'completed',
    )[n]
  while (!until() && !settled(1)) await sleep(200)
  const [lost, changed] = [settled(0), settled(1)]
  if (!changed) return
  rmSync(book.path(lost, 'completed'))
  appendFileSync(book.path(changed, 'completed'), '# a stranger was here\n')
  const line = readFileSync(world.ledger, 'utf8')
    .split('\n')
    .find((one) => / start /.test(one))
  appendFileSync(world.ledger, `${line}\n`)
  const env = { ...process.env, ORCHESTRATE_WORKSPACE: world.root }
  spawn('sleep', ['600'], { env, detached: true, stdio: 'ignore' }).unref()
}
