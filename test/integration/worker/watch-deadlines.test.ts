import t from 'tap'
import { watchDeadlines } from '../../../src/worker/watch-deadlines.ts'
import { askIn } from '../../helpers/requests.ts'
import { DAY, HOUR, openService } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

t.test('of what is due it enqueues the deadlines alone, each once', async (t) => {
  const service = await openService(t)
  const passed = [
    await askIn(service, 'sending', { ago: HOUR }),
    await askIn(service, 'awaiting-callback', { ago: HOUR }),
    await askIn(service, 'parked', { ago: 8 * DAY })
  ]
  for (const state of ['queued', 'awaiting-callback', 'parked', 'failed'] as const) {
    await askIn(service, state)
  }
  const stops = [watchDeadlines(service), watchDeadlines(service)]
  await until('they are enqueued', async () => {
    const { waiting } = await service.queues.deadline.getJobCounts('waiting')
    return waiting === passed.length
  })
  await Promise.all(stops.map((stop) => stop()))
  const jobs = await service.queues.deadline.getJobs()
  t.same(jobs.map(({ data }) => data.requestId).toSorted(), passed.toSorted())
  t.same(await service.queues.send.getJobs(), [])
})

t.test('behind many that wait to be sent the next search goes on', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  const others = Array.from({ length: 1000 }, (_, index) => ['1', `queued-${index}`]).flat()
  await service.redis.zadd(`${service.tag}:due`, ...others)
  t.match(await service.catalog.passedDeadlines(0), { requests: [], next: 1000 })
  t.match(await service.catalog.passedDeadlines(1000), { requests: [{ requestId }], next: 0 })
})

t.test('while Redis fails it says so once, and goes on', async (t) => {
  const service = await openService(t)
  let asked = 0
  const catalog = {
    async passedDeadlines() {
      asked += 1
      if (asked <= 2) throw new Error('away')
      return { requests: [], next: 0 }
    }
  }
  const stop = watchDeadlines({ ...service, catalog })
  await until('it has asked again', () => asked > 2)
  await stop()
  t.equal(service.lines.filter((line) => line.includes('deadlines not found')).length, 1)
})
