// What can happen to a workspace: when it makes sense, the deed on the real side, and what the model makes of it. A deed
// picks its task when its turn comes, so that most make sense. A sequence prints as a script that a person can replay.
import fc from 'fast-check'
import { compare } from './compare.ts'
import type { Model, Place, Task } from './promises.ts'
import { can, type World } from './world.ts'

export const IDS = ['a', 'b', 'c'] as const
type Command = fc.AsyncCommand<Model, World>

/** What befalls a task. */
interface Deed {
  name: string
  /** Whether it makes sense for this one now. */
  may(task: Task, model: Model): boolean
  does(task: Task, world: World, model: Model): Promise<unknown> | unknown
}

/** `nth` of the tasks for which it makes sense. `hasty`: what follows is not waited for, the next deed meets it half way. */
function onTask({ name, may, does }: Deed, nth: number, hasty: boolean): Command {
  let told = name
  const pick = (model: Model) => {
    const fit = Object.values(model.tasks).filter((task) => may(task, model) && !lost(task, model))
    return fit[nth % fit.length]
  }
  return {
    check: (model) => pick(model) !== undefined,
    async run(model, world) {
      const task = pick(model) as Task
      const from = task.main?.place
      if (task.moving) await compare(model, world)
      const late = !may(task, model)
      told = `${name} ${task.id}${from ? ` (${from})` : ''}${hasty ? ' &' : ''}${late ? ', too late' : ''}`
      if (late) return
      await does(task, world, model)
      // Without an orchestrator nothing moves but by hand.
      task.moving ||= model.up
      if (model.up && !model.full && !hasty) await compare(model, world)
    },
    toString: () => told,
  }
}

/** It is under way, and nothing brings it to rest: where it is cannot be known. */
const lost = (task: Task, model: Model) => task.moving && (!model.up || model.full)

const drop: Deed = {
  name: 'drop',
  may: ({ held, main }, { full }) => !full && held === null && main?.place !== 'pending',
  does(task, world, model) {
    const version = ++model.versions
    world.write(task.id, 'pending', version, 'new')
    if (task.main) task.held = version
    else task.main = { place: 'pending', version }
  },
}

const edit = (how: 'over' | 'new'): Deed => ({
  name: `edit (${how})`,
  may: ({ main }, { full }) => !full && main !== null,
  does({ id, main }, world, model) {
    if (!main) return
    main.version = ++model.versions
    world.write(id, main.place, main.version, how)
  },
})

const mv = (to: Exclude<Place, 'assigned'>): Deed => ({
  name: `mv to ${to}/`,
  may: ({ main, held }) =>
    main !== null && main.place !== to && (to !== 'pending' || held === null),
  does(task, world) {
    if (!task.main) return
    world.move(task.id, task.main.place, to)
    task.main.place = to
    task.stuck = false
  },
})

const rm: Deed = {
  name: 'rm',
  may: ({ main }) => main !== null,
  does(task, world) {
    if (task.main) world.remove(task.id, task.main.place)
    Object.assign(task, { main: null, stuck: false })
  },
}

const rmHeld: Deed = {
  name: 'rm the second',
  may: ({ held }) => held !== null,
  does(task, world) {
    world.remove(task.id, 'pending')
    task.held = null
  },
}

const finish = (end: 'ok' | 'bad'): Deed => ({
  name: `finish ${end}`,
  may: (task) => task.running !== null && task.end === null && task.main?.place === 'assigned',
  async does(task, world) {
    const mark = world.end(task.id, end === 'ok' ? 0 : 3)
    task.end = end
    // So that what is done next, by others, comes after the exit. Its next attempt may have begun by then.
    await world.stage.until('the exit', () => !world.lives(task.id, mark))
  },
})

const retry: Deed = {
  name: 'retry',
  may: (_, { full }) => !full,
  async does(task, world, model) {
    // Where the first is gone, the second is the task from the next look on.
    const good = task.main ? task.main.place !== 'assigned' : task.held !== null
    await world.told('retry', task.id, model.up, good)
    if (!good) return
    task.success = false
    if (!task.main) return
    if (task.held === null) task.main.place = 'pending'
    else {
      task.shelved.push(task.main.version)
      task.main = { place: 'pending', version: task.held }
      task.held = null
    }
  },
}

const cancel: Deed = {
  name: 'cancel',
  may: ({ held }, { full }) => !full && held === null,
  async does({ id, main }, world, model) {
    const good = main?.place === 'pending' || main?.place === 'assigned'
    await world.told('cancel', id, model.up, good)
    if (good) main.place = 'failed'
  },
}

/** What befalls the whole workspace. */
const onAll = (
  name: string,
  may: (model: Model) => boolean,
  does: (world: World, model: Model) => Promise<unknown> | unknown,
): Command => ({
  check: may,
  async run(model, world) {
    const { up, full } = model
    await does(world, model)
    // After this, what was done by hand meanwhile is under way, too.
    const begins = (model.up && !up) || (full && !model.full)
    const restless = Object.values(model.tasks).some(({ moving }) => moving)
    if (model.up && !model.full && (begins || !restless)) await compare(model, world)
  },
  toString: () => name,
})

const crash = () =>
  onAll(
    'kill -9',
    ({ up }) => up,
    async (world, model) => {
      await world.kill()
      model.up = false
    },
  )
const start = () =>
  onAll(
    'start',
    ({ up, full }) => !up && !full,
    async (world, model) => {
      await world.start()
      model.up = true
    },
  )
/** Not while something is under way: whether its attempt had begun could not be told. */
const reboot = () =>
  onAll(
    'reboot',
    ({ up, full, tasks }) => up && !full && !Object.values(tasks).some(({ moving }) => moving),
    async (world, model) => {
      await world.kill()
      await world.killAgents()
      for (const task of Object.values(model.tasks)) if (task.running !== null) task.end = 'killed'
      await world.start()
    },
  )
const second = () =>
  onAll(
    'start a second',
    ({ up, full }) => up && !full,
    async (world) => {
      const said = await world.second()
      if (!said.startsWith('1 ') || !said.includes(`pid ${world.stage.pid()} `))
        throw new Error(`the second says: ${said}`)
    },
  )
const look = () =>
  onAll(
    'look',
    ({ up }) => up,
    (world) => world.look(),
  )
const clock = (days: number) =>
  onAll(
    `the clock is set by ${days} days`,
    () => can.clock,
    (world) => world.clock(days),
  )
const fill = () =>
  onAll(
    'the disk is full',
    ({ full }) => can.disk && !full,
    (world, model) => {
      world.fill()
      model.full = true
    },
  )
const free = () =>
  onAll(
    'the disk has room',
    ({ full }) => full,
    (world, model) => {
      world.free()
      model.full = false
    },
  )

const some = (...deeds: Deed[]) =>
  fc.tuple(fc.constantFrom(...deeds), fc.nat({ max: 5 }), fc.boolean()).map((all) => onTask(...all))
const often = [
  some(drop),
  some(finish('ok'), finish('bad')),
  some(mv('pending'), mv('completed'), mv('failed')),
]
export const commands = [
  ...[...often, ...often, some(drop)],
  ...[some(edit('over'), edit('new')), some(rm, rmHeld), some(retry), some(cancel)],
  ...[start, start, start, crash, fill, free, free].map((make) => fc.constant(null).map(make)),
  fc.oneof(
    fc.constantFrom(reboot, second, look).map((make) => make()),
    fc.integer({ min: -20, max: 20 }).map(clock),
  ),
]
