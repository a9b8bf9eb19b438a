import t from 'tap'
import { groupOf } from '../../../src/core/groups/group.ts'
import { endRequest } from '../../../src/core/transitions/apply-decision.ts'
import { markPublished } from '../../../src/core/result-head.ts'
import { STATES } from '../../../src/core/request.ts'
import { askIn, change } from '../../helpers/requests.ts'
import { countNotified } from '../../helpers/handlers.ts'
import { openService, type Service } from '../../helpers/service.ts'

const ANY = { service: null, code: null, reason: null, requestIds: null }

/** What the groups should be, by the records. */
async function expected({ catalog }: Service): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let page = await catalog.after(null); ; page = await catalog.after(page.next)) {
    for (const request of page.items) counts[groupOf(request)] = (counts[groupOf(request)] ?? 0) + 1
    if (page.next === null) return counts
  }
}

/** The groups by their hash, once each agrees with its members. */
async function stored({ redis, tag }: Service): Promise<Record<string, number>> {
  const counts = Object.entries(await redis.hgetall(`${tag}:groups`))
  for (const [name, count] of counts) {
    t.equal(await redis.zcard(`${tag}:group:${name}`), Number(count), name)
  }
  const keys = await redis.keys(`${tag}:group:*`)
  t.equal(keys.length, counts.length, 'no other group has members')
  return Object.fromEntries(counts.map(([name, count]) => [name, Number(count)]))
}

t.test('every change of a request moves it to its group', async (t) => {
  const service = await openService(t)
  const ids: string[] = []
  for (let index = 0; index < 24; index += 1) {
    const state = STATES[index % STATES.length] ?? 'queued'
    ids.push(await askIn(service, state, { service: index % 3 === 0 ? 'cl/a/b/c' : 'cl/d/e/f' }))
  }
  t.same(await stored(service), await expected(service))
  for (const [index, id] of ids.entries()) {
    if (index % 2 > 0) continue
    await change(service, id, (request, now) =>
      request.endedAt === null
        ? endRequest(request, 'cancelled', 'cancelled', { at: now })
        : request
    )
  }
  t.same(await stored(service), await expected(service))
  for (const id of ids) await change(service, id, markPublished)
  await service.catalog.forgetEndedBefore(Date.now() + 1e9, 100)
  t.same(await stored(service), await expected(service))
})

/** What a process of an older version writes instead of the indexes: the request in the one of its state. */
async function asOlderVersions({ redis, tag, catalog }: Service, requestId: string): Promise<void> {
  const request = await catalog.find(requestId)
  await redis.zadd(`${tag}:state:${request?.state}`, 0, requestId)
  await redis.zadd(`${tag}:service:${request?.service}`, 0, requestId)
}

/** Every index that newer versions have. */
const NEW = ['group*', 'indexing', 'references', 'operations:*', 'due:*']

t.test('a ledger of an older version is indexed by and by', async (t) => {
  const service = await openService(t)
  const { redis, tag, catalog, groups } = service
  const ids: string[] = []
  for (const state of STATES) ids.push(await askIn(service, state, { reference: `of ${state}` }))
  t.same(Object.fromEntries((await groups.counts()) ?? []), await expected(service))
  const before = await indexesOf(service)
  for (const pattern of NEW) await redis.del('none', ...(await redis.keys(`${tag}:${pattern}`)))
  for (const id of ids) await asOlderVersions(service, id)
  t.equal(await groups.counts(), null)
  t.equal(await catalog.indexed(), 0)
  const [queued = ''] = ids
  const { state } = await change(service, queued, (request) => ({
    ...request,
    reason: 'ambiguous'
  }))
  t.equal(state, 'queued')
  await change(service, queued, (request) => ({ ...request, reason: null }))
  t.equal(await groups.heal(), 0, 'which is no correction')
  t.equal(await catalog.indexed(), 1)
  t.same(await stored(service), await expected(service))
  t.same(Object.fromEntries((await groups.counts()) ?? []), await expected(service))
  t.same(await indexesOf(service), before)
  for (const old of ['state:*', 'service:*']) t.same(await redis.keys(`${tag}:${old}`), [])
})

/** The contents of the indexes by name and by the next step. */
async function indexesOf({ redis, tag }: Service) {
  const names = await redis.keys(`${tag}:operations:*`)
  return {
    references: await redis.zrange(`${tag}:references`, '0', '-1'),
    operations: await Promise.all(names.toSorted().map((name) => redis.hgetall(name))),
    due: await Promise.all(
      STATES.map((state) => redis.zrange(`${tag}:due:${state}`, '0', '-1', 'WITHSCORES'))
    )
  }
}

t.test('a request that an older process has changed is found and moved', async (t) => {
  const service = await openService(t)
  const { redis, tag, groups } = service
  const ids = [await askIn(service, 'parked'), await askIn(service, 'parked')]
  const [first = '', second = ''] = ids
  const [name = ''] = Object.keys(await redis.hgetall(`${tag}:groups`))
  await change(service, first, (request, now) =>
    endRequest(request, 'cancelled', 'cancelled', { at: now })
  )
  // The older process leaves the request among the parked ones, and in its own index of cancelled ones.
  for (const one of Object.keys(await redis.hgetall(`${tag}:groups`))) {
    if (one === name) continue
    await redis.zrem(`${tag}:group:${one}`, first)
    await redis.hdel(`${tag}:groups`, one)
  }
  await redis.zadd(`${tag}:group:${name}`, 0, first)
  await redis.hset(`${tag}:groups`, name, 2)
  await redis.zadd(`${tag}:due:parked`, 1, first)
  await asOlderVersions(service, first)
  t.equal(await groups.heal(), 1)
  t.same(await stored(service), await expected(service))
  t.equal(await redis.zscore(`${tag}:group:${name}`, second), '0')
  t.same(await redis.zrange(`${tag}:due:parked`, '0', '-1'), [second])
  t.equal(await groups.heal(), 0)
})

t.test('what is left of a request that an older process has deleted is taken out', async (t) => {
  const service = await openService(t)
  const [gone] = [await askIn(service, 'parked'), await askIn(service, 'parked')]
  await service.redis.del(`${service.tag}:request:${gone}`)
  await service.redis.zrem(`${service.tag}:requests`, gone)
  t.equal(await service.groups.heal(), 1)
  t.same(await stored(service), await expected(service))
})

t.test('many parked requests are counted by their groups, few one by one', async (t) => {
  const service = await openService(t)
  await askIn(service, 'parked')
  const [name = ''] = Object.keys(await service.redis.hgetall(`${service.tag}:groups`))
  const count = (more = {}) => countNotified(service, { ...ANY, ...more })
  await service.redis.hset(`${service.tag}:groups`, name, 1000)
  t.equal(await count(), 1, 'what is read is exact')
  await service.redis.hset(`${service.tag}:groups`, name, 1001)
  t.equal(await count(), 1001)
  t.equal(await count({ code: 'Z999' }), 0)
  t.equal(await count({ requestIds: ['r1'] }), 0)
})
