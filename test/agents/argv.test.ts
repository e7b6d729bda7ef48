// The command line of a run: what the person gave stays, in its order; what a headless run needs is added once.
import { expect, test } from 'vitest'
import { kindOf, kinds } from '../../src/agents/index.ts'
import { settings } from './transcripts.ts'

const RUN = { promptFile: '/w/prompt.md', sessionId: 'SID' }
const argv = (kind: string, command: string) =>
  kinds[kind]?.argv(command.split(' ').filter(Boolean), RUN).join(' ')

const BASE = '-p --output-format stream-json --verbose'
const FREE = '--dangerously-skip-permissions'

test.each([
  ['', `claude ${BASE} --session-id SID ${FREE}`],
  [
    'claude --dangerously-skip-permissions', // specification 8.3
    `claude ${BASE} --session-id SID --dangerously-skip-permissions`,
  ],
  [
    'claude --permission-mode=plan -p',
    'claude --output-format stream-json --verbose --session-id SID --permission-mode=plan -p',
  ],
  [
    'claude --print --verbose',
    `claude --output-format stream-json --session-id SID ${FREE} --print --verbose`,
  ],
  ['claude --resume abc', `claude ${BASE} ${FREE} --resume abc`],
  ['claude -rabc', `claude ${BASE} ${FREE} -rabc`],
  ['claude -pc', `claude --output-format stream-json --verbose ${FREE} -pc`],
  ['claude --session-id=x', `claude ${BASE} ${FREE} --session-id=x`],
  // --verbose would turn the one JSON result into a list.
  ['claude --output-format json', `claude -p --session-id SID ${FREE} --output-format json`],
  // A variadic flag swallows nothing of ours; a flag behind -- is not a flag.
  ['claude --allowedTools Edit Read', `claude ${BASE} --session-id SID --allowedTools Edit Read`],
  ['claude -- -p', `claude ${BASE} --session-id SID ${FREE} -- -p`],
  ['npx -y claude', `npx -y claude ${BASE} --session-id SID ${FREE}`],
  [
    'npx -p @anthropic-ai/claude-code claude',
    `npx -p @anthropic-ai/claude-code claude ${BASE} --session-id SID ${FREE}`,
  ],
  [
    'npx @anthropic-ai/claude-code@2.1.112',
    `npx @anthropic-ai/claude-code@2.1.112 ${BASE} --session-id SID ${FREE}`,
  ],
  ['env A=/home/claude claude', `env A=/home/claude claude ${BASE} --session-id SID ${FREE}`],
  [
    'docker run -w /home/claude -i image claude',
    `docker run -w /home/claude -i image claude ${BASE} --session-id SID ${FREE}`,
  ],
  [
    'node --import ./hook.mjs /x/cli.js -p',
    `node --import ./hook.mjs /x/cli.js --output-format stream-json --verbose --session-id SID ${FREE} -p`,
  ],
  ['my-wrapper --fast', `my-wrapper --fast ${BASE} --session-id SID ${FREE}`],
])('claude: %s', (command, expected) => {
  expect(argv('claude', command)).toBe(expected)
})

const JSONL = '--json --skip-git-repo-check'
const BYPASS = '--dangerously-bypass-approvals-and-sandbox'

test.each([
  ['', `codex exec ${JSONL} ${BYPASS}`],
  ['codex', `codex exec ${JSONL} ${BYPASS}`],
  [
    'codex --ask-for-approval never --sandbox danger-full-access exec', // specification 8.3
    `codex --ask-for-approval never --sandbox danger-full-access exec ${JSONL} --sandbox danger-full-access`,
  ],
  ['codex -a never -sread-only', `codex -a never -sread-only exec ${JSONL} --sandbox read-only`],
  [
    'codex --sandbox=read-only exec -s workspace-write',
    `codex --sandbox=read-only exec ${JSONL} -s workspace-write`,
  ],
  ['codex --profile exec exec', `codex --profile exec exec ${JSONL} --profile exec`],
  ['codex -m gpt-5 e', `codex -m gpt-5 e ${JSONL} ${BYPASS}`],
  ['codex --json', `codex exec --skip-git-repo-check ${BYPASS} --json`],
  ['codex exec --full-auto --json', 'codex exec --skip-git-repo-check --full-auto --json'],
  ['codex exec -c sandbox_mode="read-only"', `codex exec ${JSONL} -c sandbox_mode="read-only"`],
  [
    'codex exec --config=approval_policy=never',
    `codex exec ${JSONL} --config=approval_policy=never`,
  ],
  ['codex exec -c model_provider=x', `codex exec ${JSONL} ${BYPASS} -c model_provider=x`],
  ['codex exec resume --last', `codex exec ${JSONL} ${BYPASS} resume --last`],
  ['npx -y @openai/codex@0.100.0', `npx -y @openai/codex@0.100.0 exec ${JSONL} ${BYPASS}`],
])('codex: %s', (command, expected) => {
  expect(argv('codex', command)).toBe(expected)
})

test.each([
  ['', 'gemini --output-format stream-json --approval-mode yolo --skip-trust --session-id SID'],
  ['gemini -y', 'gemini --output-format stream-json --skip-trust --session-id SID -y'],
  [
    'gemini --approval-mode=auto_edit -o stream-json',
    'gemini --skip-trust --session-id SID --approval-mode=auto_edit -o stream-json',
  ],
  [
    'node /x/bundle/gemini.js -m flash',
    'node /x/bundle/gemini.js --output-format stream-json --approval-mode yolo --skip-trust --session-id SID -m flash',
  ],
])('gemini: %s', (command, expected) => {
  expect(argv('gemini', command)).toBe(expected)
})

test.each([
  ['', 'cursor-agent -p --output-format stream-json --force --trust'],
  ['cursor-agent --print -f', 'cursor-agent --output-format stream-json --trust --print -f'],
  ['agent --mode plan', 'agent -p --output-format stream-json --trust --mode plan'],
])('cursor: %s', (command, expected) => {
  expect(argv('cursor', command)).toBe(expected)
})

test('shell runs the prompt file and stops at the first failing line', () => {
  expect(argv('shell', '')).toBe('sh -e /w/prompt.md')
  expect(kinds.shell).toMatchObject({ stdin: 'none', hasEndEvent: false })
})

test('a custom command gets the prompt on stdin, or its path, never both', () => {
  const byStdin = kindOf('mine', settings({ command: ['mine', '--go'] }))
  expect(byStdin).toMatchObject({ name: 'mine', stdin: 'prompt', hasEndEvent: false })
  expect(byStdin.argv(['mine', '--go'], RUN)).toEqual(['mine', '--go'])
  const command = ['aider', '--message-file={prompt_file}', '{prompt_file}']
  const byFile = kindOf('aider', settings({ command }))
  expect(byFile.stdin).toBe('none')
  expect(byFile.argv(command, { ...RUN, promptFile: '/w/$&.md' })).toEqual([
    'aider',
    '--message-file=/w/$&.md',
    '/w/$&.md',
  ])
})

test('a type with the name of an object member is still a custom type', () => {
  expect(kindOf('constructor', settings()).name).toBe('constructor')
  expect(kindOf('claude', settings()).name).toBe('claude')
})

test.each([
  ['', `opencode run --format json --auto --print-logs --log-level WARN`],
  ['opencode', `opencode run --format json --auto --print-logs --log-level WARN`],
  [
    'opencode run -m mock/m --title t',
    'opencode run --format json --auto --print-logs --log-level WARN -m mock/m --title t',
  ],
  [
    'opencode run --auto --format=json',
    'opencode run --print-logs --log-level WARN --auto --format=json',
  ],
  [
    'npx -y opencode-ai@1.18.33 run',
    'npx -y opencode-ai@1.18.33 run --format json --auto --print-logs --log-level WARN',
  ],
  ['my-opencode run', 'my-opencode run --format json --auto --print-logs --log-level WARN'],
])('opencode: %s', (command, expected) => {
  expect(argv('opencode', command)).toBe(expected)
})

test.each([
  ['claude', '', `claude ${BASE} --resume SID ${FREE}`],
  ['claude', 'claude --model opus', `claude ${BASE} --resume SID ${FREE} --model opus`],
  // A session of the person's own wins.
  ['claude', 'claude --continue', `claude ${BASE} ${FREE} --continue`],
  ['codex', '', `codex exec ${JSONL} ${BYPASS} resume SID -`],
  [
    'codex',
    'codex --ask-for-approval never --sandbox read-only exec -m gpt-5',
    `codex --ask-for-approval never --sandbox read-only exec ${JSONL} --sandbox read-only -m gpt-5 resume SID -`,
  ],
  ['codex', 'codex exec -m x resume --last', `codex exec ${JSONL} ${BYPASS} -m x resume --last`],
  [
    'gemini',
    '',
    'gemini --output-format stream-json --approval-mode yolo --skip-trust --resume SID',
  ],
  [
    'gemini',
    'gemini -r latest',
    'gemini --output-format stream-json --approval-mode yolo --skip-trust -r latest',
  ],
  ['cursor', '', 'cursor-agent -p --output-format stream-json --force --trust --resume SID'],
  ['opencode', '', 'opencode run --format json --auto --print-logs --log-level WARN --session SID'],
  [
    'opencode',
    'opencode run -s ses_1',
    'opencode run --format json --auto --print-logs --log-level WARN -s ses_1',
  ],
  ['shell', '', 'sh -e /w/prompt.md'],
])('%s goes on with a session: %s', (kind, command, expected) => {
  const words = command.split(' ').filter(Boolean)
  expect(kinds[kind]?.argv(words, { ...RUN, resume: true }).join(' ')).toBe(expected)
})

test.each([
  ['claude', '', 'claude --resume SID'],
  [
    'claude',
    'npx -y claude -p --model opus --dangerously-skip-permissions --verbose',
    'npx -y claude --model opus --dangerously-skip-permissions --resume SID',
  ],
  ['claude', 'claude --model=opus --session-id x', 'claude --model=opus --resume SID'],
  ['claude', 'my-wrapper --fast', 'my-wrapper --fast --resume SID'],
  ['codex', '', 'codex resume SID'],
  [
    'codex',
    'codex --ask-for-approval never exec --json -m gpt-5 -c a=b',
    'codex resume --ask-for-approval never -m gpt-5 -c a=b SID',
  ],
  ['gemini', 'gemini -m flash -y -o stream-json', 'gemini -m flash -y --resume SID'],
  ['cursor', 'agent -p --model auto', 'agent --model auto --resume SID'],
  ['opencode', 'opencode run -m a/b --format json', 'opencode -m a/b --session SID'],
])('%s is taken over by hand: %s', (kind, command, expected) => {
  const words = command.split(' ').filter(Boolean)
  expect(kinds[kind]?.takeOver(words, 'SID')?.join(' ')).toBe(expected)
})

test('a kind without sessions has nothing to take over', () => {
  expect(kinds.shell?.takeOver([], 'SID')).toBeNull()
  expect(kindOf('mine', settings({ command: ['mine'] })).takeOver(['mine'], 'SID')).toBeNull()
})
