import { Queue } from 'bullmq'
import t, { type Test } from 'tap'
import { createCipher } from '../../src/crypto/encrypt.ts'
import { hashTag } from '../../src/ledger/keys.ts'
import { openSpool } from '../../src/spool/spool.ts'
import { until } from '../helpers/until.ts'
import {
  accountOf,
  ask,
  atRest,
  inState,
  metric,
  startWorld,
  view,
  type World
} from '../helpers/world.ts'
import { secretKey } from '../helpers/service.ts'
import { spoolFolder } from '../helpers/spool.ts'
import { startHere, startUnready } from '../helpers/started.ts'

// What a process is given so that it asks for nothing, and takes nothing, that could not be kept.

t.test('nothing is paid for while Redis is nearly full', async (t) => {
  const world = await startWorld(t, { ownRedis: true, khipu: { callbackDelayMs: 10 } })
  const service = await startHere(t, world)
  const requestId = await ask(service, accountOf('1106', 1))
  await inState(service, requestId, 'parked')
  const used = /^used_memory:(?<bytes>\d+)/m.exec(await world.client.info('memory'))
  await world.client.config('SET', 'maxmemory', Math.floor(Number(used?.groups?.['bytes']) * 1.2))
  await until('that is noticed', async () => {
    return (await service.api('GET', '/health/ready')).text.includes('"room":"none"')
  })
  t.equal((await service.api('POST', `/v1/requests/${requestId}/retry`)).status, 200)
  const isPutOff = delayIn(t, world, 'send')
  await until('its worker has looked at it', async () => {
    return world.khipu.calls.length > 1 || (await isPutOff()) > 1000
  })
  t.equal(world.khipu.calls.length, 1)
  await world.client.config('SET', 'maxmemory', 0)
  t.match(await atRest(service, requestId), { state: 'delivered', attempts: 2 })
})

t.test('after Redis was away a deadline waits for what servers have on disk', async (t) => {
  const world = await startWorld(t, { ownRedis: true })
  const service = await startHere(t, world, {
    SPOOL_DIR: spoolFolder(t),
    CALLBACK_TIMEOUT: '5s'
  })
  const requestId = await ask(service, accountOf('1205', 1))
  const { dueAt } = await inState(service, requestId, 'awaiting-callback')
  await world.redis.kill()
  await until('the deadline has passed', () => Date.now() > Date.parse(dueAt ?? ''))
  await world.redis.restart()
  const delay = delayIn(t, world, 'deadline')
  const state = async () => (await view(service, requestId)).state
  await until('its worker has looked at it', async () => {
    const put = await delay()
    const seen = await state().catch(() => 'awaiting-callback')
    return seen !== 'awaiting-callback' || (put > 0 && put <= 1000)
  })
  t.equal(await state(), 'awaiting-callback')
})

t.test('where the partitions differ nothing is taken', async (t) => {
  const world = await startWorld(t)
  await (await startHere(t, world, { PARTITIONS: '2' })).close()
  const service = await startUnready(t, world, { PARTITIONS: '3' })
  await t.rejects(service.fits, { name: 'PartitionsDiffer' })
  await t.rejects(ask(service, accountOf('1205', 1)), { message: /answered 503/ })
  t.equal((await service.api('GET', '/health/ready')).status, 503)
})

t.test('one that is closed holds neither connections nor its spool', async (t) => {
  const world = await startWorld(t, { ownRedis: true })
  const clients = async () => {
    const list = String(await world.client.client('LIST'))
    return [...list.matchAll(/^id=\d+/gm)].map(([id]) => id)
  }
  await world.results.waitUntilReady()
  const before = await clients()
  const folder = spoolFolder(t)
  const service = await startHere(t, world, { SPOOL_DIR: folder })
  t.ok((await clients()).length > before.length)
  t.match(await metric(service, 'khipu_spool_entries'), new Map([['', 0]]))
  await service.close()
  await until('its connections are closed', async () => {
    return (await clients()).every((client) => before.includes(client))
  })
  const bounds = { mostBytes: 1e6, mostOfRequest: 1, mostBytesOfRequest: 1e6, leaveFree: 0 }
  openSpool({ folder, cipher: createCipher([secretKey('k1')]), ...bounds }).close()
  for (const url of [service.publicUrl, service.adminUrl]) {
    await t.rejects(fetch(`${url}/health/live`), { cause: { code: 'ECONNREFUSED' } })
  }
})

t.test('what is unwise is said once at the start, and that it is ready', async (t) => {
  const world = await startWorld(t)
  const service = await startHere(t, world, { API_TOKENS: `${world.env['API_TOKENS']},ops:short` })
  const said = (msg: RegExp) => service.logs.filter((line) => msg.test(line.msg))
  t.match(said(/^the token 'ops' of API_TOKENS has fewer than/), [{ level: 40 }])
  await until('it has said so', () => said(/^service ready$/).length === 1)
})

/** For how long the one job of a queue was last put off, in ms; 0 where it is not. */
function delayIn(t: Test, world: World, name: 'send' | 'deadline'): () => Promise<number> {
  const prefix = hashTag(world.env['QUEUE_PREFIX'] ?? '', 0)
  const queue = new Queue(name, { prefix, connection: { url: world.redis.url } })
  queue.on('error', () => {})
  t.teardown(() => queue.close())
  return async () => {
    const [job] = await queue.getDelayed()
    return job?.delay ?? 0
  }
}
