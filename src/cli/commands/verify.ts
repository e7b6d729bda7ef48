// `orchestrate verify`: what is promised, against what lies here. Promises: without `--repair` nothing is written, with it
// nothing is deleted; stdout is the findings, worst first; exit 2 when something does not hold.
import type { Finding, Level } from '../../verify/finding.ts'
import { repair } from '../../verify/repair.ts'
import { verify } from '../../verify/verify.ts'
import { type Act, located, type World } from '../act.ts'
import { count, json, oneLine, table } from '../output.ts'

const MARK = { broken: '✗', due: '…', note: '·' } as const
const COLOUR = { broken: 'red', due: 'yellow', note: 'dim' } as const
const ORDER: Level[] = ['broken', 'due', 'note']
/** Notes that a screen can use; `--json` has all. */
const NOTES = 20

export const act: Act = async (call, world) => {
  const at = located(call, world)
  const { ok, checked, findings } = await (call.has('repair') ? repair : verify)(at)
  if (call.has('json')) world.out.line(json({ ok, checked, findings }))
  else {
    show(findings, world)
    const { tasks, runs, records, processes } = checked
    const seen = `${count(tasks, 'task')}, ${count(runs, 'run')}, ${count(records, 'record')}, ${processes} running`
    world.talk.line(`${verdict(findings, call.has('repair'))} (${seen})`)
  }
  return ok ? 0 : 2
}

function show(findings: Finding[], { out }: World): void {
  const notes = findings.filter(({ level }) => level === 'note').length
  const rows = ORDER.flatMap((level) =>
    findings.filter((one) => one.level === level).slice(0, level === 'note' ? NOTES : undefined),
  ).flatMap(({ level, code, file, message, hint, repaired }) => [
    [
      { text: repaired ? '✓' : MARK[level], colour: repaired ? ('green' as const) : COLOUR[level] },
      code,
      oneLine(`${file}: ${message}`),
    ],
    ...(repaired ? [] : [['', '', `→ ${oneLine(hint)}`]]),
  ])
  for (const line of table({ ...out, columns: Number.POSITIVE_INFINITY }, [], rows)) out.line(line)
  if (notes > NOTES) out.line(`and ${notes - NOTES} more notes: \`--json\` has all`)
}

function verdict(findings: Finding[], repaired: boolean): string {
  const left = findings.filter((one) => one.level === 'broken' && !one.repaired)
  const able = left.filter((one) => one.repairable).length
  const due = findings.filter((one) => one.level === 'due' && !one.repaired).length
  const mended = findings.filter((one) => one.repaired).length
  const said = [
    ...(repaired ? [`${mended} mended`] : []),
    left.length > 0
      ? `${count(left.length, 'thing')} ${left.length === 1 ? 'does' : 'do'} not hold`
      : 'all holds',
    ...(able > 0 && !repaired ? [`\`orchestrate verify --repair\` mends ${able} of them`] : []),
    ...(due > 0 ? [`${due} to do at the next start`] : []),
  ]
  return said.join('; ')
}
