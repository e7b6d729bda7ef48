// Any other command as an agent: the prompt on stdin, or in a file that an argument names by `{prompt_file}`.
// Promises: only exit 0 is success; nothing of the task reaches an argument but the path of the prompt file.
import type { AgentKind, AgentSettings } from '../types.ts'
import { environment } from './environment.ts'
import { explainExit } from './explain.ts'
import { plainReader } from './plain.ts'

const PLACE = '{prompt_file}'

export const custom = (name: string, settings: AgentSettings): AgentKind => ({
  name,
  hasEndEvent: false,
  // Never both: a CLI that reads the file may take stdin for its user's answers, or for a second prompt.
  stdin: settings.command.some((word) => word.includes(PLACE)) ? 'none' : 'prompt',
  argv: (command, run) => command.map((word) => word.replaceAll(PLACE, () => run.promptFile)),
  takeOver: () => null,
  env: (inherited, own) => environment(inherited, own),
  reader: plainReader,
  readable: (line) => line,
  explain: (exit, stderrTail) => explainExit(name, exit, stderrTail),
})
