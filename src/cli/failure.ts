// The last words of a command that did not go well. Promises: an expected failure is one sentence and what to do
// next, without a stack; anything else is called a bug, with the stack.
import { inWords } from '../files/system-errors.ts'
import { OrchestrateError } from '../types.ts'
import type { World } from './act.ts'
import { clean } from './output.ts'

/** Says it on stderr; returns the exit code. */
export function explain(error: unknown, { talk }: World): number {
  const say = (text: string) => talk.line(`${talk.paint.red('orchestrate:')} ${clean(text)}`)
  if (error instanceof OrchestrateError) {
    say(error.message)
    if (error.hint) talk.line(`  ${clean(error.hint)}`)
    return 1
  }
  const words = inWords(error)
  if (words) {
    say(words)
    return 1
  }
  say('this is a bug in orchestrate, not a mistake of yours; please report it with the lines below')
  talk.line(clean(error instanceof Error ? (error.stack ?? error.message) : String(error)))
  return 1
}
