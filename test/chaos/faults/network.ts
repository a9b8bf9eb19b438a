import { setTimeout as pause } from 'node:timers/promises'
import type { Chance } from '../../helpers/chance.ts'
import { askForAll, FAST, untilAllEnded } from '../../helpers/crowd.ts'
import { startWorld, type WorldSettings } from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { exchangeFaults } from './network-exchanges.ts'
import { type Fate, type Harm, inBody, type Proxy, startProxy } from './proxy.ts'

/** Whatever a network does to connections. */
export const networkFaults: readonly Fault[] = [
  { name: 'network: Redis delayed, held, cut, half-closed, silent, under load', run: harmRedis },
  {
    name: 'network: Khipu delayed, cut, half-closed, silent, both ways, under load',
    isLong: true,
    run: harmKhipu
  },
  ...exchangeFaults
]

/** A disturbance of Redis, which is over once it resolves. */
type Disturbance = (proxy: Proxy, weather: Weather, chance: Chance) => Promise<void>

/** What befalls whatever goes through a proxy, until it changes. */
interface Weather {
  fate: Fate
}

const CALM: Fate = {}
const STORM_MS = 400

const cutting =
  (direction: 'up' | 'down', how: Harm['how']): Disturbance =>
  async (_proxy, weather, chance) => {
    weather.fate = { [direction]: { after: chance.between(0, 400), how } }
    await pause(STORM_MS)
  }

const DISTURBANCES: readonly Disturbance[] = [
  async (proxy) => proxy.resetAll(),
  cutting('up', 'reset'),
  cutting('down', 'reset'),
  cutting('up', 'half-close'),
  cutting('down', 'half-close'),
  async (_proxy, weather, chance) => {
    weather.fate = { hold: () => pause(chance.between(1, 40)) }
    await pause(STORM_MS)
  },
  async (_proxy, weather, chance) => {
    const { promise: over, resolve } = Promise.withResolvers<void>()
    weather.fate = { hold: () => over }
    await pause(chance.between(200, 3000))
    resolve()
  },
  async (proxy, weather, chance) => {
    weather.fate = { up: { after: 0, how: 'silence' } }
    proxy.silenceAll()
    await pause(chance.between(200, 2000))
  }
]

async function harmRedis(run: Run): Promise<Figures> {
  const { chance, isShort } = run
  const rounds = isShort ? 1 : 4
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const weather: Weather = { fate: CALM }
  const proxy = await startProxy(world.redis.url, () => weather.fate)
  run.teardown(() => proxy.close())
  const service = await world.start({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` })
  const asking = askForAll(service)
  for (const disturb of Array.from({ length: rounds }, () =>
    shuffled(DISTURBANCES, chance)
  ).flat()) {
    await pause(chance.between(100, 500))
    await disturb(proxy, weather, chance)
    weather.fate = CALM
  }
  const members = await asking
  await untilAllEnded(service, members)
  return count(world, service, members, { kills: proxy.harms })
}

const HASTY: WorldSettings = {
  ...FAST,
  khipu: { ...FAST.khipu, callbackTimeoutMs: 1500 },
  env: { ...FAST.env, CALLBACK_TIMEOUT: '3s', KHIPU_REQUEST_TIMEOUT: '2s' }
}

/** Each of them about as likely as that nothing happens. */
const FATES: readonly ((chance: Chance) => Fate)[] = [
  () => CALM,
  (chance) => ({ hold: () => pause(chance.between(1, 200)) }),
  (chance) => ({ up: { after: inBody(chance.between(0, 9) / 10), how: 'reset' } }),
  (chance) => ({ up: { after: chance.between(0, 200), how: 'reset' } }),
  () => ({ up: { after: inBody(1), how: 'reset' } }),
  () => ({ up: { after: inBody(1), how: 'half-close' } }),
  () => ({ down: { after: 0, how: 'reset' } }),
  (chance) => ({ down: { after: inBody(chance.between(0, 9) / 10), how: 'reset' } }),
  () => ({ down: { after: 0, how: 'half-close' } }),
  () => ({ up: { after: inBody(0.5), how: 'silence' } }),
  () => ({ down: { after: 0, how: 'silence' } })
]

async function harmKhipu(run: Run): Promise<Figures> {
  const { chance, isShort } = run
  const world = await startWorld(run, { ...HASTY, ownRedis: true })
  // In a hundred exchanges; the short form has to end soon.
  const harmed = isShort ? 10 : 40
  const fateOf = () =>
    chance.between(1, 100) > harmed
      ? CALM
      : (FATES[chance.between(0, FATES.length - 1)] ?? (() => CALM))(chance)
  const toKhipu = await startProxy(world.khipu.url, fateOf)
  const toUs = await startProxy(world.env['PUBLIC_URL'] ?? '', fateOf)
  run.teardown(() => [toKhipu, toUs].forEach((proxy) => proxy.close()))
  const service = await world.start({
    KHIPU_BASE_URL: `http://127.0.0.1:${toKhipu.port}`,
    PUBLIC_URL: `http://127.0.0.1:${toUs.port}`
  })
  const members = await askForAll(service)
  await untilAllEnded(service, members)
  return count(world, service, members, { kills: toKhipu.harms + toUs.harms })
}

function shuffled<T>(all: readonly T[], chance: Chance): readonly T[] {
  return all
    .map((one) => ({ one, place: chance.between(0, 1_000_000) }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ one }) => one)
}
