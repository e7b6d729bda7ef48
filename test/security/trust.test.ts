// What DESIGN 7 and SECURITY.md promise, on a real run of the shipped program: a task is data and nothing else, what is
// ours is private, the environment is written nowhere, nothing that a stranger wrote commands a terminal.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { gate, open, SHELLS, type Stage, shell, started } from '../acceptance/stage.ts'

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

/** An agent that notes how it was called, and waits until that has been looked at. */
const NOTES = `cat >"$ORCHESTRATE_WORKSPACE/../prompt.$ORCHESTRATE_TASK"
while ! test -e "$ORCHESTRATE_WORKSPACE/go"; do sleep 0.05; done`
const EVIL: Record<string, string> = {
  dash: '--dangerously-skip-permissions --help',
  shell:
    '$(touch pwned) `touch pwned`; touch pwned && touch pwned | touch pwned\n"; touch pwned; "',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the text
  place: '{prompt_file} %s $0 ${IFS} \\n',
  lines: '-e\n\n\n--\n$(touch pwned)\n',
}

it('the text of a task reaches an agent by stdin, and no argument vector', async () => {
  const config = `agents:\n  noting: { command: "noting -x '{}'", max_instances: 4 }\n${SHELLS.slice(SHELLS.indexOf('task_queue'))}`
  const stage = await started(config, { noting: NOTES })
  for (const [id, description] of Object.entries(EVIL))
    stage.drop(`${id}.yaml`, JSON.stringify({ description, preferred_agent: 'noting' }))
  await stage.until(
    'all run',
    () => stage.files().filter((file) => file.startsWith('assigned/')).length === 4,
  )
  const top = dirname(stage.root)
  for (const [id, description] of Object.entries(EVIL)) {
    await stage.until(`the whole prompt of ${id}`, () =>
      readFileSync(join(top, `prompt.${id}`), 'utf8').includes(description.trimEnd()),
    )
  }
  const vectors = readdirSync('/proc').flatMap((pid) => {
    try {
      const mark = readFileSync(`/proc/${pid}/environ`, 'latin1')
      return mark.includes(`ORCHESTRATE_WORKSPACE=${stage.root}\0`)
        ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')]
        : []
    } catch {
      return [] // no process, or gone
    }
  })
  expect(
    vectors.filter((words) => words.some((word) => word.endsWith('/noting'))).length,
  ).toBeGreaterThanOrEqual(4)
  for (const words of vectors)
    for (const word of words) expect(word).not.toMatch(/pwned|dangerously|IFS/)
  stage.write('go', '')
  await stage.until('the end', () => stage.files().every((file) => file.startsWith('completed/')))
  expect(existsSync(join(stage.root, 'pwned'))).toBe(false)
})

it('under `shell` it is a script by file', async () => {
  const stage = await started(SHELLS)
  stage.drop('a.yaml', shell(`tr '\\0' ' ' </proc/$$/cmdline >vector; ${gate('go')}`))
  await stage.until(
    'the vector',
    () => existsSync(join(stage.root, 'vector')) && stage.read('vector') !== '',
  )
  expect(stage.read('vector').trim()).toBe(`sh -e ${join(stage.at.runs, 'a/1/prompt.md')}`)
  stage.write('go', '')
  await stage.until('the end', () => stage.files().join() === 'completed/a.yaml')
})

it('what is ours is private, whatever the umask', async () => {
  const stage = open(SHELLS)
  await stage.must(
    'umask 000; mkdir -p -m 755 tasks/pending; umask 000; orchestrate init >/dev/null 2>&1; chmod go-w . tasks tasks/* .orchestrate config.yaml; orchestrate start',
  )
  stage.drop('a.yaml', shell('umask 000; echo hello; echo oops >&2'))
  await stage.until('the end', () => stage.files().join() === 'completed/a.yaml')
  const modes = readdirSync(stage.at.home, { recursive: true, encoding: 'utf8' }).map((name) => {
    const seen = lstatSync(join(stage.at.home, name))
    return { name, open: (seen.mode & 0o077).toString(8), socket: seen.isSocket() }
  })
  expect(lstatSync(stage.at.home).mode & 0o777).toBe(0o700)
  for (const name of [
    'runs/a/1',
    'runs',
    'orchestrate.sock',
    'orchestrate.log',
    'runs/a/1/prompt.md',
    'runs/a/1/stdout',
  ])
    expect(
      modes.find((one) => one.name === name),
      name,
    ).toMatchObject({ open: '0' })
})

for (const what of ['.', 'tasks', 'tasks/pending', 'config.yaml', '.orchestrate'])
  it(`a workspace of which others may write ${what} is refused by start and by run`, async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    mkdirSync(stage.at.home, { recursive: true })
    const path = join(stage.root, what)
    chmodSync(path, lstatSync(path).mode | 0o002)
    for (const line of ['start --foreground', 'run']) {
      const { code, stderr } = await stage.type(`timeout 20 orchestrate ${line}`)
      expect({ line, code }).toEqual({ line, code: 1 })
      expect(stderr).toContain('everyone on this machine can write')
      expect(stderr).toContain('chmod go-w')
    }
  })

it.runIf(process.getuid?.() === 0)(
  'a group with other members is as bad as everyone, one of our own is not (needs root)',
  async () => {
    const stage = open(SHELLS)
    await stage.must('orchestrate init')
    await stage.must('chown :users tasks/pending; chmod g+w tasks/pending')
    const { code, stderr } = await stage.type('timeout 20 orchestrate start --foreground')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('its whole group'),
    })
    await stage.must('chown :root tasks/pending')
    await stage.must('orchestrate start && orchestrate stop')
  },
)

it('the environment is written nowhere', async () => {
  const stage = open(SHELLS)
  const canary = 'canary-7f3a91'
  Object.assign(stage.env, { SECRET_TOKEN: canary, ANTHROPIC_API_KEY: `${canary}-key` })
  await stage.must('orchestrate start')
  stage.drop('a.yaml', shell('test -n "$SECRET_TOKEN"; echo fine'))
  stage.drop('b.yaml', shell('test -n "$SECRET_TOKEN"; exit 3'))
  await stage.until('both', () => stage.files().join() === 'completed/a.yaml,failed/b.yaml')
  await stage.must('orchestrate doctor --json >/dev/null || true')
  await stage.must('orchestrate stop')
  expect((await stage.type(`grep -rla ${canary} .`)).stdout).toBe('')
  expect(existsSync(join(stage.root, 'tasks.db'))).toBe(true)
})

/** ESC and C1 sequences, an OSC title, bells, backspaces, bidi: in every place that a person looks at. */
const DIRTY =
  '\u001b[31mred\u001b]0;title\u0007\u009b2J\u009d8;;x\u009c\u0008\u202etxt\u2066\u200f\u0085'
const ESC = '\u001b'
const ALLOWED = new RegExp(String.raw`${ESC}\[[0-9;?]*[A-Za-z]`, 'g')
const NAUGHTY = /(?![\n\r\t])\p{Cc}|\p{Bidi_Control}/u

it.runIf(has('script'))('nothing that a stranger wrote commands a terminal', async () => {
  const stage = await started(SHELLS)
  await dirty(stage)
  const lines = [
    'status',
    'tasks',
    'tasks --status failed',
    'tasks --json',
    'show a',
    'show a --json',
    'logs a',
    'agents',
  ]
  for (const line of [
    ...lines,
    `show '${DIRTY}'`,
    `retry '${DIRTY}'`,
    `'${DIRTY}'`,
    `--${DIRTY}`,
  ]) {
    const said = await pty(stage, `orchestrate ${line}`)
    expect(said.length, line).toBeGreaterThan(5)
    const rest = said.replaceAll(ALLOWED, '')
    expect(
      NAUGHTY.exec(rest)?.[0]?.codePointAt(0)?.toString(16),
      `${line}: ${JSON.stringify(rest.slice(0, 400))}`,
    ).toBeUndefined()
    // A colour of ours is no `red` of theirs.
    for (const theirs of [`${ESC}[31mred`, `${ESC}]0`, `${ESC}[2J`])
      expect(said).not.toContain(theirs)
  }
  await stage.must('orchestrate stop')
  const live = await pty(stage, 'timeout 20 orchestrate run')
  expect(NAUGHTY.test(live.replaceAll(ALLOWED, ''))).toBe(false)
})

async function dirty(stage: Stage): Promise<void> {
  const text = JSON.stringify(`${DIRTY} printf '${DIRTY}'`)
  stage.drop(
    'a.yaml',
    `description: ${JSON.stringify(`printf '%s\\n' '${DIRTY}'; printf '%s\\n' '${DIRTY}' >&2; exit 3`)}\npreferred_agent: shell\n`,
  )
  stage.drop(
    `n${DIRTY.replaceAll('/', '')}.yaml`,
    `description: ${text}\npreferred_agent: shell\ndependencies: ["${JSON.stringify(DIRTY).slice(1, -1)}"]\n`,
  )
  stage.drop(
    'c.yaml',
    `description: a\n${JSON.stringify(DIRTY)}: b\npreferred_agent: shell\ndependencies: [x]\n`,
  )
  stage.drop('d.yaml', `id: ${JSON.stringify(DIRTY)}\ndescription: x\n`)
  stage.drop('e.yaml', `description: "${DIRTY}\n`)
  await stage.until('its failure', () => stage.files().includes('failed/a.yaml'))
  await stage.until('the others', async () => (await stage.tasks()).length === 5)
}

/** What a terminal gets: `script` gives the command one. */
function pty(stage: Stage, line: string): Promise<string> {
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: stage.root,
    env: stage.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  return new Promise((resolve) => child.on('close', () => resolve(said)))
}
