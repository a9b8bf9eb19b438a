import t, { type Test } from 'tap'
import { ok } from '../helpers/callbacks.ts'
import { startProxy } from './faults/proxy.ts'
import { askUntilAccepted } from '../helpers/crowd.ts'
import { holdRedis } from '../helpers/held-redis.ts'
import { call, type Service } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, resultsOf, startWorld, type World } from '../helpers/world.ts'

const sample = JSON.stringify(ok({ Data: { Transaction: [] } }))

t.test('a callback while Redis hangs is answered 503, and taken afterwards', async (t) => {
  const world = await startWorld(t, { ownRedis: true })
  const { service, requestId, post } = await awaitingCallback(world)
  const { pid } = world.redis
  if (pid === undefined) throw new Error('the Redis is not ours')
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => process.kill(pid, 'SIGCONT'))
  await refuses(t, service, post)
  process.kill(pid, 'SIGCONT')
  await takesAgain(t, world, service, requestId, post)
})

t.test('a callback while Redis is nearly full is answered 503, and taken afterwards', async (t) => {
  const world = await startWorld(t, { ownRedis: true })
  const { service, requestId, post } = await awaitingCallback(world)
  const used = /^used_memory:(?<bytes>\d+)/m.exec(await world.client.info('memory'))
  const limit = Math.floor(Number(used?.groups?.['bytes']) * 1.2)
  await world.client.config('SET', 'maxmemory', limit)
  await until('that is noticed', async () => (await post()).status === 503)
  await refuses(t, service, post)
  await world.client.config('SET', 'maxmemory', 0)
  await takesAgain(t, world, service, requestId, post)
})

t.test('a Redis that hangs at the first command of a start does no lasting harm', async (t) => {
  const world = await startWorld(t, { ownRedis: true, khipu: { callbackDelayMs: 20 } })
  const held = await holdRedis(world.redis.url)
  t.teardown(() => held.close())
  const service = world.spawn({ REDIS_URL: held.url })
  // By then whatever was sent before has timed out as well.
  await until('it says that it cannot store', async () => {
    const answer = await call(`${service.adminUrl}/health/ready`).catch(() => null)
    return answer?.status === 503 && answer.text.includes('away')
  })
  held.letGo()
  await service.ready()
  const requestId = await ask(service, accountOf('1001', 1))
  t.match(await atRest(service, requestId), { state: 'delivered', attempts: 1 })
  t.match(world.khipu.callbacks, [{ answer: { status: 200 } }])
})

t.test('a connection to Redis that falls silent for good is given up', async (t) => {
  const world = await startWorld(t, { ownRedis: true, khipu: { callbackDelayMs: 20 } })
  const proxy = await startProxy(world.redis.url)
  t.teardown(() => proxy.close())
  const service = await world.start({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` })
  t.match(await atRest(service, await ask(service, accountOf('1001', 1))), { state: 'delivered' })
  proxy.silenceAll()
  const requestId = await askUntilAccepted(service, accountOf('1001', 2))
  t.match(await atRest(service, requestId), { state: 'delivered', attempts: 1 })
})

type Post = () => ReturnType<typeof call<{ status: string }>>

/** A request for which Khipu will send nothing: the test does. */
async function awaitingCallback(world: World) {
  const service = await world.start()
  const requestId = await ask(service, accountOf('1205', 1))
  const asked = await until('Khipu was asked', () => world.khipu.calls[0])
  const post: Post = () => call(asked.callbackUrl ?? '', { method: 'POST', body: sample })
  return { service, requestId, post }
}

async function refuses(t: Test, service: Service, post: Post): Promise<void> {
  const answer = await post()
  t.match(answer, { status: 503, body: { status: 'unavailable' } })
  t.match(answer.headers.get('retry-after'), /^[0-9]+$/)
  t.equal((await call(`${service.adminUrl}/health/ready`)).status, 503)
  t.equal((await call(`${service.adminUrl}/health/live`)).status, 200)
}

async function takesAgain(
  t: Test,
  world: World,
  service: Service,
  requestId: string,
  post: Post
): Promise<void> {
  await service.ready()
  const answer = await until('it is taken', async () => {
    const one = await post()
    return one.status === 200 ? one : null
  })
  t.match(answer.body.status, /^(?:accepted|duplicate|late)$/)
  t.match(await atRest(service, requestId), { state: 'delivered', attempts: 1 })
  t.equal((await resultsOf(world, [requestId])).size, 1)
}
