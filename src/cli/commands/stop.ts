// `orchestrate stop`: asks the running orchestrator to stop, and returns when it is gone. Promises: says what it waits
// for; a second Ctrl-C here changes nothing there.
import { OrchestrateError } from '../../types.ts'
import { type Act, located } from '../act.ts'
import { count, duration, oneLine } from '../output.ts'
import { statusOf } from '../picture.ts'
import { asked, gone, owner } from '../running.ts'

export const act: Act = async (call, world) => {
  const { talk } = world
  const at = located(call, world)
  if (call.has('now') && call.has('detach')) {
    throw new OrchestrateError('USAGE', '`--now` and `--detach` exclude each other', 'choose one')
  }
  const how = call.has('now') ? 'now' : call.has('detach') ? 'detach' : 'wait'
  const before = await statusOf(at)
  const pid = before.pid ?? (await owner(at))
  if (pid === null) {
    talk.line('orchestrate is not running')
    return 0
  }
  const { active } = before
  if (how === 'wait' && active.length > 0) {
    talk.line(
      `waiting for ${count(active.length, 'running agent')}; \`orchestrate stop --now\` interrupts them:`,
    )
    for (const { id, agent_id, started_at } of active) {
      talk.line(
        `  ${oneLine(id)}  ${agent_id ?? ''}  ${started_at ? duration(Date.now() - Date.parse(started_at)) : ''}`,
      )
    }
  }
  // It may be too busy or too broken to answer; a signal says the same.
  const asking = asked<{ active: string[] }>(at, 'POST', '/stop', { how })
  const answered = await asking.catch(() => null)
  if (answered === null) {
    if (how === 'detach')
      throw new OrchestrateError(
        'NO_ANSWER',
        `orchestrate (pid ${pid}) does not answer`,
        '`orchestrate stop` without `--detach` sends it a signal',
      )
    process.kill(pid, 'SIGTERM')
    if (how === 'now') process.kill(pid, 'SIGINT')
  }
  await gone(pid)
  const left = how === 'detach' ? (answered?.active.length ?? 0) : 0
  talk.line(
    left > 0
      ? `stopped; ${count(left, 'agent')} left running: \`orchestrate start\` takes over`
      : 'stopped',
  )
  return 0
}
