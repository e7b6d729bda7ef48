// Is an agent's command there, and does it start? For `doctor`, for a machine without config.yaml, and for an agent at rest.
// Promises: looks and asks `--version`, never starts work; leaves no process behind; takes no longer than it was given.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import spawn from 'cross-spawn'
import { ROOT_REFUSED } from './claude.ts'
import { split } from './command.ts'
import { sentence } from './events.ts'
import { kinds } from './kinds.ts'

/** All that `--version` or `--help` may say. */
const MAX_OUTPUT = 256 * 1024
/** What the programs of all kinds are called. */
const names = (): string[] => Object.values(kinds).flatMap((kind) => kind.cli?.names ?? [])

/** The absolute path of a program (the first word of a command), as the shell finds it; null: it is not there. */
export function which(command: string, pathEnv: string): string | null {
  const folders = command.includes('/') ? [''] : pathEnv.split(delimiter)
  const found = folders.map((folder) => resolve(folder, command)).find(isProgram)
  return found ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // not there, or not ours to run
  }
}

/**
 * First line of `<program> --version`; null when it does not start, fails, or takes too long. The person's own arguments are left
 * out: with them some CLIs would begin to work. Of a command without a known CLI or a node script only the first word is asked;
 * not every such program knows `--version`, so for custom types ask `which`.
 */
export async function version(
  argv: string[],
  env: Record<string, string>,
  timeoutMs: number,
): Promise<string | null> {
  const { program } = split(argv, names())
  if (program.length === 0) return null
  const said = await ask([...program, '--version'], env, timeoutMs)
  return said === null ? null : sentence(said.split('\n')[0] ?? '') || 'unknown'
}

/** All that a program prints on stdout, when it ends with 0 in time; null otherwise. */
export function ask(
  [command, ...rest]: string[],
  env: Record<string, string>,
  timeoutMs: number,
): Promise<string | null> {
  if (command === undefined) return Promise.resolve(null)
  return new Promise((done) => {
    const child = spawn(command, rest, {
      env,
      detached: true, // its own group, so that all of it can be ended
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let said = ''
    const over = (answer: string | null) => {
      clearTimeout(timer)
      child.stdout?.destroy() // a grandchild may hold it open
      if (child.pid !== undefined) endGroup(child.pid)
      done(answer)
    }
    const timer = setTimeout(() => over(null), timeoutMs)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, MAX_OUTPUT)
    })
    child.on('error', () => over(null))
    const answer = (code: number | null) => over(code === 0 ? said : null)
    child.on('close', answer)
    // 'close' waits for a grandchild that holds the pipe; what the program itself wrote is here long before.
    child.on('exit', (code) => setTimeout(answer, 200, code))
  })
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: the whole group is gone, as it should be
  }
}

/** What a person should know before claude's first run as root; `env` and `argv` as the kind makes them. */
export function needsSandboxNote(
  type: string,
  env: Record<string, string>,
  uid: number | undefined,
  argv?: string[],
): string | null {
  const bypass = argv?.some((word) => /dangerously-skip-permissions|bypassPermissions/.test(word))
  if (type !== 'claude' || uid !== 0 || bypass === false) return null
  return env.IS_SANDBOX === '1' || env.CLAUDE_CODE_BUBBLEWRAP ? null : ROOT_REFUSED
}
