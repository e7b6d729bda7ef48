// A hundred agents at work: whether they can be asked after as quickly as five.
import { openHouse } from './house.mjs'
import { alternate, figures, ratios, settled, wholeProcess } from './measure.mjs'

const [FEW, MANY] = [5, 100]

export async function manyAgents({ dist, rounds, row }) {
  const houses = []
  for (const size of [FEW, MANY]) {
    const agents = { shell: { max_instances: size } }
    const house = await openHouse({ dist, agents })
    await house.start()
    const task = { description: 'exec sleep 100000', preferred_agent: 'shell' }
    await house.ask('POST', '/tasks', { tasks: Array.from({ length: size }, () => task) })
    await settled(`${size} agents to work`, async () => {
      return (await house.ask('GET', '/status')).agents.busy === size
    })
    houses.push(house)
  }
  const [few, many] = houses
  const times = await alternate(
    {
      few: () => wholeProcess([few.main, 'status'], few.root),
      many: () => wholeProcess([many.main, 'status'], many.root),
      askFew: () => few.ask('GET', '/status'),
      askMany: () => many.ask('GET', '/status'),
    },
    rounds,
  )
  const [whole, asked] = [
    ratios(figures(times.many), figures(times.few)),
    ratios(figures(times.askMany), figures(times.askFew)),
  ]
  row({ what: `status with ${MANY} agents at work ÷ with ${FEW}`, unit: '×', ...whole, limit: 1.5 })
  row({ what: 'the same over the socket', unit: '×', ...asked })
  for (const house of houses) house.close()
}
