// Claude's result event (AGENTS 2.1): why it failed, what was refused, what it used.
// Promises: one sentence, one note, one number; whatever the event holds.
import * as event from './events.ts'

/** An exit 0 whose text claims a file that was never allowed to be written is known to happen. */
export const refusal = (calls: event.Json[]): string => {
  const tools = [...new Set(calls.slice(0, 20).map((one) => event.word(one.tool_name)))]
  return `(claude was refused ${calls.length} tool call${calls.length > 1 ? 's' : ''}: ${tools.join(', ')})`
}

/** Why it failed. Errors, too, may say `subtype: "success"`. */
export function reason(result: event.Json): string {
  if (result.terminal_reason === 'aborted_tools') return 'interrupted while a tool ran'
  const errors = Array.isArray(result.errors) ? result.errors.map(event.string).join('; ') : ''
  return event.sentence(
    event.string(result.result) || errors || event.string(result.subtype) || 'claude said no more',
  )
}

/** All models together (subagents run on others); the plain usage leaves the last turn out when a limit ended the run. */
export function tokens(result: event.Json): number {
  const models = Object.values(event.object(result.modelUsage)).map(event.object)
  const all = models.map((one) =>
    event.sum(
      one,
      'inputTokens',
      'outputTokens',
      'cacheReadInputTokens',
      'cacheCreationInputTokens',
    ),
  )
  const total = all.reduce((one, other) => one + other, 0)
  if (total > 0) return total
  return event.sum(
    event.object(result.usage),
    'input_tokens',
    'output_tokens',
    'cache_read_input_tokens',
    'cache_creation_input_tokens',
  )
}
