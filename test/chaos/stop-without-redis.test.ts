import t from 'tap'
import type { Env } from '../helpers/service-process.ts'
import { takeTime } from '../helpers/patience.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, startWorld, type World } from '../helpers/world.ts'

const CLEAN = { code: 0, signal: null }
/** Its callbacks are repeated until they are taken. */
const KHIPU = { callbackDelayMs: 200, callbackRepeats: 500, callbackRepeatDelayMs: 100 }
const PATIENT_WORLD = { ownRedis: true, khipu: KHIPU }

takeTime(t)

// They wait more than they work, and each has a world of its own.
// Each has options of its own as well: tap writes into them.
t.jobs = 3

t.test(
  'SIGTERM ends within its time while Redis does not answer',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t, PATIENT_WORLD)
    // The longest delay for which ten seconds are enough.
    const { service, requestId } = await busy(world, { SHUTDOWN_DELAY: '5s' })
    const { pid } = world.redis
    if (pid === undefined) throw new Error('the Redis is not ours')
    process.kill(pid, 'SIGSTOP')
    t.teardown(() => process.kill(pid, 'SIGCONT'))
    t.same(await service.stop(), CLEAN)
    process.kill(pid, 'SIGCONT')
    t.match(await atRest(await world.start(), requestId), { state: 'delivered', attempts: 1 })
  }
)

t.test('SIGTERM ends within its time while Redis is away', { buffered: true }, async (t) => {
  const world = await startWorld(t, PATIENT_WORLD)
  const { service, requestId } = await busy(world)
  await world.redis.kill()
  await until('that is noticed', () => service.logs.some(({ msg }) => msg === 'redis lost'))
  t.same(await service.stop(), CLEAN)
  await world.redis.restart()
  t.match(await atRest(await world.start(), requestId), { state: 'delivered', attempts: 1 })
})

t.test('a second SIGTERM ends at once, with another code', { buffered: true }, async (t) => {
  const world = await startWorld(t, PATIENT_WORLD)
  const { service } = await busy(world)
  const { pid } = world.redis
  if (pid === undefined) throw new Error('the Redis is not ours')
  // So that the first one has to wait.
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => process.kill(pid, 'SIGCONT'))
  service.send('SIGTERM')
  await until('it stops', () => service.logs.some(({ msg }) => msg === 'service stopping'))
  service.send('SIGTERM')
  t.match(await service.exited(), { code: 1 })
  t.match(service.logs.at(-1), { signal: 'SIGTERM', msg: 'service stopped at once' })
  t.notOk(
    service.logs.some(({ msg }) => msg === 'service stopped'),
    'it did not wait'
  )
})

t.test('a longer delay has five seconds behind it', { buffered: true }, async (t) => {
  const world = await startWorld(t, PATIENT_WORLD)
  const { service } = await busy(world, { SHUTDOWN_DELAY: '6s' })
  const { pid } = world.redis
  if (pid === undefined) throw new Error('the Redis is not ours')
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => process.kill(pid, 'SIGCONT'))
  const startedAt = performance.now()
  service.send('SIGTERM')
  t.same(await service.exited(), CLEAN)
  const tookMs = performance.now() - startedAt
  t.ok(tookMs > 6000 && tookMs < 11_000, `it took ${tookMs} ms`)
})

/** A service in the middle of a request whose POST is never answered. */
async function busy(world: World, env: Env = {}) {
  const service = await world.start(env)
  const requestId = await ask(service, accountOf('1603', 1))
  await until('Khipu was asked', () => world.khipu.calls.length > 0)
  return { service, requestId }
}
