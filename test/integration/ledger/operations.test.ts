import t from 'tap'
import { v7 } from 'uuid'
import { newLane } from '../../../src/core/operations/operation.ts'
import { operationOfNotification } from '../../../src/core/operations/of-notification.ts'
import { stop } from '../../../src/core/operations/steer.ts'
import { beginRelease, carryOnNow, countNotified } from '../../helpers/handlers.ts'
import { askIn } from '../../helpers/requests.ts'
import { keysWith, openService, type Service } from '../../helpers/service.ts'

const ANY = { service: null, code: null, reason: null, requestIds: null }

async function create(service: Service, afterMs = 0): Promise<string> {
  const at = await service.catalog.now()
  const lanes = [newLane({ bank: null, part: 0, at, matched: 1 })]
  const operation = operationOfNotification(`op_${v7()}`, { ...ANY, at }, lanes)
  t.ok(await service.operations.create(operation, afterMs))
  t.notOk(await service.operations.create(operation, afterMs), 'an id is taken once')
  return operation.id
}

t.test('while an older ledger is put into groups, each record tells what is taken', async (t) => {
  const service = await openService(t)
  const ids = [await askIn(service, 'parked'), await askIn(service, 'parked')]
  await askIn(service, 'queued')
  await service.redis.del(...(await keysWith(service.redis, `${service.tag}:group`)))
  await service.redis.del(`${service.tag}:indexing`)
  t.equal(await countNotified(service, ANY), 2)
  const { id } = await beginRelease(service, await service.notifications.record(ANY))
  t.equal(await carryOnNow(service, id), 2)
  for (const one of ids) t.equal((await service.catalog.find(one))?.state, 'retry-scheduled')
})

t.test('one process at a time carries an operation on, until its claim has lapsed', async (t) => {
  const service = await openService(t)
  const { operations, redis, tag } = service
  const id = await create(service)
  const later = await create(service, 60_000)
  t.match(await operations.claim(), { operation: { id } })
  t.equal(await operations.claim(), null, `${later} is not due`)
  const left = Number(await redis.zscore(`${tag}:operating`, id)) - (await service.catalog.now())
  t.ok(left > 25_000 && left <= 30_000, `${left} ms`)
  await redis.zadd(`${tag}:operating`, 0, id)
  t.match(await operations.claim(id), { operation: { id } })
})

t.test('an operation that has expired is claimed no more', async (t) => {
  const service = await openService(t)
  const id = await create(service)
  const kept = await service.redis.pttl(`${service.tag}:bulk:${id}`)
  t.ok(kept > 29 * 86_400_000 && kept <= 30 * 86_400_000)
  await service.redis.del(`${service.tag}:bulk:${id}`)
  t.equal(await service.operations.claim(), null)
  t.equal(await service.redis.zcard(`${service.tag}:operating`), 0)
  t.equal(await service.operations.change(id, stop), null)
  t.same((await service.operations.list(null, 9)).items, [])
})

t.test('changes that come at once are all made', async (t) => {
  const service = await openService(t)
  const id = await create(service)
  const count = (items: string[]) =>
    service.operations.change(
      id,
      (one) => ({ ...one, lanes: one.lanes.map((lane) => ({ ...lane, done: lane.done + 1 })) }),
      { items }
    )
  await Promise.all(Array.from({ length: 8 }, (_, number) => count([`r${number % 4}`])))
  t.match(await service.operations.find(id), { operation: { lanes: [{ done: 8 }] } })
  t.equal((await service.operations.openItems(id, 9)).length, 4)
  const known = new Map([
    ['r1', 'delivered' as const],
    ['gone', 'failed' as const]
  ])
  t.match(await service.operations.settleItems(id, known), { open: 3, delivered: 1, failed: 0 })
  await count(['r1'])
  t.match(await service.operations.settleItems(id, new Map()), { open: 3, delivered: 1 })
})

t.test('of very many operations the oldest that has ended is forgotten', async (t) => {
  const service = await openService(t)
  const { redis, tag } = service
  const [ended, live] = [await create(service), await create(service)]
  await service.operations.change(ended, (one) => ({ ...one, endedAt: 1, state: 'done' }))
  const others = Array.from({ length: 9_998 }, (_, number) => [0, `op_z${number}`]).flat()
  await redis.zadd(`${tag}:bulks`, ...others)
  await create(service)
  t.equal(await service.operations.find(ended), null)
  await create(service)
  t.not(await service.operations.find(live), null, 'what goes on stays')
})
