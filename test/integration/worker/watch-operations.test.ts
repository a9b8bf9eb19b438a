import t from 'tap'
import { watchOperations } from '../../../src/worker/watch-operations.ts'
import { beginRelease, startWorker } from '../../helpers/handlers.ts'
import { askIn } from '../../helpers/requests.ts'
import { DAY, openService } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { openWorker } from '../../helpers/worker.ts'

const ANY = { service: null, code: null, reason: null, requestIds: null }

t.test('a worker carries on what is due, and tells how it ended', async (t) => {
  const service = await openService(t)
  const { deps } = openWorker(service)
  const ids = [await askIn(service, 'parked'), await askIn(service, 'parked')]
  const settings = { connection: service.redis, concurrency: 1, sweepIntervalMs: DAY }
  const worker = startWorker({ ...deps, ...settings, requestTimeoutMs: 1000 })
  const { id } = await beginRelease(service, await service.notifications.record(ANY))
  await until('it has ended', async () => {
    const found = await service.operations.find(id)
    return found !== null && found.operation.endedAt !== null
  })
  await worker.close()
  for (const requestId of ids) {
    t.ok((await service.catalog.find(requestId))?.history.some(({ event }) => event === 'released'))
  }
  const ended = service.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(
    ended.find(({ msg }) => msg === 'operation ended'),
    { operation: id, state: 'done', done: 2, held: 0 }
  )
})

t.test('while Redis is away it is told once, and goes on afterwards', async (t) => {
  const service = await openService(t)
  let tries = 0
  const claim = async () => {
    tries += 1
    if (tries < 3) throw new Error('away')
    return null
  }
  const { operations, catalog, log } = service
  const judge = async () => 'passed' as const
  const stop = watchOperations({
    operations: { ...operations, claim },
    parts: [],
    find: catalog.find,
    judge,
    operated: () => {},
    log
  })
  await until('it has tried again', () => tries > 3)
  await stop()
  t.equal(service.lines.filter((line) => line.includes('operations not carried on')).length, 1)
})
