import t from 'tap'
import { groupOf } from '../../../src/core/groups/group.ts'
import { endRequest } from '../../../src/core/transitions/apply-decision.ts'
import { markPublished } from '../../../src/core/result-head.ts'
import { STATES } from '../../../src/core/request.ts'
import { ask, askIn, change } from '../../helpers/requests.ts'
import { countNotified } from '../../helpers/handlers.ts'
import { openService, type Service } from '../../helpers/service.ts'

const ANY = { service: null, code: null, reason: null, requestIds: null }

/** What the groups should be, by the records. */
async function expected({ catalog }: Service): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let page = await catalog.after(null, null); ; page = await catalog.after(page.next, null)) {
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

t.test('a ledger of an older version is put into groups by and by', async (t) => {
  const service = await openService(t)
  for (const state of STATES) await askIn(service, state)
  t.same(Object.fromEntries((await service.groups.counts()) ?? []), await expected(service))
  await service.redis.del(...(await service.redis.keys(`${service.tag}:group*`)))
  await service.redis.del(`${service.tag}:indexing`)
  t.equal(await service.groups.counts(), null)
  const changed = await ask(service)
  await change(service, changed, (request, now) =>
    endRequest(request, 'cancelled', 'cancelled', { at: now })
  )
  await service.groups.heal()
  t.same(await stored(service), await expected(service))
  t.same(Object.fromEntries((await service.groups.counts()) ?? []), await expected(service))
})

t.test('a request that an older process has changed is found and moved', async (t) => {
  const service = await openService(t)
  const ids = [await askIn(service, 'parked'), await askIn(service, 'parked')]
  const [first = '', second = ''] = ids
  const before = await service.redis.hgetall(`${service.tag}:groups`)
  const name = Object.keys(before)[0] ?? ''
  await change(service, first, (request, now) =>
    endRequest(request, 'cancelled', 'cancelled', { at: now })
  )
  // What the older process leaves: the request among the parked ones, and nowhere else.
  const ended = Object.keys(await service.redis.hgetall(`${service.tag}:groups`)).filter(
    (one) => one !== name
  )
  for (const one of ended) {
    await service.redis.zrem(`${service.tag}:group:${one}`, first)
    await service.redis.hdel(`${service.tag}:groups`, one)
  }
  await service.redis.zadd(`${service.tag}:group:${name}`, 0, first)
  await service.redis.hset(`${service.tag}:groups`, name, 2)
  let corrected = 0
  for (let round = 0; round < 20 && corrected === 0; round += 1) {
    corrected += await service.groups.heal()
  }
  t.equal(corrected, 1)
  t.same(await stored(service), await expected(service))
  t.equal(await service.redis.zscore(`${service.tag}:group:${name}`, second), '0')
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
