// Every changing call of a golden run, by name: the process is killed before or after it, the call is refused, cut short, delayed,
// done twice. Kills at every single call; the others at every name.
import { faulted } from '../case.mjs'
import { byLabel, golden, nameOf } from '../golden.mjs'

const ERRORS = ['ENOSPC', 'EIO', 'EACCES', 'EMFILE']
/** Which errors a call can have: no disk is too full to remove a file. */
const CAN = {
  ENOSPC: /^(open|write|append|fsync|mkdir|rename|copyFile|chmod)/,
  EIO: /./,
  EACCES: /^(open|mkdir|rename|unlink|rmdir|rm|chmod|copyFile|spawn)/,
  EMFILE: /^(open|write prompt|copyFile|spawn)/,
  short: /^(write|append)/,
  delay: /./,
  twice: /./,
  'kill-after': /./,
}
const SHORT = { kill: 6, errors: 5, odd: 2 }

export async function points({ level, random, keep }) {
  const all = await golden()
  const plan = (list, act) =>
    list
      .filter(({ label }) => act === 'kill' || CAN[act].test(label))
      .map((point) => ({ point, act }))
  const once = () => byLabel(all, random)
  const odd = ['kill-after', 'short', 'delay', 'twice']
  const each = {
    full: () => [...plan(all, 'kill'), ...[...ERRORS, ...odd].flatMap((act) => plan(once(), act))],
    minutes: () => [
      ...plan(once(), 'kill'),
      ...[...ERRORS, ...odd].flatMap((act) => random.some(plan(once(), act), 20)),
    ],
    short: () => [
      ...random.some(plan(once(), 'kill'), SHORT.kill),
      ...random.some(
        ERRORS.flatMap((act) => plan(once(), act)),
        SHORT.errors,
      ),
      ...random.some(
        odd.flatMap((act) => plan(once(), act)),
        SHORT.odd,
      ),
    ],
  }[level]()
  return random.some(each).map(({ point, act }) => ({
    fault: WORDS[act] ?? act,
    name: `${act} at ${nameOf(point)}`,
    async run() {
      const { violations, hits } = await faulted([{ ...point, act }], { keep })
      return { violations, reached: hits === 1 }
    },
  }))
}

const WORDS = {
  kill: '`kill -9` before a step',
  'kill-after': '`kill -9` after a step',
  ENOSPC: 'no space left (ENOSPC) at a step',
  EIO: 'an I/O error (EIO) at a step',
  EACCES: 'no permission (EACCES) at a step',
  EMFILE: 'no more files (EMFILE) at a step',
  short: 'a short write',
  delay: 'a step that takes 2 s',
  twice: 'a step done twice',
}
