// Help and version, drawn by sade from the one table. Promises: data for who asked for it (stdout, exit 0), talk for
// who did not know better (stderr, exit 1).
import { readFileSync } from 'node:fs'
import sade from 'sade'
import type { World } from './act.ts'
import type { Call } from './arguments.ts'
import { COMMANDS, COMMON, type Option } from './table.ts'

const EXITS = `
  Exit codes
    0    fine
    1    a wrong command line, or something that could not be done
    2    a task that was asked about has failed (run, show, logs)
    130  interrupted
`

export function showHelp(call: Call, { out, talk }: World): number {
  if (call.has('version')) {
    out.line(version())
    return 0
  }
  const text = drawn(call.command?.name)
  if (call.has('help')) out.write(text)
  else talk.write(text)
  return call.has('help') ? 0 : 1
}

export function version(): string {
  const about = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(about) as { version: string }).version
}

/** sade prints with console.log only; its text is caught there. */
function drawn(name: string | undefined): string {
  const program = sade('orchestrate')
  const flag = (option: Option) => `${option.short ? `-${option.short}, ` : ''}--${option.name}`
  const about = (option: Option) => `${option.value ? `${option.value}  ` : ''}${option.about}`
  for (const option of COMMON.filter(({ name }) => name === 'directory')) {
    program.option(flag(option), about(option))
  }
  for (const command of COMMANDS) {
    const words = command.words
      ? ` ${command.min ? `<${command.words}>` : `[${command.words}]`}`
      : ''
    program.command(command.name + words).describe([command.about])
    for (const option of command.options.filter(({ hidden }) => !hidden)) {
      program.option(flag(option), about(option))
    }
    if (command.example) program.example(command.example.replace(/^orchestrate /, ''))
  }
  const lines: string[] = []
  const { log } = console
  console.log = (text: string) => void lines.push(text)
  try {
    program.help(name)
  } finally {
    console.log = log
  }
  return `${lines.join('\n').trimEnd()}\n${EXITS}`
}
