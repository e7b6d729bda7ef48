// The built-in `shell`: a task's description is a script, run with `sh`. No AI, no vendor.
// Promises: it stops at its first failing line (`-e`), as make and CI do, so a run is not called done that is not.
import type { AgentKind } from '../types.ts'
import { environment } from './environment.ts'
import { explainExit } from './explain.ts'
import { plainReader } from './plain.ts'

export const shell: AgentKind = {
  name: 'shell',
  hasEndEvent: false,
  stdin: 'none',
  takeOver: () => null,
  argv: (_command, run) => ['sh', '-e', run.promptFile],
  env: (inherited, settings) => environment(inherited, settings),
  reader: plainReader,
  readable: (line) => line,
  // 126 and 127 are a line of the script, and that line has said so on stderr.
  explain: (exit, stderrTail) =>
    explainExit('shell', exit === 126 || exit === 127 ? 1 : exit, stderrTail),
}
