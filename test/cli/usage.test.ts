// The command line as such: what is not known is refused with the nearest name, values stay text, help is true.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokens } from '../../src/cli/words.ts'
import { folder, MAIN, orchestrate, workspace } from './program.ts'

describe('what is not known', () => {
  const cases: [string, string[], string][] = [
    [
      'a command',
      ['stauts'],
      'orchestrate: there is no command `stauts`\n  did you mean `status`?\n',
    ],
    [
      'a command far from all',
      ['xyzzy'],
      'orchestrate: there is no command `xyzzy`\n  see `orchestrate --help`\n',
    ],
    [
      'an option',
      ['status', '--jsno'],
      'orchestrate: `orchestrate status` has no option `--jsno`\n  did you mean `--json`?\n',
    ],
    [
      'an option of another command',
      ['status', '--priority', 'high'],
      'orchestrate: `orchestrate status` has no option `--priority`\n  it belongs to `orchestrate add`\n',
    ],
    [
      'an option in front of the command',
      ['--prioirty', 'add', 'x'],
      'orchestrate: `orchestrate add` has no option `--prioirty`\n  did you mean `--priority`?\n',
    ],
    [
      'a short option',
      ['status', '-z'],
      'orchestrate: `orchestrate status` has no option `-z`\n  see `orchestrate status --help`\n',
    ],
    [
      'a status',
      ['tasks', '--status', 'actve'],
      'orchestrate: `actve` is not a status of a task\n  did you mean `active`?\n',
    ],
    [
      'a priority',
      ['add', 'x', '--priority', 'urgent'],
      'orchestrate: `urgent` is not a priority\n  it is high, normal or low\n',
    ],
    ['a value for a switch', ['status', '--json=yes'], 'orchestrate: `--json` takes no value\n'],
    ['no value', ['add', 'x', '--id'], 'orchestrate: `--id` needs a value: ID\n'],
    [
      'an option for a value',
      ['add', 'x', '--id', '--json'],
      'orchestrate: `--id` needs a value: ID\n  if `--json` is meant, write `--id=--json`\n',
    ],
    [
      'no word',
      ['add'],
      'orchestrate: `orchestrate add` needs DESCRIPTION\n  see `orchestrate add --help`\n',
    ],
    [
      'a word too many',
      ['add', 'Write', 'tests'],
      'orchestrate: `tests` is one word too many for `orchestrate add`\n  put the description in quotes: orchestrate add "Write the tests"\n',
    ],
    [
      'an id',
      ['add', 'x', '--id', '../x'],
      'orchestrate: `../x` is no id\n  an id is letters, digits, `.`, `_` and `-`, at most 100\n',
    ],
    [
      'a time',
      ['add', 'x', '--timeout-minutes', '5m'],
      'orchestrate: `--timeout-minutes 5m` is not a number above 0\n',
    ],
  ]
  it('is refused, and nothing is done', async () => {
    const root = await workspace()
    for (const [what, args, stderr] of cases) {
      expect({ what, ...(await orchestrate(root, args)) }).toEqual({
        what,
        status: 1,
        stdout: '',
        stderr,
      })
    }
    const { stdout } = await orchestrate(root, ['tasks', '--json'])
    expect(JSON.parse(stdout)).toEqual([])
  })
})

describe('values', () => {
  it('stay the text that was typed', async () => {
    const root = await workspace()
    const { stdout } = await orchestrate(root, ['add', '007', '--id', '1e3', '--after', '010'])
    expect(stdout).toBe('1e3\n')
    const file = readFileSync(join(root, 'tasks/pending/1e3.yaml'), 'utf8')
    expect(file).toContain('id: "1e3"\ndescription: "007"\n')
    expect(file).toContain('dependencies: ["010"]\n')
  })

  const options = [
    { name: 'text', short: 't', value: 'TEXT', about: '' },
    { name: 'switch', short: 's', about: '' },
  ]
  const [text, flag] = options

  it('whatever they are', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const [inline, short, apart, word] = tokens(
          [`--text=${value}`, '-t', value, '--text', value, '--', value],
          options,
        )
        expect(inline).toMatchObject({ option: text, value, apart: false })
        expect(short).toMatchObject({ option: text, value, apart: true })
        expect(apart).toMatchObject({ option: text, value, apart: true })
        expect(word).toEqual({ kind: 'word', text: value })
      }),
    )
  })

  it('may stick to short options, and these to each other', () => {
    expect(tokens(['-stx', '-', '-tx=y'], options)).toMatchObject([
      { option: flag, value: null },
      { option: text, value: 'x' },
      { kind: 'word', text: '-' },
      { option: text, value: 'x=y' },
    ])
  })
})

describe('help', () => {
  it('names every command, the exit codes, and goes to stdout', async () => {
    const { status, stdout, stderr } = await orchestrate(folder(), ['--help'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatchSnapshot()
  })

  it('of one command names its options; hidden ones are not told', async () => {
    const root = folder()
    for (const args of [
      ['add', '--help'],
      ['help', 'add'],
      ['-h', 'add'],
    ]) {
      expect(await orchestrate(root, args)).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('--timeout-minutes'),
      })
    }
    const { stdout } = await orchestrate(root, ['start', '-h'])
    expect(stdout).toMatchSnapshot()
  })

  it('is what nothing gives, with exit 1', async () => {
    const { status, stdout } = await orchestrate(folder(), [])
    expect({ status, stdout: stdout.includes('Available Commands') }).toEqual({
      status: 1,
      stdout: true,
    })
  })

  it('tells the version of the package', async () => {
    const { version } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
    )
    for (const flag of ['-v', '--version']) {
      expect(await orchestrate(folder(), [flag])).toEqual({
        status: 0,
        stdout: `${version}\n`,
        stderr: '',
      })
    }
  })
})

describe('where', () => {
  it('is found upwards, and by -C', async () => {
    const root = await workspace()
    const deep = join(root, 'src', 'deep')
    await mkdir(deep, { recursive: true })
    expect(await orchestrate(deep, ['status'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(root),
    })
    const elsewhere = folder()
    for (const args of [
      ['-C', root, 'status'],
      ['status', '-C', root],
      ['status', `--directory=${root}`],
    ]) {
      expect(await orchestrate(elsewhere, args)).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(root),
      })
    }
  })

  it('is told when there is none', async () => {
    const root = folder()
    expect(await orchestrate(root, ['status'])).toEqual({
      status: 1,
      stdout: '',
      stderr: `orchestrate: there is no workspace in ${root} or above it\n  \`orchestrate init\` makes one here\n`,
    })
    expect(await orchestrate(root, ['status', '-C', 'nowhere'])).toEqual({
      status: 1,
      stdout: '',
      stderr: `orchestrate: there is no folder ${join(root, 'nowhere')}\n`,
    })
  })
})

describe('a reader that has enough', () => {
  it('ends the program quietly', async () => {
    const root = await workspace()
    for (let n = 0; n < 300; n++) {
      writeFileSync(join(root, `tasks/pending/t${n}.yaml`), `description: ${'long '.repeat(100)}\n`)
    }
    const child = spawn(process.execPath, [MAIN, 'tasks'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.stdout.once('data', () => child.stdout.destroy())
    const status = await new Promise((done) => child.on('close', done))
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
