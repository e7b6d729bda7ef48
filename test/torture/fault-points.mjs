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
import { at, die, isError, isInside } from './fault.mjs'
import { calledBack, copyMarks, promised, synchronous } from './wrap.mjs'

const paths = new Map()
const half = (data) => data.subarray(0, data.length >> 1)
const bytesOf = (data) => (ArrayBuffer.isView(data) ? Buffer.from(data) : Buffer.from(String(data)))

const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants
const changes = (flags) =>
  typeof flags === 'number'
    ? (flags & (O_WRONLY | O_RDWR | O_CREAT)) !== 0
    : /[wax+]/.test(flags ?? 'r')
const opening = ([path, flags]) => (changes(flags) ? [path] : null)
const byFd = ([fd]) => (paths.has(fd) ? [paths.get(fd)] : null)
const first = ([path]) => {
  if (typeof path === 'number') return byFd([path])
  return typeof path === 'object' && 'fd' in path ? null : [path]
}
const both = ([from, to]) => [from, to]
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
  const own = isInside() // node's writeFile opens by this very function
  return open(path, ...rest, (error, fd) => {
    if (!error && !own) paths.set(fd, path)
    done(error, fd)
  })
}
copyMarks(open, fs.open)
fs.openSync = (path, ...rest) => {
  const fd = openSync(path, ...rest)
  if (!isInside()) paths.set(fd, path)
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
const realOpen = fsp.open
promised(fsp, 'open', 'open', opening)
const openHandle = fsp.open
fsp.open = async (path, ...rest) => {
  const handle = await openHandle(path, ...rest)
  handles.set(handle, path)
  return handle
}
const probe = await realOpen('/dev/null')
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
  const todo = task
    ? at('spawn', `${process.env.FAULT_ROOT}/.orchestrate/runs/${task}/1/shim`)
    : null
  if (todo && isError(todo)) return spawn.call(this, '/not/a/program', args, options)
  const child = spawn.call(this, program, args, options)
  if (todo === 'kill-after') die()
  if (todo === 'twice') spawn.call(this, program, args, options).unref()
  return child
}

syncBuiltinESMExports()
