import { setTimeout as pause } from 'node:timers/promises'
import type { Scenario } from '../../../simulator/scenario.ts'
import { scenarios } from '../../../simulator/scenarios.ts'
import { FAST, type Member, untilAllEnded } from '../../helpers/crowd.ts'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { accountOf, ask, startWorld, type World } from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { layWire, type Wire } from './half-open.ts'
import { whileStopped } from './redis.ts'

/** Something done to the connections of an idle worker. */
interface Disturbance {
  readonly name: string
  readonly isLong?: true
  readonly disturb: (world: World, wire: Wire) => Promise<unknown>
}

const DISTURBANCES: readonly Disturbance[] = [
  { name: 'CLIENT KILL of all connections', isLong: true, disturb: killAll },
  { name: 'CLIENT KILL of the blocking connections', isLong: true, disturb: killBlocking },
  { name: 'SCRIPT FLUSH', isLong: true, disturb: ({ client }) => client.script('FLUSH') },
  { name: 'a restart of Redis', isLong: true, disturb: ({ redis }) => redis.restart() },
  { name: 'a Redis that stops for 12 s', isLong: true, disturb: stopForLong },
  { name: 'an outage of 30 s', isLong: true, disturb: beAwayForLong },
  { name: 'connections that go dead unnoticed', disturb: async (_world, wire) => wire.goDead() }
]

/** A worker that hears nothing any more: an idle one is disturbed, and then given something to do. */
export const deafFaults: readonly Fault[] = DISTURBANCES.map(({ name, isLong, disturb }) => ({
  name: `an idle worker after ${name}`,
  ...(isLong === true ? { isLong } : {}),
  run: (run: Run) => disturbIdle(run, disturb)
}))

/** One for each of the three queues: all three are read over blocking connections of their own. */
const USED: ReadonlySet<string> = new Set(['ok', 'never-once', 'retry-immediately-once'])
/** Far more than any of BullMQ's and ioredis's own time-outs; a deaf worker never hears. */
const HEARS_WITHIN_MS = 60_000

async function disturbIdle(run: Run, disturb: Disturbance['disturb']): Promise<Figures> {
  // The sweep would heal what a deaf worker leaves undone.
  const env = { ...FAST.env, SWEEP_INTERVAL: '10m', CALLBACK_TIMEOUT: '1s' }
  const world = await startWorld(run, { ...FAST, env, ownRedis: true })
  const wire = await layWire(run, world.redis.url)
  const service = await world.start({ REDIS_URL: wire.url })
  const used = scenarios.filter(({ name }) => USED.has(name))
  const before = await askFor(service, used, 1)
  await untilAllEnded(service, before)

  await disturb(world, wire)
  const startedAt = Date.now()
  const after = await askFor(service, used, 2)
  await until('Khipu is asked', () => used.every(({ name }) => callsOf(world, name) > 1))
  const sentMs = Date.now() - startedAt
  const members = [...before, ...after]
  await untilAllEnded(service, members)
  const endedMs = Date.now() - startedAt
  const figures = await count(world, service, members, { kills: 1 })
  if (endedMs > HEARS_WITHIN_MS) throw new Error(`the workers heard after ${endedMs} ms`)
  return { ...figures, remark: `sent after ${sentMs} ms, all ended after ${endedMs} ms` }
}

function askFor(service: Service, used: readonly Scenario[], number: number): Promise<Member[]> {
  return Promise.all(
    used.map(async (scenario) => {
      const account = accountOf(scenario.prefix, number)
      const requestId = await until('the request is accepted', () =>
        ask(service, account).catch(() => null)
      )
      return { scenario, account, requestId }
    })
  )
}

function callsOf({ khipu }: World, name: string): number {
  return new Set(khipu.calls.filter((call) => call.scenario === name).map((call) => call.account))
    .size
}

async function killAll({ client }: World): Promise<void> {
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal')
}

async function killBlocking({ client }: World): Promise<void> {
  const blocking = await until('the worker blocks', async () => {
    const clients = String(await client.call('CLIENT', 'LIST')).split('\n')
    const found = clients.filter((line) => / flags=\w*b/.test(line))
    return found.length >= 3 ? found : null
  })
  for (const line of blocking) {
    await client.call('CLIENT', 'KILL', 'ID', /\bid=(?<id>\d+)/.exec(line)?.groups?.['id'] ?? '')
  }
}

async function stopForLong({ redis }: World): Promise<void> {
  await whileStopped(redis.pid, () => pause(12_000))
}

async function beAwayForLong({ redis }: World): Promise<void> {
  await redis.kill()
  await pause(30_000)
  await redis.restart()
}
