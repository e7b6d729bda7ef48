// From a method, a target and a body to an operation, and from its answer or error to a status and JSON. Promises: never
// throws; an error is `{error: {code, message, hint}}`; a fault of ours is told to the log, not to the asker.
import { inWords } from '../files/system-errors.ts'
import { type Log, OrchestrateError } from '../types.ts'
import { badInput, WHOLE } from './input.ts'
import { type Context, OPERATIONS, type Operation } from './operations.ts'

interface Request {
  method: string
  /** Path and query, as in the first line of an HTTP request. */
  target: string
  /** The media type, without parameters; empty when there is none. */
  type: string
  body: Buffer
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal
}
export interface Answer {
  status: number
  body: unknown
  /** For 405: the methods of this path. */
  allow?: string
}
export type Dispatch = (request: Request) => Promise<Answer>

/** 404: it is not there. 400: it was asked wrongly. Every other refusal of the core is a conflict with how things stand. */
const STATUS = new Map([
  ...[...['NO_TASK', 'NO_ROUTE']].map((code) => [code, 404] as const),
  ...['BAD_INPUT', 'BAD_TASK', 'BAD_ID', 'INVALID', 'USAGE'].map((code) => [code, 400] as const),
  ['NOT_JSON', 415] as const,
])

export function createDispatch(context: Context, log: Log): Dispatch {
  return async ({ method, target, type, body, signal }) => {
    try {
      const [path = '', query = ''] = target.split('?', 2)
      const fits = OPERATIONS.flatMap((operation) => {
        const params = match(operation.path, path)
        return params ? [{ operation, params }] : []
      })
      const found = fits.find(({ operation }) => operation.method === method)
      if (found) {
        const { operation, params } = found
        const input = join(params, method === 'GET' ? parseQuery(query) : parse(body, type, query))
        return { status: operation.status, body: await operation.answer(context, input, signal) }
      }
      if (fits.length === 0) throw unknownRoute(method, path)
      const allow = fits.map(({ operation }) => operation.method).join(', ')
      const error = new OrchestrateError('NO_METHOD', `${path} answers ${allow}, not ${method}`)
      return { ...refusal(error, 405), allow }
    } catch (error) {
      if (error instanceof OrchestrateError) return refusal(error, STATUS.get(error.code) ?? 409)
      const words = inWords(error)
      log(
        words ? 'debug' : 'error',
        `${method} ${target}: ${error instanceof Error ? error.stack : String(error)}`,
      )
      if (words) return refusal(new OrchestrateError('SYSTEM', words), 503)
      const message = 'something went wrong in the orchestrator; its log tells what'
      return refusal(new OrchestrateError('INTERNAL', message), 500)
    }
  }
}

export function refusal({ code, message, hint }: OrchestrateError, status: number): Answer {
  return { status, body: { error: { code, message, ...(hint !== undefined && { hint }) } } }
}

/** The parts of `path` that stand where `pattern` has `:name`; null when they differ. */
function match(pattern: string, path: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries()) {
    const word = given[i] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = word
    else if (part !== word) return null
  }
  return params
}

/** The names of params are ours; their values are decoded here, so that a `%2F` does not split the path. */
function join(params: Record<string, string>, input: object): object {
  for (const [key, word] of Object.entries(params)) {
    if (Object.hasOwn(input, key)) throw badInput(`\`${key}\` is in the path already`)
    try {
      params[key] = decodeURIComponent(word)
    } catch {
      throw badInput(`\`${key}\` is not well encoded in the path`)
    }
  }
  return { ...input, ...params }
}

function parseQuery(query: string): object {
  const input = new Map<string, string>()
  for (const [key, word] of new URLSearchParams(query)) {
    if (input.has(key)) throw badInput(`\`${key}\` is given twice`)
    input.set(key, word)
  }
  return Object.fromEntries(input)
}

function parse(body: Buffer, type: string, query: string): object {
  if (query !== '') throw badInput('a POST takes its input as JSON in the body, not in the query')
  if (body.length === 0) return {}
  if (type !== 'application/json') {
    const hint = 'send the header content-type: application/json'
    throw new OrchestrateError('NOT_JSON', `the body must be JSON, not ${type || 'untyped'}`, hint)
  }
  let input: unknown
  try {
    input = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw badInput(`the body is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input
  throw badInput(`${WHOLE} must be an object`)
}

function unknownRoute(method: string, path: string): OrchestrateError {
  const route = ({ method, path }: Operation) => `${method} ${path}`
  const hint = `there are ${OPERATIONS.map(route).join(', ')}`
  return new OrchestrateError('NO_ROUTE', `there is no ${method} ${path}`, hint)
}
