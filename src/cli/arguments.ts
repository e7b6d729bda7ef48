// From raw words to one call: which command, its options, its words. Promises: a value stays the text that was
// typed (sade makes `007` the number 7), and what is not known is refused with the nearest name.
import { OrchestrateError } from '../types.ts'
import { COMMANDS, COMMON, type Command, type Option } from './table.ts'
import { type Token, tokens } from './words.ts'

export interface Call {
  /** Absent when only `--help` or `--version` was typed, or nothing. */
  command: Command | null
  words: string[]
  /** The last value of an option. */
  text(name: string): string | undefined
  /** All values of an option that may be repeated. */
  texts(name: string): string[]
  has(name: string): boolean
}

/** @param argv what follows the program's name. Throws OrchestrateError `USAGE`. */
export async function readCall(argv: string[]): Promise<Call> {
  // One name means one option in the whole program, so that the command may stand behind options.
  const read = tokens(argv, [...COMMON, ...COMMANDS.flatMap((command) => command.options)])
  const words = read.flatMap((token) => (token.kind === 'word' ? token.text : []))
  const asksHelp = words[0] === 'help'
  const wanted = words[asksHelp ? 1 : 0] ?? null
  const command = COMMANDS.find(({ name }) => name === wanted) ?? null
  if (wanted !== null && !command) throw await unknownCommand(wanted)
  const values = new Map<string, string[]>(asksHelp ? [['help', ['']]] : [])
  for (const token of read) {
    if (token.kind === 'word') continue
    const option = await known(token, command)
    values.set(option.name, [...(values.get(option.name) ?? []), valued(token, option)])
  }
  const call: Call = {
    command,
    words: words.slice(1),
    text: (name) => values.get(name)?.at(-1),
    texts: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
  }
  if (command && !call.has('help') && !call.has('version')) checkWords(command, call.words)
  return call
}

type Given = Token & { kind: 'option' }

async function known({ raw, option }: Given, command: Command | null): Promise<Option> {
  const here = [...COMMON, ...(command?.options ?? [])]
  const own = option && here.find(({ name }) => name === option.name)
  if (own) return own
  const where = command ? `\`orchestrate ${command.name}\`` : '`orchestrate`'
  throw usage(`${where} has no option \`${raw}\``, await meant(raw, option, here, command))
}

async function meant(raw: string, option: Option | null, here: Option[], command: Command | null) {
  const owners = COMMANDS.filter(({ options }) => options.some(({ name }) => name === option?.name))
  const [owner] = owners
  if (owner) return `it belongs to \`orchestrate ${owner.name}\``
  const { nearest } = await import('../files/nearest.ts')
  const names = here.filter(({ hidden }) => !hidden).map(({ name }) => name)
  const near = raw.startsWith('--') ? nearest(raw.slice(2), names) : undefined
  return near ? `did you mean \`--${near}\`?` : help(command)
}

function valued({ raw, value, apart }: Given, option: Option): string {
  if (!option.value) {
    if (value !== null) throw usage(`\`${raw}\` takes no value`)
    return ''
  }
  if (value === null || value === '') throw usage(`\`${raw}\` needs a value: ${option.value}`)
  if (apart && /^-./.test(value)) {
    const hint = `if \`${value}\` is meant, write \`--${option.name}=${value}\``
    throw usage(`\`${raw}\` needs a value: ${option.value}`, hint)
  }
  return value
}

function checkWords(command: Command, words: string[]): void {
  const { min = 0, max = 0, words: names = '' } = command
  if (words.length < min)
    throw usage(`\`orchestrate ${command.name}\` needs ${names}`, help(command))
  if (words.length <= max) return
  const surplus = `\`${words[max]}\` is one word too many for \`orchestrate ${command.name}\``
  throw usage(surplus, command.quote ?? help(command))
}

async function unknownCommand(wanted: string): Promise<OrchestrateError> {
  const { nearest } = await import('../files/nearest.ts')
  const near = nearest(
    wanted,
    COMMANDS.map(({ name }) => name),
  )
  const hint = near ? `did you mean \`${near}\`?` : help(null)
  return usage(`there is no command \`${wanted}\``, hint)
}

const help = (command: Command | null) =>
  command ? `see \`orchestrate ${command.name} --help\`` : 'see `orchestrate --help`'

const usage = (message: string, hint?: string) => new OrchestrateError('USAGE', message, hint)
