// Preloaded (`node --import`) into an orchestrator: counts its changing calls by name, and at the chosen one kills, refuses, cuts
// short, delays, repeats or stops. Promises: not a line of the program knows of it; node's own modules are wrapped, nothing else.
//
//   FAULT_ROOT      the workspace; calls outside of it are left alone
//   FAULT_POINTS    a file that gets one line per point: `label<TAB>task`
//   FAULT           JSON { label, of, k, act }: at the k-th call of that name
//   FAULT_HIT       a file that is made when the fault is reached
//   FAULT_WARP      from the fault on (`always:N`: from the start) timers and the monotonic clock run so many times faster
import child_process from 'node:child_process'
import fs from 'node:fs'
import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { pointOf } from './points.mjs'

const { FAULT_ROOT: root = '', FAULT_POINTS: points, FAULT_HIT: hit } = process.env
const fault = process.env.FAULT ? JSON.parse(process.env.FAULT) : null
const [, always, times] = /^(always:)?(\d+)$/.exec(process.env.FAULT_WARP ?? '') ?? []
const raw = { ...fs }
const list = points ? raw.openSync(points, 'a') : null
const paths = new Map()
const counts = new Map()
let inside = 0
let warped = false

/** Called before each changing call: what is to happen at it; null: nothing. */
function at(act, path, to) {
  if (inside || path === undefined) return null
  const point = pointOf(root, act, path, to)
  if (!point) return null
  if (list !== null) raw.writeSync(list, `${point.label}\t${point.of}\n`)
  if (fault?.label !== point.label || fault.of !== point.of) return null
  const k = (counts.get(point.label) ?? 0) + 1
  counts.set(point.label, k)
  if (k !== fault.k) return null
  if (hit) raw.writeFileSync(hit, `${point.label}\n`)
  if (times && !always) warp(Number(times))
  if (fault.act === 'kill') process.kill(process.pid, 'SIGKILL')
  if (fault.act === 'stop') process.kill(process.pid, 'SIGSTOP')
  return fault.act
}

const die = () => process.kill(process.pid, 'SIGKILL')
const isError = (act) => /^E[A-Z]+$/.test(act)
/** As node makes them: the program may tell a failure of the machine by its `syscall`. */
const errorOf = (code, act, path) =>
  Object.assign(new Error(`${code}: by the torture, ${act} '${path}'`), {
    code,
    syscall: act,
    path,
  })
const DELAY_MS = 2000
const half = (data) => data.subarray(0, data.length >> 1)
const bytesOf = (data) => (ArrayBuffer.isView(data) ? Buffer.from(data) : Buffer.from(String(data)))

function warp(factor) {
  if (warped) return
  warped = true
  const [now, set] = [performance.now.bind(performance), globalThis.setTimeout]
  const from = now()
  Object.defineProperty(performance, 'now', { value: () => from + (now() - from) * factor })
  globalThis.setTimeout = Object.assign(
    (work, ms = 0, ...more) => set(work, ms / factor, ...more),
    set,
  )
}
if (always) warp(Number(times))

/** Runs `work` without counting what node calls of itself in it. */
function quietly(work) {
  inside++
  try {
    return work()
  } finally {
    inside--
  }
}

/** The three shapes of a call. `where(args)` gives [path, to] or null; `cut(args)` the arguments of a half one. */
function promised(holder, name, act, where, cut) {
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

function calledBack(name, act, where, cut) {
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

function synchronous(name, act, where, cut) {
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
function copyMarks(real, mine) {
  for (const key of Object.getOwnPropertySymbols(real))
    Object.defineProperty(mine, key, Object.getOwnPropertyDescriptor(real, key))
}

const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants
const changes = (flags) =>
  typeof flags === 'number'
    ? (flags & (O_WRONLY | O_RDWR | O_CREAT)) !== 0
    : /[wax+]/.test(flags ?? 'r')
const opening = ([path, flags]) => (changes(flags) ? [path] : null)
const first = ([path]) => (typeof path === 'object' && 'fd' in path ? null : [path])
const both = ([from, to]) => [from, to]
const byFd = ([fd]) => (paths.has(fd) ? [paths.get(fd)] : null)
const second = ([path, data, ...rest]) => [path, half(bytesOf(data)), ...rest]

const ACTS = {
  ...{ rename: both, mkdir: first, rmdir: first, unlink: first, rm: first, chmod: first },
  ...{ link: both, copyFile: (args) => [args[1]], symlink: (args) => [args[1]] },
}
for (const [name, where] of Object.entries(ACTS)) {
  promised(fsp, name, name, where)
  calledBack(name, name, where)
  synchronous(`${name}Sync`, name, where)
}
for (const [name, act] of [
  ['writeFile', 'write'],
  ['appendFile', 'append'],
]) {
  promised(fsp, name, act, first, second)
  calledBack(name, act, first, second)
  synchronous(`${name}Sync`, act, first, second)
}
const cutWrite = ([fd, data, ...rest]) =>
  ArrayBuffer.isView(data)
    ? [fd, half(bytesOf(data)), 0, data.length >> 1, ...rest.slice(2)]
    : [fd, half(bytesOf(data)).toString(), ...rest]
calledBack('write', 'write', byFd, cutWrite)
synchronous('writeSync', 'write', byFd, cutWrite)
for (const name of ['fsync', 'fdatasync']) {
  calledBack(name, 'fsync', byFd)
  synchronous(`${name}Sync`, 'fsync', byFd)
}

// Which path a descriptor stands for: from its opening to its closing.
calledBack('open', 'open', opening)
synchronous('openSync', 'open', opening)
const { open, openSync, close, closeSync } = fs
fs.open = (path, ...rest) => {
  const done = rest.pop()
  const own = inside // node's writeFile opens by this very function
  return open(path, ...rest, (error, fd) => {
    if (!error && !own) paths.set(fd, path)
    done(error, fd)
  })
}
copyMarks(open, fs.open)
fs.openSync = (path, ...rest) => {
  const fd = openSync(path, ...rest)
  if (!inside) paths.set(fd, path)
  return fd
}
fs.close = (fd, ...rest) => {
  paths.delete(fd)
  return close(fd, ...rest)
}
fs.closeSync = (fd) => {
  paths.delete(fd)
  return closeSync(fd)
}

const handles = new WeakMap()
promised(fsp, 'open', 'open', opening)
const openHandle = fsp.open
fsp.open = async (path, ...rest) => {
  const handle = await openHandle(path, ...rest)
  handles.set(handle, path)
  return handle
}
const probe = await raw.promises.open('/dev/null')
const FileHandle = Object.getPrototypeOf(probe)
await probe.close()
const handle = function () {
  return handles.has(this) ? [handles.get(this)] : null
}
const firstHalf = ([data, ...rest]) => [half(bytesOf(data)), ...rest]
promised(FileHandle, 'sync', 'fsync', handle)
promised(FileHandle, 'datasync', 'fsync', handle)
promised(FileHandle, 'write', 'write', handle, firstHalf)
promised(FileHandle, 'writeFile', 'write', handle, firstHalf)
promised(FileHandle, 'appendFile', 'append', handle, firstHalf)

// A spawn that the machine refuses tells so later, by an event.
const { spawn } = child_process
child_process.spawn = function (program, args, options) {
  const env = options?.env ?? {}
  const task = env.ORCHESTRATE_TASK
  const todo = task ? at('spawn', `${root}/.orchestrate/runs/${task}/1/shim`) : null
  if (todo && isError(todo)) return spawn.call(this, '/not/a/program', args, options)
  const child = spawn.call(this, program, args, options)
  if (todo === 'kill-after') die()
  if (todo === 'twice') spawn.call(this, program, args, options).unref()
  return child
}

syncBuiltinESMExports()
