import t from 'tap'
import { startConsumer } from '../../simulator/consumer.ts'
import { takeChance } from './chance.ts'
import { askForAll, checkAll, FAST, untilAllEnded, untilSomeMore } from './crowd.ts'
import type { Service } from './service.ts'
import { until } from './until.ts'
import { startWorld } from './world.ts'

const KILLS = 4
const chance = takeChance()

t.test(`the service is killed again and again, seed ${chance.seed}`, async (t) => {
  const world = await startWorld(t, FAST)
  const consumer = startConsumer({
    redisUrl: world.redis.url,
    prefix: world.env['QUEUE_PREFIX'] ?? '',
    log: () => {}
  })
  t.teardown(() => consumer.close())
  const processes: Service[] = [await world.start()]
  const [first] = processes as [Service]
  const asking = askForAll(first)

  for (let kill = 0; kill < KILLS; kill++) {
    await untilSomeMore(world, chance)
    await processes.at(-1)?.kill()
    processes.push(await world.start())
  }

  const members = await asking
  await untilAllEnded(first, members)
  await checkAll(t, world, first, members)

  await until('the consumer has had them all', () => consumer.results.length >= members.length)
  t.same(
    consumer.results.map(({ requestId }) => requestId).toSorted(),
    members.map(({ requestId }) => requestId).toSorted(),
    'a consumer saw each result once'
  )
  // Whoever calls a process in the instant before it has reached Redis is told to come again.
  const early = 'operator call failed'
  const errors = processes.flatMap(({ logs }) =>
    logs.filter(({ level, msg }) => level >= 50 && msg !== early)
  )
  t.same(errors, [], 'no process has logged an error')
})
