// What happened, said once: to the index as an event, to the log as a line.
import type { EventView, Log, Settings, Show } from '../types.ts'

export function createTell(show: Show, log: Log) {
  const told = new Map<string, string>()
  const event = (
    kind: EventView['kind'],
    text: string,
    taskId: string | null = null,
    agentId: string | null = null,
    level: Settings['logLevel'] = 'info',
  ): void => {
    show.event({ at: Date.now(), kind, taskId, agentId, text })
    log(level, taskId ? `${taskId}: ${text}` : text)
  }
  return {
    event,
    /** A warning, once for each subject and text; null: all is well again. */
    tell(about: string, kind: EventView['kind'], text: string | null): void {
      if (text && told.get(about) !== text) event(kind, text, null, null, 'warn')
      if (text) told.set(about, text)
      else told.delete(about)
    },
  }
}
