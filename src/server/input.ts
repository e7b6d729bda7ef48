// The shape of what comes in, checked by hand. Promises: a clear sentence that names the key; unknown keys are refused;
// what passes has exactly the type it says.
import { OrchestrateError } from '../types.ts'

/** Returns the value as what it is, or throws `BAD_INPUT`. `name`: the key, for the sentence. */
export type Check<T> = (value: unknown, name: string) => T
type Checks = Record<string, Check<unknown>>
type Values<C extends Checks> = { [K in keyof C]: ReturnType<C[K]> }

export const badInput = (message: string, hint?: string) =>
  new OrchestrateError('BAD_INPUT', message, hint)

export const text: Check<string> = (value, name) => {
  if (typeof value !== 'string') throw badInput(`${name} must be text`)
  if (value.trim() === '') throw badInput(`${name} must not be empty`)
  return value
}

export const oneOf =
  <const W extends string>(...words: W[]): Check<W> =>
  (value, name) => {
    const word = words.find((one) => one === value)
    if (word === undefined) throw badInput(`${name} must be one of ${words.join(', ')}`)
    return word
  }

export const above0: Check<number> = (value, name) => {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw badInput(`${name} must be a number above 0`)
}

/** A whole number; digits too, as a query string has nothing else. */
export const whole =
  (min: number, max: number): Check<number> =>
  (value, name) => {
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isSafeInteger(number)) {
      if (number >= min && number <= max) return number
    }
    throw badInput(`${name} must be a whole number from ${min} to ${max}`)
  }

export const list =
  <T>(of: Check<T>, min: number, max: number): Check<T[]> =>
  (value, name) => {
    if (!Array.isArray(value)) throw badInput(`${name} must be a list`)
    if (value.length < min || value.length > max) {
      throw badInput(`${name} must have ${min} to ${max} entries, and has ${value.length}`)
    }
    return value.map((one, i) => of(one, `${name}[${i}]`))
  }

export const keys =
  <R extends Checks, O extends Checks>(
    required: R,
    optional: O,
  ): Check<Values<R> & Partial<Values<O>>> =>
  (value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badInput(`${name} must be an object`)
    }
    const known = [...Object.keys(required), ...Object.keys(optional)]
    const stranger = Object.keys(value).find((key) => !known.includes(key))
    if (stranger !== undefined) {
      const hint = known.length > 0 ? `the keys are ${known.join(', ')}` : 'it has no keys'
      throw badInput(`${inside(name, stranger)} is an unknown key`, hint)
    }
    const given = new Map(Object.entries(value))
    const missing = Object.keys(required).find((key) => !given.has(key))
    if (missing !== undefined) throw badInput(`${inside(name, missing)} is missing`)
    const checks = { ...required, ...optional }
    const entries = [...given].map(([key, one]) => [key, checks[key]?.(one, inside(name, key))])
    return Object.fromEntries(entries) // each entry went through the check of its key
  }

/** The whole of the input goes by no name of its own. */
export const WHOLE = 'the input'
const inside = (name: string, key: string) => (name === WHOLE ? `\`${key}\`` : `${name}.\`${key}\``)
