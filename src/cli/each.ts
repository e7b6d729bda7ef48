// One operation on several ids. Promises: one refusal does not keep the others from being done.
import { OrchestrateError } from '../types.ts'
import { type Act, located } from './act.ts'
import { explain } from './failure.ts'
import { clean } from './output.ts'
import { asked } from './running.ts'

export function each(operation: 'retry' | 'cancel'): Act {
  return async (call, world) => {
    const at = located(call, world)
    const feedback = call.text('feedback')
    let worst = 0
    for (const id of new Set(call.words)) {
      try {
        const route = `/tasks/${encodeURIComponent(id)}/${operation}`
        const answer = await asked<{ message: string }>(at, 'POST', route, feedback && { feedback })
        const stopped = () => import('./stopped-changes.ts')
        world.talk.line(
          clean(answer?.message ?? (await (await stopped())[operation](at, id, feedback))),
        )
      } catch (error) {
        if (!(error instanceof OrchestrateError)) throw error
        worst = explain(error, world)
      }
    }
    return worst
  }
}
