import t from 'tap'
import { takeChance } from './chance.ts'
import { askForAll, checkAll, FAST, untilAllEnded, untilSomeMore } from './crowd.ts'
import { until } from './until.ts'
import { startWorld } from './world.ts'

const chance = takeChance()

t.test(`Redis is killed and comes back with its file, seed ${chance.seed}`, async (t) => {
  const world = await startWorld(t, { ...FAST, ownRedis: true })
  const service = await world.start()
  const asking = askForAll(service)

  for (let kill = 0; kill < 3; kill++) {
    await untilSomeMore(world, chance)
    await world.redis.kill()
    await until('that is noticed', () => told(service.logs, 'redis lost') > 2 * kill)
    await world.redis.restart()
    await service.ready()
  }

  // At last everything at once.
  await untilSomeMore(world, chance)
  await Promise.all([world.redis.kill(), service.kill()])
  await world.redis.restart()
  const last = await world.start()

  const members = await asking
  await untilAllEnded(last, members)
  await checkAll(t, world, last, members)
  t.same([service.strays, service.stderr()], [[], ''], 'the service wrote nothing but log lines')
})

function told(logs: readonly { msg: string }[], what: string): number {
  return logs.filter(({ msg }) => msg === what).length
}
