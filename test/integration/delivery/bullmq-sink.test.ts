import { Queue, Worker } from 'bullmq'
import t, { type Test } from 'tap'
import { openService } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

const MINUTE = 60_000

async function openResults(t: Test) {
  const service = await openService(t)
  return { ...service, result: service.resultQueue, read: service.backlog }
}

t.test('what no consumer has taken waits, and what one has given up has failed', async (t) => {
  const { result, redis, queuePrefix, read } = await openResults(t)
  t.same(await read(), { waiting: 0, failed: 0, oldestMs: 0 })
  await result.add('delivered', {}, { attempts: 1, timestamp: Date.now() - 2 * MINUTE })
  await result.add('delivered', {}, { attempts: 1, timestamp: Date.now() - MINUTE })
  const first = await read()
  t.match(first, { waiting: 2, failed: 0 })
  t.ok(first.oldestMs >= 2 * MINUTE && first.oldestMs < 3 * MINUTE, 'the older of the two')

  const connection = redis.duplicate({ maxRetriesPerRequest: null })
  connection.on('error', () => {})
  t.teardown(() => connection.disconnect())
  const refuses = () => Promise.reject(new Error('refused'))
  const worker = new Worker(result.name, refuses, { connection, prefix: queuePrefix })
  worker.on('error', () => {})
  await until('both have failed', async () => (await read()).failed === 2)
  t.same(await read(), { waiting: 0, failed: 2, oldestMs: 0 })
  await result.add('delivered', {}, { attempts: 9, backoff: { type: 'fixed', delay: MINUTE } })
  await until('its retry waits', async () => (await read()).waiting === 1)
  t.equal((await result.getDelayedCount()) + (await result.getWaitingCount()), 1)
  await worker.close()
})

t.test('a paused queue still has what waits, wherever BullMQ keeps it', async (t) => {
  const { result, redis, read } = await openResults(t)
  await result.add('delivered', {}, { timestamp: Date.now() - MINUTE })
  await result.pause()
  t.match(await read(), { waiting: 1 })
  // As older BullMQ does.
  await redis.renamenx(result.toKey('wait'), result.toKey('paused'))
  const { waiting, oldestMs } = await read()
  t.equal(waiting, 1)
  t.ok(oldestMs >= MINUTE)
})

t.test('a consumer with another prefix empties nothing', async (t) => {
  const { result, redis, read } = await openResults(t)
  await result.add('delivered', {})
  const other = new Queue(result.name, { connection: redis, prefix: 'other' })
  t.equal(await other.getWaitingCount(), 0)
  t.match(await read(), { waiting: 1 })
  await other.close()
})
