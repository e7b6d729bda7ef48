// When a limit ends, by the words that the CLIs use; `now` is given, so a time of day is the same in every year.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromEpoch, fromHeader, fromText } from '../../src/agents/resets.ts'

const NOW = Date.parse('2026-11-22T11:19:00Z')
const SECOND = 1000
const HOUR = 3600 * SECOND
const iso = (at: number | undefined) => at && new Date(at).toISOString()

test.each([
  ["You've hit your 5-hour limit · resets 1:18pm (UTC)", '2026-11-22T13:18:00.000Z'],
  ['resets 3am (UTC)', '2026-11-23T03:00:00.000Z'],
  ['limit reached ∙ resets 12am (UTC)', '2026-11-23T00:00:00.000Z'],
  ['resets at 12pm (UTC)', '2026-11-22T12:00:00.000Z'],
  ['resets 7pm (America/New_York)', '2026-11-23T00:00:00.000Z'],
  ['resets 7:30am (Asia/Kolkata)', '2026-11-23T02:00:00.000Z'],
  ['resets Nov 27, 1pm (UTC)', '2026-11-27T13:00:00.000Z'],
  ['resets Jan 2 at 3am (UTC)', '2027-01-02T03:00:00.000Z'],
  ['try again at Nov 27th, 2026 1:18 PM (UTC).', '2026-11-27T13:18:00.000Z'],
  // After the clocks went forward in March: one hour less behind UTC.
  ['resets Jun 1, 2027 7pm (America/New_York)', '2027-06-01T23:00:00.000Z'],
])('%s', (text, at) => {
  expect(iso(fromText(text, NOW))).toBe(at)
})

test.each([
  ['try again in 3 hours 20 minutes.', 3 * HOUR + 20 * 60 * SECOND],
  ['try again in 2 days 1 hour and 5 minutes', 49 * HOUR + 300 * SECOND],
  ['Please retry in 1h2m3s.', HOUR + 123 * SECOND],
  ['Please retry in 37.5s.', 37.5 * SECOND],
  ['rate limit reached\nSuggested retry after 1s.', SECOND],
  ['Your quota will reset after 18h4m32s.', 18 * HOUR + 272 * SECOND],
  ['Please try again in 898ms.', 898],
])('%s', (text, after) => {
  expect(fromText(text, NOW)).toBe(NOW + after)
})

test('a time without a zone is one of here, and the next one', () => {
  const at = fromText('try again at 1:18 PM.', NOW) as number
  expect(new Date(at).toTimeString()).toMatch(/^13:18:00/)
  expect(at).toBeGreaterThan(NOW)
  expect(at).toBeLessThanOrEqual(NOW + 24 * HOUR)
  // Said a minute after it: the one of tomorrow.
  const next = fromText('try again at 1:18 PM.', at + 60 * SECOND) as number
  expect(new Date(next).toTimeString()).toMatch(/^13:18:00/)
  expect(next).toBeGreaterThan(at)
})

test('a zone that is none is read as here', () => {
  expect(fromText('resets 1pm (Mars/Base)', NOW)).toBe(fromText('resets 1pm', NOW))
})

test.each([
  'try again later',
  'resets soon',
  'at 1:18 PM the build broke',
  'in 3 hours I will be done',
  'try again at Foo 3, 1pm',
  'try again in 99999999 days',
  '',
])('no guess from: %s', (text) => {
  expect(fromText(text, NOW)).toBeUndefined()
})

test('a header: seconds, or a date', () => {
  expect(fromHeader('3600', NOW)).toBe(NOW + HOUR)
  expect(iso(fromHeader('Sun, 22 Nov 2026 12:00:00 GMT', NOW))).toBe('2026-11-22T12:00:00.000Z')
  for (const none of ['', 'soon', '1e300', null, 7]) expect(fromHeader(none, NOW)).toBeUndefined()
})

test('an epoch in seconds, and nothing that is none', () => {
  expect(iso(fromEpoch(1795353521, NOW))).toBe('2026-11-22T13:18:41.000Z')
  for (const none of ['1795353521', 1795353521000, -1, Number.NaN, null])
    expect(fromEpoch(none, NOW)).toBeUndefined()
})

test('any text: no throw, no long search, never more than a year away', () => {
  const bits = fc.constantFrom(
    'try again ',
    'in ',
    'at ',
    'resets ',
    '1:18 ',
    'pm',
    '(UTC)',
    '3 hours ',
    '9s',
    '99999999 ',
    'Feb 31 ',
    '(',
    'é',
  )
  fc.assert(
    fc.property(
      fc.array(bits, { maxLength: 40 }),
      fc.integer({ min: 0, max: 4e12 }),
      (parts, now) => {
        const at = fromText(parts.join(''), now)
        if (at !== undefined) expect(Math.abs(at - now)).toBeLessThanOrEqual(366 * 24 * HOUR)
      },
    ),
    { numRuns: 2000 },
  )
  const began = Date.now()
  fromText(`try again in ${'1 h '.repeat(50_000)}`, NOW)
  fromText('try again in '.repeat(50_000), NOW)
  expect(Date.now() - began).toBeLessThan(2000)
})
