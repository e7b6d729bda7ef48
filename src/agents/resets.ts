// When a limit is over, by the CLI's own words: a time of day, a duration, a header.
// Promises: nothing throws; undefined rather than a guess; never more than a year away.

const SECOND = 1000
const DAY = 24 * 3600 * SECOND
/** No limit of any of them lasts longer; what says so was cut or is no time. */
const FURTHEST = 366 * DAY
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const UNITS: [RegExp, number][] = [
  [/^ms|^milli/, 1],
  [/^s/, SECOND],
  [/^m/, 60 * SECOND],
  [/^h/, 3600 * SECOND],
  [/^d/, DAY],
]
/** `try again in 3 hours 20 minutes`, `Please retry in 1h2m3s`, `Suggested retry after 1s`, `will reset after 18h4m`. */
const SPAN =
  /\b(?:again|retry|resets?) (?:in|after) ((?:\d+(?:\.\d+)? ?(?:ms|millisecond|second|sec|minute|min|hour|hr|day|[smhd])s?(?:,? and |, | )?)+)/i
/** `try again at 1:18 PM`, `try again at Nov 27th, 2026 1:18 PM`, `resets 1:18pm (UTC)`, `resets Nov 27 at 3am (Europe/Paris)`. */
const CLOCK =
  /\b(?:again at|resets?(?: at)?) (?:([a-z]{3})[a-z]* (\d{1,2})(?:st|nd|rd|th)?,? (?:(\d{4}),? )?(?:at )?)?(\d{1,2})(?::(\d\d))? ?([ap])\.?m\b(?:\.? ?\(([\w+/-]{1,40})\))?/i

const near = (at: number, now: number): number | undefined =>
  Number.isFinite(at) && at > 0 && Math.abs(at - now) <= FURTHEST ? Math.round(at) : undefined

/** Of claude's events: epoch seconds. */
export const fromEpoch = (seconds: unknown, now: number): number | undefined =>
  typeof seconds === 'number' ? near(seconds * SECOND, now) : undefined

/** Of an HTTP answer's `retry-after`: seconds, or a date. */
export function fromHeader(value: unknown, now: number): number | undefined {
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const seconds = Number(value)
  return near(Number.isNaN(seconds) ? Date.parse(value) : now + seconds * SECOND, now)
}

/** Of a message; a time of day is the next one after `now`, here or in the zone that is named. */
export function fromText(text: string, now: number): number | undefined {
  const line = text.replace(/\s+/g, ' ')
  const span = SPAN.exec(line)?.[1]
  if (span) return near(now + duration(span), now)
  const clock = CLOCK.exec(line)
  return clock ? near(timeOfDay(clock, now), now) : undefined
}

function duration(span: string): number {
  let total = 0
  for (const [, count, unit] of span.matchAll(/([\d.]+) ?([a-z]+)/gi)) {
    const factor = UNITS.find(([name]) => name.test(unit?.toLowerCase() ?? ''))?.[1] ?? 0
    total += Number(count) * factor
  }
  return total
}

function timeOfDay(clock: RegExpExecArray, now: number): number {
  const [, month, day, year, hour, minute, half, zone] = clock
  const hours = (Number(hour) % 12) + (half?.toLowerCase() === 'p' ? 12 : 0)
  const inZone = (at: number) => at - offset(at, zone)
  const today = new Date(now + offset(now, zone))
  const named = month ? MONTHS.indexOf(month.toLowerCase()) : today.getUTCMonth()
  if (named < 0) return Number.NaN
  const at = (years: number, days: number) =>
    inZone(Date.UTC(years, named, days, hours, Number(minute ?? 0)))
  const thisYear = Number(year ?? today.getUTCFullYear())
  if (!day) {
    const first = at(thisYear, today.getUTCDate())
    return first > now ? first : at(thisYear, today.getUTCDate() + 1)
  }
  const first = at(thisYear, Number(day))
  // `Jan 2`, said in December.
  return year || first > now - DAY ? first : at(thisYear + 1, Number(day))
}

/** ms that the clocks of a zone (ours where none is named, or it is unknown) are ahead of UTC at that time. */
function offset(at: number, zone?: string): number {
  const there = new Date(Math.floor(at / SECOND) * SECOND)
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      ...(zone && { timeZone: zone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(there)
    const part = (type: string) => Number(parts.find((one) => one.type === type)?.value)
    const wall = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    )
    return wall - there.getTime()
  } catch {
    return zone ? offset(at) : 0 // a zone that this machine does not know, or no time at all
  }
}
