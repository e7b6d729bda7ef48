// All suites by name. Each gives its cases: { fault (a row of the table), name, run() → { violations, reached, tries }, skip }.
import { blind } from './blind.mjs'
import { pairs } from './pairs.mjs'
import { points } from './points.mjs'
import { stalled } from './stalled.mjs'
import { syscalls } from './syscalls.mjs'

export const SUITES = { points, pairs, stalled, syscalls, blind }
