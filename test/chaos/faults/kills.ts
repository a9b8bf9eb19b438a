import { startConsumer } from '../../../simulator/consumer.ts'
import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../../helpers/crowd.ts'
import type { Env, Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { otherPorts, startWorld } from '../../helpers/world.ts'
import { checkRest } from './check-rest.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'

/** Whatever ends the processes of the service. */
export const killFaults: readonly Fault[] = [
  {
    name: 'SIGKILL of the service at random, under load',
    run: (run) => killAtRandom(run, ['all'])
  },
  {
    name: 'SIGKILL of a server and two workers at random, under load',
    run: (run) => killAtRandom(run, ['server', 'worker', 'worker'])
  }
]

/** Kills one of the processes again and again, and starts it anew; a consumer takes the results meanwhile. */
async function killAtRandom(run: Run, roles: readonly string[]): Promise<Figures> {
  const { chance, isShort } = run
  const kills = isShort ? 3 : 12
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const consumer = startConsumer({
    redisUrl: world.redis.url,
    prefix: world.env['QUEUE_PREFIX'] ?? '',
    log: () => {}
  })
  run.teardown(() => consumer.close())
  const places = await Promise.all(roles.map(placeOf))
  const living = await Promise.all(places.map((env) => world.start(env)))
  const everybody = [...living]
  const [first] = living as [Service]
  const asking = askForAll(first)
  for (let kill = 0; kill < kills; kill++) {
    await untilSomeMore(world, chance)
    const one = chance.between(0, roles.length - 1)
    await living[one]?.kill()
    const next = await world.start(places[one])
    living[one] = next
    everybody.push(next)
  }
  const members = await asking
  await untilAllEnded(first, members)
  await checkRest(world, first, members)
  await until('a consumer has had them all', () => consumer.results.length >= members.length)
  checkLogs(everybody)
  const consumed = consumer.results.map(({ requestId }) => requestId)
  const figures = await count(world, first, members, { kills, consumed })
  return { ...figures, remark: `${takenOver(everybody)} jobs taken over` }
}

// The first one has the ports that Khipu and the operators know.
async function placeOf(role: string, index: number): Promise<Env> {
  return { ROLE: role, ...(index === 0 ? {} : await otherPorts()) }
}

function takenOver(processes: readonly Service[]): number {
  return processes.flatMap(({ logs }) => logs).filter(({ msg }) => msg === 'job taken over').length
}

function checkLogs(processes: readonly Service[]): void {
  // Whoever calls a process in the instant before it has reached Redis is told to come again.
  const early = 'operator call failed'
  const errors = processes
    .flatMap(({ logs }) => logs)
    .filter(({ level, msg }) => level >= 50 && msg !== early)
  const strays = processes.flatMap(({ strays: lines, stderr }) => [...lines, stderr()])
  if (errors.length > 0 || strays.join('') !== '') {
    throw new Error(`logged: ${JSON.stringify([...errors, ...strays])}`)
  }
}
