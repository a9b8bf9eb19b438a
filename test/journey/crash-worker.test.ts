import t from 'tap'
import { takeChance } from './chance.ts'
import { askForAll, checkAll, FAST, untilAllEnded, untilSomeMore } from './crowd.ts'
import { until } from './until.ts'
import { otherPorts, startWorld } from './world.ts'

const chance = takeChance()

t.test(`one of two workers is killed beside a server, seed ${chance.seed}`, async (t) => {
  const world = await startWorld(t, FAST)
  const [server, doomed, survivor] = await Promise.all([
    world.start({ ROLE: 'server' }),
    world.start({ ROLE: 'worker', ...(await otherPorts()) }),
    world.start({ ROLE: 'worker', ...(await otherPorts()) })
  ])
  const asking = askForAll(server)
  await until('both workers have sent some', () =>
    [doomed, survivor].every(({ logs }) => logs.some(({ msg }) => msg === 'request sent'))
  )
  await untilSomeMore(world, chance)
  await doomed.kill()

  const members = await asking
  await untilAllEnded(server, members)
  await checkAll(t, world, server, members)
  const errors = [server, survivor].flatMap(({ logs }) => logs.filter(({ level }) => level >= 50))
  t.same(errors, [], 'nobody has logged an error')
})
