// The person beside the orchestrator: edits a waiting task, adds one over the socket, takes one away from its agent. Promises: each
// act once, when its moment has come; where the orchestrator died in the middle of an answer, the person looks before trying again.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { ADDED, drop, EDITED, hash, pause, STATES, UNEDITED } from './scenario.mjs'

export async function act(world) {
  const { todo, root } = world
  if (!todo.size) return
  const said = readFileSync(world.ledger, 'utf8')
  const path = (state, id) => join(root, 'tasks', state, `${id}.yaml`)
  if (todo.has('edit') && /^ok \d+ start/m.test(said)) {
    todo.delete('edit')
    // On a busy machine it may have run before the person came.
    if (/^after \d+ start/m.test(said)) world.tasks.after = UNEDITED
    else if (existsSync(path('pending', 'after'))) drop(world, 'after', EDITED)
  }
  // After the `add`: as long as someone works, the orchestrator stays.
  if (todo.has('cancel') && !todo.has('add') && /^gone \d+ start/m.test(said)) {
    const from = STATES.slice(0, 2)
      .map((state) => path(state, 'gone'))
      .find(existsSync)
    if (from) {
      mkdirSync(join(root, 'tasks/failed'), { recursive: true })
      renameSync(from, path('failed', 'gone'))
      todo.delete('cancel')
    }
  }
  // Its answer may take as long as a start that fails: the other acts do not wait for it.
  if (todo.has('add') && existsSync(join(root, '.orchestrate/orchestrate.sock')))
    world.asking ??= add(world, join(root, '.orchestrate/orchestrate.sock')).finally(() => {
      world.asking = null
    })
}

async function add(world, socket) {
  const body = JSON.stringify({ tasks: [{ description: ADDED, preferred_agent: 'shell' }] })
  const reply = await post(socket, '/tasks', body)
  if (reply === 'nobody') return // a socket that a dead one left: its successor will listen
  if (reply?.status === 201) taken(world, reply.body.ids[0])
  else await settleAdd(world)
}

/** It refused, or died in the middle of it: is there a task now? A person looks before adding again. */
async function settleAdd(world) {
  for (let n = 0; n < 20; n++) {
    for (const state of STATES) {
      const folder = join(world.root, 'tasks', state)
      for (const name of existsSync(folder) ? readdirSync(folder) : [])
        if (/^task_\d+\.yaml$/.test(name))
          return taken(world, name.slice(0, -5), join(folder, name))
    }
    await pause(5)
  }
}

function taken(world, id, path = null) {
  world.todo.delete('add')
  world.tasks[id] = { end: 'completed', most: 1 }
  const found =
    path ?? STATES.map((state) => join(world.root, 'tasks', state, `${id}.yaml`)).find(existsSync)
  // A claim may move it between our two looks; whichever look finds it, its bytes are the same.
  try {
    world.faces.set(id, hash(found))
  } catch {
    world.faces.set(id, null)
  }
}

function post(socketPath, path, body) {
  return new Promise((resolve) => {
    const call = request({
      socketPath,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      timeout: 10_000,
    })
    call.on('response', (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode, body: JSON.parse(text) })
        } catch {
          resolve(null) // it died in the middle of its answer
        }
      })
      response.on('error', () => resolve(null))
    })
    call.on('error', ({ code }) =>
      resolve(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'nobody' : null),
    )
    call.on('timeout', () => call.destroy())
    call.end(body)
  })
}
