// What was done, and what did not hold. Promises: every violation carries the last 50 actions; nothing stops at one.
import { appendFileSync } from 'node:fs'

const LAST = 50

/** @param file where each action and violation goes as a line of JSON. */
export function createJournal(file, say) {
  const last = []
  const violations = []
  const told = new Set()
  const counts = {}
  const begun = performance.now()
  const at = () => Math.round((performance.now() - begun) / 10) / 100
  const write = (row) => appendFileSync(file, `${JSON.stringify(row)}\n`)
  return {
    counts,
    violations,
    at,
    count(what, n = 1) {
      counts[what] = (counts[what] ?? 0) + n
    },
    did(what, about = '') {
      const row = { at: at(), did: what, about }
      last.push(row)
      if (last.length > LAST) last.shift()
      write(row)
    },
    /** Once for each kind and subject. */
    violation(kind, about, detail = '') {
      if (told.has(`${kind} ${about}`)) return
      told.add(`${kind} ${about}`)
      const row = { at: at(), time: new Date().toISOString(), kind, about, detail }
      write({ ...row, violation: true })
      violations.push({ ...row, last: [...last] })
      say(`VIOLATION at ${row.at} s: ${kind}: ${about} ${detail}`)
    },
  }
}
