import t from 'tap'
import { until } from './until.ts'
import {
  accountOf,
  ask,
  atRest,
  resultJobs,
  resultsOf,
  startWorld,
  sumOf,
  type World
} from './world.ts'

const CLEAN = { code: 0, signal: null }
/** Its callbacks are repeated until they are taken. */
const KHIPU = { callbackDelayMs: 200, callbackRepeats: 500, callbackRepeatDelayMs: 100 }
const PATIENT_WORLD = { ownRedis: true, khipu: KHIPU }

// They wait more than they work, and each has a world of its own.
// Each has options of its own as well: tap writes into them.
t.jobs = 3

t.test(
  'SIGTERM under load ends with code 0, and nothing is lost',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t, {
      khipu: KHIPU,
      env: { SWEEP_INTERVAL: '2s' }
    })
    const first = await world.start()
    const accepted: string[] = []
    const asking = (async () => {
      for (let number = 0; number < 1000; number += 10) {
        const ten = Array.from({ length: 10 }, (_, one) =>
          ask(first, accountOf('1001', number + one))
        )
        const outcomes = await Promise.allSettled(ten)
        const taken = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
        accepted.push(...taken)
        if (taken.length === 0) return
      }
    })()
    await until('the first results are there', async () => (await resultJobs(world)).length >= 20)
    t.same(await first.stop(), CLEAN)
    await asking
    t.same(first.strays, [])
    t.equal(first.stderr(), '')
    t.same(
      first.logs.filter(({ level }) => level >= 50),
      []
    )

    const second = await world.start()
    for (const requestId of accepted) await atRest(second, requestId)
    const known = await sumOf(second, 'khipu_requests_accepted')
    await until(
      'every request has ended',
      async () => (await sumOf(second, 'khipu_requests_ended')) === known
    )
    t.ok(known >= accepted.length)
    t.ok((await resultsOf(world, accepted)).size === known, 'one result each')
    t.equal((await resultJobs(world)).length, known)
    t.equal(world.khipu.calls.length, known, 'and nothing was asked twice')
    t.same(await second.stop(), CLEAN)
  }
)

t.test('SIGTERM without anything to do ends with code 0', { buffered: true }, async (t) => {
  const world = await startWorld(t)
  t.same(await (await world.start()).stop(), CLEAN)
})

t.test(
  'SIGTERM ends within its time while Redis does not answer',
  { buffered: true },
  async (t) => {
    const world = await startWorld(t, PATIENT_WORLD)
    const { service, requestId } = await busy(world)
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
  t.notOk(
    service.logs.some(({ msg }) => msg === 'service stopped'),
    'it did not wait'
  )
})

/** A service in the middle of a request whose POST is never answered. */
async function busy(world: World) {
  const service = await world.start()
  const requestId = await ask(service, accountOf('1603', 1))
  await until('Khipu was asked', () => world.khipu.calls.length > 0)
  return { service, requestId }
}
