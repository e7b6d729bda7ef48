// `orchestrate cancel ID…`: out of the queue. Promises: each id is told of; the exit code is 1 when one was refused.
import { each } from '../each.ts'

export const act = each('cancel')
