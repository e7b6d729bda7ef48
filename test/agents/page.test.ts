// The compatibility page: what a run replaces, what it keeps, and that nothing of the run itself is on it.
import { expect, test } from 'vitest'

interface Page {
  page(before: string, rows: object[], set: 'pinned' | 'newest', all?: boolean): string
}
// A path in a variable: the script is plain JavaScript, for `node` to run as it is.
const path = './page.mjs'
const { page } = (await import(path)) as Page

const row = (cli: string, version: string, more: object = {}) => ({
  ...{ cli, version, case: 'answers', outcome: 'success', exit: 0, requests: [1], wrong: [] },
  ...{ evidence: 'result', error: '', ...more },
})

test('a run replaces its own part and keeps that of the other set', () => {
  const pinned = page('', [row('claude', '2.1.112')], 'pinned')
  expect(pinned).toContain('\n## claude 2.1.112, pinned\n\n| case | outcome |')
  const both = page(pinned, [row('claude', '2.1.332'), row('opencode', '1.18')], 'newest')
  expect(both).toMatch(/\| case \| claude 2\.1\.112 \| claude 2\.1\.332 \| opencode 1\.18 \|/)
  expect(both).toMatch(/\| answers \| success \| success \| success \|/)
  const later = page(both, [row('claude', '2.1.400')], 'newest')
  expect(later).toContain('2.1.112')
  expect(later).not.toMatch(/2\.1\.332|opencode/)
  expect(page(later, [row('claude', '2.1.400')], 'newest')).toBe(later)
  const one = page(both, [row('claude', '2.1.400')], 'newest', false)
  expect(one).toMatch(/\| case \| claude 2\.1\.112 \| claude 2\.1\.400 \| opencode 1\.18 \|/)
})

test('what is wrong is bold and says so, what was not run says why', () => {
  const rows = [
    row('codex', '0.1', { outcome: 'failed', wrong: ['it is failed, not limited'], exit: null }),
    { cli: 'codex', version: '0.1', case: 'too many turns', skipped: 'it has no limit of turns' },
    { cli: 'opencode', version: '', case: 'all', skipped: 'not installed' },
  ]
  const text = page('', rows, 'newest')
  expect(text).toContain(
    '| answers | **failed** | killed | 1 | result (it is failed, not limited) |',
  )
  expect(text).toContain('| too many turns | - |  |  | not run: it has no limit of turns |')
  expect(text).toMatch(/## opencode, newest[\s\S]*not run: not installed/)
})

test('nothing that differs from run to run, nothing that breaks the table', () => {
  const error =
    'at http://127.0.0.1:4711/v1 | in /tmp/real-agents-x1/claude-y/workspace-z, req_0af, try again at 4:42 AM, ' +
    'session 11111111-2222-4333-8444-000000000000'
  const text = page('', [row('claude', '1', { error })], 'pinned')
  expect(text).toContain(
    'result: at http://127.0.0.1:PORT/v1 ¦ in FOLDER, req_ID, try again at TIME, session ID |',
  )
})
