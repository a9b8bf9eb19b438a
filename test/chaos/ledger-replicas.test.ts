import t, { type Test } from 'tap'
import { startRedis } from '../../simulator/private-redis.ts'
import { awaitReplicas, type Replicas } from '../../src/redis/replicas.ts'
import { publishSafely } from '../../src/ledger/advance.ts'
import { connectFailingFast } from '../../src/redis/connect.ts'
import { bytes, ok, resultsOf } from '../helpers/callbacks.ts'
import { openAdmin, openPublic } from '../helpers/listeners.ts'
import { startReplica } from '../helpers/replica.ts'
import { ACKNOWLEDGED, ask, askIn } from '../helpers/requests.ts'
import { openService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'
import { jobOf, openWorker } from '../helpers/worker.ts'
import { advance, handleSend } from '../helpers/handlers.ts'

// What is acknowledged, or about to be paid for, is known to a replica.

const master = await startRedis({ url: null })
t.teardown(() => master.stop())
const { stop, goOn } = await startReplica(t, master.url)

const service = await openService(t, { url: master.url, ackReplicas: 1 })
const { redis, replicas } = service
const write = () => redis.set('khipu:written', 1)
const isReached = (of: Replicas, what: () => Promise<unknown>) =>
  of.reached(what).then(
    () => true,
    () => false
  )

t.test('a write that a replica has is reached, and says what it did', async (t) => {
  t.equal(await replicas.reached(write), 'OK')
  await t.rejects(
    replicas.reached(() => Promise.reject(new Error('refused'))),
    { message: 'refused' }
  )
})

t.test('one WAIT is for all who come meanwhile', async (t) => {
  const waits = async () => {
    const [, calls = '0'] = /cmdstat_wait:calls=(\d+)/.exec(await redis.info('commandstats')) ?? []
    return Number(calls)
  }
  const before = await waits()
  await Promise.all(Array.from({ length: 100 }, () => replicas.reached(write)))
  t.ok((await waits()) - before <= 3, 'not one each')
})

t.test('a write that no replica has is not', async (t) => {
  stop()
  await t.rejects(replicas.reached(write), { name: 'NotReplicated' })
  goOn()
  await until('it is there again', () => isReached(replicas, write))
  const two = awaitReplicas(redis, 2, 'khipu:fence')
  await t.rejects(two.reached(write), { message: '1 of 2 replicas have it' })
})

// Since Redis 7.2 a WAIT is for what its own connection has changed, and for nothing where that is nothing.
t.test('nor is one that changes nothing, for another connection made it', async (t) => {
  const other = await openService(t, { url: master.url, ackReplicas: 1 })
  await other.redis.wait(1, 1000)
  stop()
  await write()
  const again = () => other.redis.setnx('khipu:written', 1)
  await t.rejects(other.replicas.reached(again), { name: 'NotReplicated' })
  goOn()
  await until('it is there again', () => isReached(other.replicas, again))
})

t.test('nor is one whose connection was lost before WAIT has said so', async (t) => {
  const lost = replicas.reached(async () => {
    await write()
    redis.disconnect(true)
  })
  await t.rejects(lost, { name: 'NotReplicated' })
  t.equal(await replicas.reached(write), 'OK', 'the next one is')
})

t.test('without any asked for, a write counts at once', async (t) => {
  const none = awaitReplicas(redis, 0, 'khipu:fence')
  stop()
  t.equal(await none.reached(write), 'OK')
  goOn()
})

t.test('a callback is acknowledged once a replica has it', async (t) => {
  const server = await openService(t, {
    url: master.url,
    connect: connectFailingFast,
    ackReplicas: 1
  })
  const { post } = await openPublic(t, server)
  const requestId = await askIn(server, 'awaiting-callback')
  const token = server.capabilities.sign({ requestId, attempt: 1 })
  stop()
  for (const body of [bytes(ok()), bytes(ok()), Buffer.from('not JSON')]) {
    const answer = await post(token, body)
    t.match(answer, { status: 503, json: { status: 'unavailable' } })
    t.ok(Number(answer.headers.get('retry-after')) > 0)
  }
  const { post: call } = await openAdmin(t, server)
  const key = { 'idempotency-key': 'once' }
  const asked = () => call('/v1/requests', { RequestData: { AccountNumber: '77' } }, key)
  t.equal((await asked()).status, 503)
  t.match(await server.catalog.totals(), { accepted: 1 }, 'nothing is made without its key')
  const keyless = await call('/v1/requests', { RequestData: { AccountNumber: '78' } })
  t.equal(keyless.status, 503, 'nor is one accepted that has no key')
  goOn()
  await until('a replica has it', async () => (await post(token, bytes(ok()))).status === 200)
  t.match((await post(token, bytes(ok()))).json, { status: 'duplicate' })
  t.equal((await post(token, Buffer.from('not JSON'))).status, 400)
  t.equal((await asked()).status, 202)
  t.match(await server.catalog.totals(), { accepted: 3 })
})

/**
 * Twice as long as a WAIT takes. It holds up whatever else is on the connection: only between the two does a handler
 * get its answers, and go on where it does not wait itself.
 */
async function aWhileLater(t: Test): Promise<void> {
  for (const _ of [1, 2]) await t.rejects(replicas.reached(write), { name: 'NotReplicated' })
}

/** A request whose sending was begun in the ledger while no replica hears of it. */
async function beginUnheard() {
  const { deps, sends } = openWorker(service)
  const requestId = await ask(service)
  stop()
  const sending = handleSend(deps, await jobOf(service, requestId))
  await until('it is begun', async () => {
    return (await service.catalog.find(requestId))?.state === 'sending'
  })
  return { requestId, sends, sending }
}

t.test('nothing is sent before a replica knows of it', async (t) => {
  const { requestId, sends, sending } = await beginUnheard()
  await aWhileLater(t)
  t.same(sends, [])
  goOn()
  await sending
  t.equal(sends.length, 1)
  t.match(await service.catalog.find(requestId), { state: 'awaiting-callback' })
})

t.test('nor what has gone on without it', async (t) => {
  const { requestId, sends, sending } = await beginUnheard()
  await aWhileLater(t)
  // As a master would look that has never heard of it.
  await redis.del(`${service.tag}:request:${requestId}`)
  goOn()
  await sending
  t.same(sends, [])
})

t.test('nor what another has begun on a new master meanwhile', async (t) => {
  const { deps, sends } = openWorker(service)
  const requestId = await ask(service)
  const request = `${service.tag}:request:${requestId}`
  const before = await redis.hgetallBuffer(request)
  stop()
  const sending = handleSend(deps, await jobOf(service, requestId))
  const begun = async () => (await service.catalog.find(requestId))?.state === 'sending'
  await until('it is begun', begun)
  await aWhileLater(t)
  // The new master had the request as it was before, and a handler of its own that took it on.
  await redis.hset(request, before)
  const other = openWorker(service, async () => {
    await sending
    return ACKNOWLEDGED
  })
  const elsewhere = handleSend(other.deps, await jobOf(service, requestId))
  await until('it is begun again', begun)
  goOn()
  await Promise.all([sending, elsewhere])
  t.same([sends.length, other.sends.length], [0, 1])
})

t.test('a result that no replica has is not marked as published', async (t) => {
  const jobs = publishSafely(service.jobs, replicas)
  const requestId = await askIn(service, 'delivered')
  stop()
  await t.rejects(
    advance({ ...service, jobs }, requestId, (request) => request),
    {
      name: 'NotReplicated'
    }
  )
  t.match(await service.catalog.find(requestId), { publishedAt: null })
  goOn()
  await until('a replica is there', () => isReached(replicas, write))
  await advance({ ...service, jobs }, requestId, (request) => request)
  t.type((await service.catalog.find(requestId))?.publishedAt, 'number')
  t.equal((await resultsOf(service)).length, 1)
})

t.test('an envelope that comes at once is acted on once a replica has it', async (t) => {
  const body = bytes(ok())
  const { deps } = openWorker(service, () => {
    stop()
    const outcome = { type: 'result', completeness: 'complete' } as const
    return { type: 'envelope', outcome, httpStatus: 200, retryAfterMs: null, body } as never
  })
  const requestId = await ask(service)
  const sending = handleSend(deps, await jobOf(service, requestId))
  await until('it is stored', async () => {
    return (await service.ledger.load(requestId))?.pending.length === 1
  })
  await aWhileLater(t)
  t.match(await service.catalog.find(requestId), { state: 'sending' })
  goOn()
  await sending
  t.match(await service.catalog.find(requestId), { state: 'delivered' })
})
