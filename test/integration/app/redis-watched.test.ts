import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startRedis } from '../../../simulator/private-redis.ts'
import { buildShared } from '../../../src/app/dependencies.ts'
import { startBodyThread } from '../../../src/app/body-thread-pool.ts'
import { configOf } from '../../helpers/config.ts'
import { openLog } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

const server = await startRedis({ url: null })
t.teardown(() => server.stop())
const redis = new Redis(server.url)
t.teardown(() => redis.disconnect())

async function share(t: Test, env: Readonly<Record<string, string>> = {}) {
  const config = configOf({ REDIS_URL: server.url, ...env })
  const { log } = openLog()
  const threads = startBodyThread(config, log)
  const shared = buildShared(config, null, threads, log)
  t.teardown(async () => {
    await shared.close()
    await threads.close()
  })
  await shared.fits
  return shared
}

t.test('the metrics tell how full Redis is', async (t) => {
  const shared = await share(t)
  const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
  await redis.config('SET', 'maxmemory', used * 2)
  t.teardown(() => redis.config('SET', 'maxmemory', 0))
  const told = async () => {
    const { text } = await shared.metrics.render()
    return Number(/^khipu_redis_filled_ratio (\S+)$/m.exec(text)?.[1])
  }
  await until('it is noticed', async () => (await told()) > 0)
  const ratio = await told()
  t.ok(ratio > 0.3 && ratio < 0.9, String(ratio))
})

t.test('readiness warns where there are fewer replicas than ACK_REPLICAS', async (t) => {
  const shared = await share(t, { ACK_REPLICAS: '2' })
  await until('it is noticed', () => shared.concerns().length > 0)
  t.match(shared.concerns(), [/^it has 0 replicas, and nothing is acknowledged without 2$/])
  const content = await share(t)
  await content.trouble()
  t.same(content.concerns(), [])
})

t.test(
  'readiness and metrics are told of the result queue that the configuration names',
  async (t) => {
    const names = { RESULT_QUEUE: 'other-results', QUEUE_PREFIX: 'watched' }
    const shared = await share(t, names)
    const results = new Queue(names.RESULT_QUEUE, {
      connection: redis,
      prefix: names.QUEUE_PREFIX
    })
    await results.add('delivered', {})
    await results.close()
    t.match(await shared.backlog(), { waiting: 1, failed: 0 })
    const { text } = await shared.metrics.render()
    t.match(text, /^khipu_result_queue_jobs\{state="waiting"\} 1$/m)
  }
)
