import { v7 } from 'uuid'
import t from 'tap'
import { cancel } from '../../../src/core/transitions/on-operator.ts'
import { commitArguments } from '../../../src/ledger/commit.ts'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import { openStore } from '../../../src/ledger/store.ts'
import { ask, askIn, EVERYTHING, inGroups } from '../../helpers/requests.ts'
import { keysWith, openService, secretKey } from '../../helpers/service.ts'
import { releaseParked } from '../../helpers/handlers.ts'

// What is done again, by a client that resends, by two processes, or by somebody who will not stop.

t.test('a commit that is sent again because its reply was lost counts as made', async (t) => {
  const { redis, ...service } = await openService(t)
  const requestId = await ask({ ...service, redis })
  const store = openStore(redis, createCipher([secretKey('k1')]), service.tag)
  const entry = await service.ledger.load(requestId)
  if (entry === null) throw new Error('it is not there')
  const commit = (nonce: string) => {
    const request = cancel(entry.request, 'ana', 1)
    const share = { entries: 9, bytes: 1000 }
    const settings = { singleFlight: true, events: true, refusedMs: 1000, share }
    const args = commitArguments(entry, { request, kept: new Map() }, settings)
    return store.scripts.commit(...args.with(3, nonce))
  }
  t.match(await commit('mine'), [1, Number])
  t.match(await commit('mine'), [1, Number], 'sent again')
  t.match(await commit('somebody else’s'), [0], 'while the version has moved on')
  t.match(await service.catalog.totals(), { accepted: 1, ended: { cancelled: 1 } })
})

t.test('two that release for one notification pace it once', async (t) => {
  const service = await openService(t)
  for (let count = 0; count < 4; count += 1) await askIn(service, 'parked')
  const all = { service: null, code: null, reason: null, requestIds: null }
  const releasing = await service.notifications.record(all)
  const counts = await Promise.all([
    releaseParked(service, releasing),
    releaseParked(service, releasing)
  ])
  t.same(counts.toSorted(), [0, 4])
  const groups = inGroups({ state: ['retry-scheduled'] })
  const { items } = await service.catalog.list({ ...EVERYTHING, groups })
  const due = items.map(({ dueAt }) => dueAt ?? 0).toSorted((a, b) => a - b)
  const spacing = due.slice(1).map((at, index) => at - (due[index] ?? 0))
  t.same(spacing, [100, 100, 100], 'ten a second')
})

t.test('two notifications at once keep the pace of one', async (t) => {
  const service = await openService(t)
  const ids = [await askIn(service, 'parked'), await askIn(service, 'parked')]
  const releases = ids.map(async (requestId) => {
    const only = { service: null, code: null, reason: null, requestIds: [requestId] }
    return releaseParked(service, await service.notifications.record(only))
  })
  t.same(await Promise.all(releases), [1, 1])
  const due = await Promise.all(ids.map(async (id) => (await service.catalog.find(id))?.dueAt ?? 0))
  t.ok(Math.abs((due[0] ?? 0) - (due[1] ?? 0)) >= 100, 'ten a second')
})

t.test('a release that has no more time is carried on by whoever comes next', async (t) => {
  const service = await openService(t)
  for (let count = 0; count < 210; count += 1) await askIn(service, 'parked')
  const all = { service: null, code: null, reason: null, requestIds: null }
  const releasing = await service.notifications.record(all)
  const counts: number[] = []
  for (let turn = 0; turn < 3; turn += 1) counts.push(await releaseParked(service, releasing, 0))
  t.same(counts, [100, 100, 10], 'a page each')
  t.equal((await service.notifications.unfinished(Infinity)).length, 1)
  t.equal(await releaseParked(service, releasing), 0)
  t.same(await service.notifications.unfinished(Infinity), [], 'nothing is left')
  const { items } = await service.catalog.after(null, 'retry-scheduled')
  const [first, second] = items.map(({ dueAt }) => dueAt ?? 0)
  t.equal((second ?? 0) - (first ?? 0), 100, 'ten a second, over all of them')
  t.match(await service.catalog.totals(), { live: { parked: 0, 'retry-scheduled': 210 } })
})

t.test('… from where it stopped, though nothing matched so far', async (t) => {
  const service = await openService(t)
  for (let count = 0; count < 210; count += 1) await askIn(service, 'parked')
  const last = await askIn(service, 'parked')
  const only = { service: null, code: null, reason: null, requestIds: [last] }
  const releasing = await service.notifications.record(only)
  const counts: number[] = []
  for (let turn = 0; turn < 4; turn += 1) counts.push(await releaseParked(service, releasing, 0))
  t.same(counts, [0, 0, 1, 0])
  await releaseParked(service, releasing)
  t.same(await keysWith(service.redis, `${service.tag}:released`), [], 'nothing is left')
})

t.test(
  'one that can’t be released does not keep the rest from it, and is tried again',
  async (t) => {
    const service = await openService(t)
    const ids = [await askIn(service, 'parked'), await askIn(service, 'parked')]
    const all = { service: null, code: null, reason: null, requestIds: null }
    const releasing = await service.notifications.record(all)
    const load: typeof service.ledger.load = (id) =>
      id === ids[0] ? Promise.reject(new Error('of a newer format')) : service.ledger.load(id)
    const older = { ...service, ledger: { ...service.ledger, load } }
    await t.rejects(releaseParked(older, releasing), { message: 'of a newer format' })
    const states = () => Promise.all(ids.map(async (id) => (await service.catalog.find(id))?.state))
    t.same(await states(), ['parked', 'retry-scheduled'])
    await service.redis.del(await keysWith(service.redis, `${service.tag}:releaser:`))
    t.equal(await releaseParked(service, releasing), 1)
    t.same(await states(), ['retry-scheduled', 'retry-scheduled'])
  }
)

t.test('a release of many asks for its lease again, which then holds for longer', async (t) => {
  const service = await openService(t)
  for (let count = 0; count < 100; count += 1) await askIn(service, 'parked')
  const all = { service: null, code: null, reason: null, requestIds: null }
  const releasing = await service.notifications.record(all)
  const left: number[] = []
  const lease: typeof service.notifications.lease = async (...args) => {
    const holds = await service.notifications.lease(...args)
    const [name = ''] = await keysWith(service.redis, `${service.tag}:releaser:`)
    left.push(await service.redis.pttl(name))
    await service.redis.pexpire(name, 5_000)
    return holds
  }
  const notifications = { ...service.notifications, lease }
  t.equal(await releaseParked({ ...service, notifications }, releasing), 100)
  t.equal(left.length, 2)
  t.ok(left.every((ms) => ms > 5_000))
})

t.test('one request can keep twenty bodies in quarantine, and no more', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const keep = (id: string, text: string) =>
    service.quarantine.keep({ requestId: id, attempt: 1 }, 'not-json', [], Buffer.from(text))
  const kept: (string | null)[] = []
  for (let count = 0; count < 21; count += 1) kept.push(await keep(requestId, `body ${count}`))
  t.equal(kept.filter((id) => id !== null).length, 20)
  t.equal(await keep(requestId, 'body 0'), kept[0], 'the same bytes are still the same entry')
  t.ok(await keep(v7(), 'of another request'))
})
