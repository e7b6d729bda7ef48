// The three shapes of a call of node:fs (a promise, a callback, at once), wrapped so that the fault may come before, in or after it.
// Promises: without a fault, the call is as it was, its hidden marks for `util.promisify` too.
import fs from 'node:fs'
import { at, DELAY_MS, die, errorOf, isError, quietly } from './fault.mjs'

/** The three shapes of a call. `where(args)` gives [path, to] or null; `cut(args)` the arguments of a half one. */
export function promised(holder, name, act, where, cut) {
  const real = holder[name]
  holder[name] = async function (...args) {
    const on = where.call(this, args)
    const todo = on ? at(act, ...on) : null
    const go = (words = args) => quietly(() => real.apply(this, words))
    if (!todo || todo === 'stop') return go()
    if (isError(todo)) throw errorOf(todo, act, on[0])
    if (todo === 'delay') await new Promise((resolve) => setTimeout(resolve, DELAY_MS))
    if (todo === 'short' && cut) {
      await go(cut(args))
      throw errorOf('ENOSPC', act, on[0])
    }
    const result = await go()
    if (todo === 'kill-after') die()
    if (todo === 'twice') await go().catch(() => {}) // what a second time brings is the program's to bear
    return result
  }
  copyMarks(real, holder[name])
}

export function calledBack(name, act, where, cut) {
  const real = fs[name]
  fs[name] = function (...args) {
    const on = where.call(this, args)
    const todo = on ? at(act, ...on) : null
    const go = (words = args) => quietly(() => real.apply(this, words))
    if (!todo || todo === 'stop') return go()
    const done = args.at(-1)
    if (isError(todo)) return void setImmediate(() => done(errorOf(todo, act, on[0])))
    if (todo === 'delay') return void setTimeout(go, DELAY_MS)
    if (todo === 'short' && cut) return go(cut(args)) // as a full disk does: the count is short, and no error
    const first = args.slice(0, -1)
    const then = (...result) => {
      if (todo === 'kill-after') die()
      if (todo === 'twice') go([...first, () => done(...result)])
      else done(...result)
    }
    return go([...first, then])
  }
  copyMarks(real, fs[name])
}

export function synchronous(name, act, where, cut) {
  const real = fs[name]
  fs[name] = function (...args) {
    const on = where.call(this, args)
    const todo = on ? at(act, ...on) : null
    const go = (words = args) => quietly(() => real.apply(this, words))
    if (!todo || todo === 'stop') return go()
    if (isError(todo)) throw errorOf(todo, act, on[0])
    if (todo === 'delay') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DELAY_MS)
    if (todo === 'short' && cut) {
      const written = go(cut(args))
      if (name !== 'writeSync') throw errorOf('ENOSPC', act, on[0])
      return written
    }
    const result = go()
    if (todo === 'kill-after') die()
    if (todo === 'twice')
      try {
        go()
      } catch {
        // what a second time brings is the program's to bear
      }
    return result
  }
  copyMarks(real, fs[name])
}

/** `util.promisify` reads the names of a callback's arguments from a hidden property. */
export function copyMarks(real, mine) {
  for (const key of Object.getOwnPropertySymbols(real))
    Object.defineProperty(mine, key, Object.getOwnPropertyDescriptor(real, key))
}
