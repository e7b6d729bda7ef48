// Whole commands against a bare node, and questions over the socket, with tasks waiting and an agent at work.
import { openHouse } from './house.mjs'
import { alternate, figures, ratios, settled, timed, wholeProcess } from './measure.mjs'

/** Stands for a CLI agent: it works on one task for as long as the bench goes on, and the others wait for it. */
const AGENTS = { writer: { command: 'sleep 100000', max_instances: 1 } }
const ADD = 'Write unit tests for the auth module'

/** Lists beside other tools: lists.mjs. */
const LIMITS = { running: 1.25, stopped: 1.4 }

export async function processes({ dist, waiting, rounds, row }) {
  const house = await openHouse({ dist, agents: AGENTS, waiting })
  await house.start()
  house.command('add', 'Write')
  await settled('the agent to work', async () => {
    return (await house.ask('GET', '/status')).agents.busy === 1
  })
  await whole(house, 'running', rounds, row)
  await overSocket(house, rounds, row)
  house.stop()
  await whole(house, 'stopped', rounds, row)
  house.close()
}

async function whole(house, how, rounds, row) {
  const run = (...words) => wholeProcess([house.main, ...words], house.root)
  const times = await alternate(
    {
      bare: () => wholeProcess(['-e', '0'], house.root),
      status: () => run('status'),
      add: () => run('add', ADD),
    },
    rounds,
  )
  const bare = figures(times.bare)
  row({ what: `node -e 0, ${how}`, unit: 'ms', ...bare })
  for (const name of ['status', 'add']) {
    const own = figures(times[name])
    row({
      what: `orchestrate ${name}, ${how}`,
      unit: '× bare',
      ...ratios(own, bare),
      limit: LIMITS[how],
    })
  }
}

async function overSocket(house, rounds, row) {
  const ask = {
    status: () => house.ask('GET', '/status'),
    add: () => house.ask('POST', '/tasks', { tasks: [{ description: ADD }] }),
  }
  const times = { status: [], add: [] }
  for (let n = 0; n < rounds * 2; n++) {
    for (const name of ['status', 'add']) times[name].push(await timed(ask[name]))
  }
  row({ what: 'status over the socket', unit: 'ms', ...figures(times.status), limit: 50 })
  row({ what: 'add over the socket', unit: 'ms', ...figures(times.add), limit: 100 })
}
