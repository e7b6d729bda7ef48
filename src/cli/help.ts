// Help and version, drawn by sade from the one table. Promises: on stdout; exit 0 for who asked for it, 1 for who
// typed nothing.
import sade from 'sade'
import type { World } from './act.ts'
import type { Call } from './arguments.ts'
import { version } from './package.ts'
import { COMMANDS, COMMON, type Option } from './table.ts'

const EXITS = `  Exit codes
    0    fine
    1    a wrong command line, or something that could not be done
    2    a task that was asked about has failed (run, show, logs); something does not hold (verify)
    130  interrupted
`

export function showHelp(call: Call, { out }: World): number {
  if (call.has('version')) {
    out.line(version())
    return 0
  }
  program().help(call.command?.name)
  out.write(EXITS)
  return call.has('help') ? 0 : 1
}

function program(): ReturnType<typeof sade> {
  const drawn = sade('orchestrate')
  const flag = (option: Option) => `${option.short ? `-${option.short}, ` : ''}--${option.name}`
  const about = (option: Option) => `${option.value ? `${option.value}  ` : ''}${option.about}`
  for (const option of COMMON.filter(({ name }) => name === 'directory')) {
    drawn.option(flag(option), about(option))
  }
  for (const command of COMMANDS) {
    const words = command.words
      ? ` ${command.min ? `<${command.words}>` : `[${command.words}]`}`
      : ''
    drawn.command(command.name + words).describe([command.about])
    for (const option of command.options.filter(({ hidden }) => !hidden)) {
      drawn.option(flag(option), about(option))
    }
    if (command.example) drawn.example(command.example.replace(/^orchestrate /, ''))
  }
  return drawn
}
