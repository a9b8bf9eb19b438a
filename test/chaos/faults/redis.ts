import { setTimeout as pause } from 'node:timers/promises'
import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../../helpers/crowd.ts'
import { call, type Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { startWorld, type World } from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { probeWith, startProbe } from './probe.ts'
import { askWithheld } from './withheld.ts'

/** Does something to Redis and undoes it; resolves when Redis is as before. `noticed` resolves once the service has seen it. */
type Harm = (world: World, noticed: () => Promise<void>) => Promise<void>

const HARMS: readonly (readonly [
  name: string,
  harm: Harm,
  /** None in the short form makes it a long one. */
  rounds: readonly [short: number, long: number]
])[] = [
  ['SIGKILL of Redis, which returns with its file', killRedis, [1, 5]],
  ['SIGSTOP of Redis for seconds', stopRedis, [1, 2]],
  ['CLIENT PAUSE WRITE', (world, noticed) => pauseClients(world, noticed, 'WRITE'), [1, 2]],
  ['CLIENT PAUSE ALL', (world, noticed) => pauseClients(world, noticed, 'ALL'), [0, 2]]
]

/** Whatever becomes of the Redis that the service works with. */
export const redisFaults: readonly Fault[] = [
  ...HARMS.map(([name, harm, [short, long]]) => ({
    name: `${name}, under load`,
    ...(short === 0 ? { isLong: true as const } : {}),
    run: (run: Run) => underLoad(run, harm, run.isShort ? short : long)
  })),
  { name: 'SIGKILL of Redis and the service at once, under load', isLong: true, run: killBoth },
  { name: 'a Redis that is not set up to keep what it is given', run: saysWhatIsWrong },
  {
    name: 'Redis is away when the service starts, and when it is to stop',
    isLong: true,
    run: startWithoutRedis
  }
]

async function underLoad(run: Run, harm: Harm, rounds: number): Promise<Figures> {
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const service = await world.start()
  const probe = await startProbe(run, world, service)
  const asking = askForAll(service)
  const recoveries: number[] = []
  for (let round = 0; round < rounds; round++) {
    await untilSomeMore(world, run.chance)
    const refusals = probe.refusals()
    await harm(world, async () => {
      await until('readiness says 503', async () => (await readiness(service)) === 503)
      await until('a callback is refused', () => probe.refusals() > refusals)
    })
    recoveries.push(await msUntilReady(service))
  }
  const members = [...(await asking), probe.member]
  await untilAllEnded(service, members)
  const seen = await probe.stop(service)
  const figures = await count(world, service, members, { kills: rounds })
  return { ...figures, remark: `${seen}; ready again after ${Math.max(...recoveries)} ms` }
}

async function readiness({ adminUrl }: Service): Promise<number> {
  const answer = await call(`${adminUrl}/health/ready`).catch(() => null)
  return answer?.status ?? 0
}

async function msUntilReady(service: Service): Promise<number> {
  const startedAt = Date.now()
  await service.ready()
  return Date.now() - startedAt
}

async function killRedis({ redis }: World, noticed: () => Promise<void>): Promise<void> {
  await redis.kill()
  await noticed()
  await redis.restart()
}

const STOPPED_MS = 5000

async function stopRedis({ redis }: World, noticed: () => Promise<void>): Promise<void> {
  await whileStopped(redis.pid, () => Promise.all([noticed(), pause(STOPPED_MS)]))
}

/** Keeps a process from running for as long as something takes. */
export async function whileStopped(
  pid: number | undefined,
  meanwhile: () => Promise<unknown>
): Promise<void> {
  if (pid === undefined) throw new Error('this process is not ours')
  process.kill(pid, 'SIGSTOP')
  try {
    await meanwhile()
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

const PAUSE_MS = 4000

async function pauseClients(
  { client }: World,
  noticed: () => Promise<void>,
  mode: 'WRITE' | 'ALL'
): Promise<void> {
  const until = Date.now() + PAUSE_MS
  await client.call('CLIENT', 'PAUSE', PAUSE_MS, mode)
  await noticed()
  await pause(Math.max(0, until - Date.now()))
}

async function killBoth(run: Run): Promise<Figures> {
  const kills = run.isShort ? 1 : 3
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const first = await world.start()
  const asking = askForAll(first)
  let last = first
  for (let kill = 0; kill < kills; kill++) {
    await untilSomeMore(world, run.chance)
    await Promise.all([world.redis.kill(), last.kill()])
    await world.redis.restart()
    last = await world.start()
  }
  const members = await asking
  await untilAllEnded(last, members)
  return count(world, last, members, { kills: 2 * kills })
}

/** It runs, and says aloud, in the log and to whoever asks, what does not keep. */
async function saysWhatIsWrong(run: Run): Promise<Figures> {
  const args = ['--maxmemory-policy', 'allkeys-lru', '--appendfsync', 'everysec']
  const world = await startWorld(run, { ownRedis: true, redis: { args } })
  const service = await world.start()
  await untilConcerned(service, [/noeviction/, /appendfsync everysec/])
  await world.client.config('SET', 'appendonly', 'no')
  await untilConcerned(service, [/noeviction/, /no append-only file/])
  const lines = service.logs.filter(({ concerns }) => Array.isArray(concerns))
  if (lines.length !== 2) throw new Error(`the log says it ${lines.length} times`)
  if (service.stderr() !== '') throw new Error(`it prints ${service.stderr()}`)
  const figures = await count(world, service, [], { kills: 2 })
  return { ...figures, remark: 'readiness and the log name all three' }
}

async function untilConcerned(service: Service, expected: readonly RegExp[]): Promise<void> {
  await until(`readiness names ${expected.join(' and ')}`, async () => {
    const { body } = await call<{ concerns?: string[] }>(`${service.adminUrl}/health/ready`)
    const { concerns = [] } = body
    return (
      concerns.length === expected.length &&
      expected.every((one) => concerns.some((concern) => one.test(concern)))
    )
  })
}

async function startWithoutRedis(run: Run): Promise<Figures> {
  const world = await startWorld(run, { ownRedis: true })
  const first = await world.start()
  const [withheld] = await askWithheld(world, first, 1)
  if (withheld === undefined) throw new Error('nothing was asked')
  await first.stop()
  await world.redis.kill()

  const stopped = world.spawn()
  await until('its listeners answer', async () => (await readiness(stopped)) === 503)
  const { code } = await stopped.stop()
  if (code !== 0) throw new Error(`SIGTERM without Redis ended with code ${code}`)

  const service = world.spawn()
  await until('its listeners answer', async () => (await readiness(service)) === 503)
  const probe = probeWith(run, withheld)
  await until('callbacks are refused', () => probe.refusals() > 5)
  if ((await readiness(service)) !== 503) throw new Error('it says that it is ready without Redis')
  await world.redis.restart()
  const ms = await msUntilReady(service)
  const seen = await probe.stop(service)
  await untilAllEnded(service, [probe.member])
  const figures = await count(world, service, [probe.member], { kills: 1 })
  return { ...figures, acknowledged: 1, remark: `${seen}; ready ${ms} ms after Redis was` }
}
