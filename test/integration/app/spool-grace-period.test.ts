import { EventEmitter } from 'node:events'
import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../../../simulator/private-redis.ts'
import { watchSpoolGracePeriod } from '../../../src/app/spool-grace-period.ts'
import { askIn } from '../../helpers/requests.ts'
import { HOUR, openService } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { jobOf } from '../../helpers/worker.ts'
import { handleDeadline } from '../../helpers/handlers.ts'

t.test('callbacks may wait after Redis was away, and for as long as it is', async (t) => {
  const redis = await startRedis({ url: null })
  t.teardown(() => redis.stop())
  const client = new Redis(redis.url, { retryStrategy: () => 20 })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  const mayWait = watchSpoolGracePeriod(client, null)
  await until('it is ready', () => client.status === 'ready')
  t.equal(mayWait(), false, 'not where it has been there from the start')
  await redis.kill()
  await until('it is lost', mayWait)
  await redis.restart()
  await until('it is back', () => client.status === 'ready')
  t.equal(mayWait(), true)
})

t.test('callbacks wait for as long as this process has some to drain', async (t) => {
  let more = true
  const mayWait = watchSpoolGracePeriod(new EventEmitter() as unknown as Redis, {
    hasMore: () => more
  })
  t.equal(mayWait(), true)
  more = false
  t.equal(mayWait(), false)
})

t.test('while callbacks may wait, a deadline that has passed proves nothing', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  const job = await jobOf(service, requestId)
  t.match(await handleDeadline({ ...service, callbacksWait: () => true }, job), { sleepMs: Number })
  t.equal((await service.catalog.find(requestId))?.state, 'awaiting-callback')
  t.equal(await handleDeadline({ ...service, callbacksWait: () => false }, job), undefined)
  t.equal((await service.catalog.find(requestId))?.state, 'retry-scheduled')
})
