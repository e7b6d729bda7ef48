// The compatibility page: CLI × version × case, from the rows of one run and what the page already has of the other set.
// Promises: the same rows give the same page; what differs from run to run (times, ports, folders, ids) is left out.

const ABOUT = `# Compatibility

What each CLI did in each case of \`test/agents/cases.ts\`, against the mock model, judged as the orchestrator judges it. \`npm run test:agents\`
writes the part of the pinned versions, \`npm run test:agents -- --latest\` that of the newest ones; each replaces its own part. *asked*: how
often the CLI asked its model. Bold: not what is right.
`

/**
 * @param {string} before the page so far
 * @param {{ cli: string, version: string, set: string, case: string, skipped?: string, outcome?: string, expected?: string,
 *   exit?: number | null, requests?: number[], evidence?: string, error?: string, wrong?: string[] }[]} rows
 * @param {'pinned' | 'newest'} set
 * @param {boolean} all `false`: other CLIs of the set keep what they have
 */
export function page(before, rows, set, all = true) {
  const kept = before.split(/^(?=## )/m).filter((part) => {
    const [, cli, of] = /^## (\S+).*, (pinned|newest)\n/.exec(part) ?? []
    return cli && (of !== set || !(all || rows.some((row) => row.cli === cli)))
  })
  const names = [...new Set(rows.map(title))]
  const parts = names.map((name) => {
    const own = rows.filter((row) => title(row) === name)
    return `## ${name}, ${set}\n\n${table(own)}\n`
  })
  const both = [...kept, ...parts].sort((one, other) => place(one) - place(other))
  return `${[ABOUT, glance(both), ...both].map((part) => part.trim()).join('\n\n')}\n`
}

/** Pinned before newest, then as the CLIs are listed. */
const CLIS = ['claude', 'codex', 'gemini', 'opencode', 'cursor']
const place = (part) =>
  CLIS.findIndex((cli) => part.startsWith(`## ${cli}`)) + (part.includes(', pinned\n') ? 0 : 100)

const title = ({ cli, version }) => `${cli} ${version}`.trim()

const table = (rows) =>
  [
    '| case | outcome | exit | asked | evidence |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.case} | ${cells(row).join(' | ')} |`),
  ].join('\n')

function cells({ skipped, outcome, wrong, exit, requests, evidence, error }) {
  if (skipped) return ['-', '', '', `not run: ${skipped}`]
  const right = wrong.length === 0
  const said = [evidence, error].filter((text) => text).join(': ')
  const why = right ? said : `${said} (${wrong.join('; ')})`
  const asked = [...new Set(requests)].join(', ')
  return [right ? outcome : `**${outcome}**`, exit === null ? 'killed' : exit, asked, plain(why)]
}

/** What is another in every run. */
const plain = (text) =>
  text
    .replaceAll(/\/[\w/.-]*real-agents-\w+[\w/.-]*/g, 'FOLDER')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/\b(req|ses|msg)_\w+/g, '$1_ID')
    .replaceAll(/\b\d{1,2}:\d\d ?[ap]m\b/gi, 'TIME')
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.-]+Z?/g, 'TIME')
    .replaceAll('|', '¦')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 300)

/** Case by case, all versions side by side; made from the parts, so that both sets are in it. */
function glance(parts) {
  const columns = parts.map((part) => ({
    name: /^## (.*), \w+\n/.exec(part)[1],
    outcomes: new Map(
      [...part.matchAll(/^\| ([^|]+) \| ([^|]*) \|/gm)].map(([, name, outcome]) => [name, outcome]),
    ),
  }))
  const cases = [...new Set(columns.flatMap(({ outcomes }) => [...outcomes.keys()]))]
  const line = (words) => `| ${words.join(' | ')} |`
  return [
    line(['case', ...columns.map(({ name }) => name)]),
    line(['---', ...columns.map(() => '---')]),
    ...cases
      .filter((name) => name !== 'case' && !name.startsWith('---'))
      .map((name) => line([name, ...columns.map(({ outcomes }) => outcomes.get(name) ?? '-')])),
  ].join('\n')
}
