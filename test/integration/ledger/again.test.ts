import { v7 } from 'uuid'
import t from 'tap'
import { cancel } from '../../../src/core/transitions/on-operator.ts'
import { commitArguments } from '../../../src/ledger/commit.ts'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import { openStore } from '../../../src/ledger/store.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import { ask, askIn, change, EVERYTHING, inGroups } from '../../helpers/requests.ts'
import { openService, secretKey } from '../../helpers/service.ts'
import { beginRelease, carryOnce, carryOnNow, releaseParked } from '../../helpers/handlers.ts'

// What is done again, by a client that resends, by two processes, or by somebody who will not stop.

t.test('a commit that is sent again because its reply was lost counts as made', async (t) => {
  const { redis, ...service } = await openService(t)
  const requestId = await ask({ ...service, redis })
  const store = openStore(redis, createCipher([secretKey('k1')]), service.tag, false)
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

t.test('two that carry one operation on pace it once, and count it once', async (t) => {
  const service = await openService(t)
  for (let count = 0; count < 4; count += 1) await askIn(service, 'parked')
  const all = { service: null, code: null, reason: null, requestIds: null }
  const operation = await beginRelease(service, await service.notifications.record(all))
  const now = await service.catalog.now()
  const both = await Promise.all([
    carryOnce(service, { operation, now }),
    carryOnce(service, { operation, now })
  ])
  t.ok(both.every(({ endedAt }) => endedAt !== null))
  t.match(await service.operations.find(operation.id), {
    operation: { state: 'done', lanes: [{ done: 4, refused: 0, pending: [] }] }
  })
  t.match(await service.operations.settleItems(operation.id, new Map()), { open: 4 })
  const groups = inGroups({ state: ['retry-scheduled'] })
  const { items } = await service.catalog.list({ ...EVERYTHING, groups })
  const due = items.map(({ dueAt }) => dueAt ?? 0).toSorted((a, b) => a - b)
  const spacing = due.slice(1).map((at, index) => at - (due[index] ?? 0))
  t.ok(
    spacing.every((ms) => ms >= 100),
    'ten a second'
  )
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

t.test('an operation goes on behind the last page, though nothing matched so far', async (t) => {
  const policy = { ...BUILT_IN_POLICY, releasesPerSecond: 1e6 }
  const service = await openService(t, { policy })
  for (let count = 0; count < 210; count += 1) await askIn(service, 'parked')
  const last = await askIn(service, 'parked')
  await change(service, last, (request) => ({ ...request, code: 'odd' }))
  const only = { service: null, code: 'odd', reason: null, requestIds: null }
  const { id } = await beginRelease(service, await service.notifications.record(only))
  t.equal(await carryOnNow(service, id), 1)
  const all = { ...only, code: null }
  const rest = await beginRelease(service, await service.notifications.record(all))
  const counts: number[] = []
  for (let turn = 0; turn < 3; turn += 1) {
    counts.push(await carryOnNow(service, rest.id, { isOnce: true }))
  }
  t.same(counts, [100, 200, 210], 'a page each')
})

t.test(
  'one that can’t be released does not keep the rest from it, and is tried again',
  async (t) => {
    const service = await openService(t)
    const ids = [await askIn(service, 'parked'), await askIn(service, 'parked')]
    const all = { service: null, code: null, reason: null, requestIds: null }
    const { id } = await beginRelease(service, await service.notifications.record(all))
    const load: typeof service.ledger.load = (requestId) =>
      requestId === ids[0]
        ? Promise.reject(new Error('of a newer format'))
        : service.ledger.load(requestId)
    const older = { ...service, ledger: { ...service.ledger, load } }
    t.equal(await carryOnNow(older, id, { isOnce: true }), 1)
    const states = () =>
      Promise.all(ids.map(async (one) => (await service.catalog.find(one))?.state))
    t.same(await states(), ['parked', 'retry-scheduled'])
    t.equal(await carryOnNow(service, id), 2)
    t.same(await states(), ['retry-scheduled', 'retry-scheduled'])
    t.test('three times, and then it counts as refused', async (t) => {
      const another = await askIn(service, 'parked')
      ids[0] = another
      const next = await beginRelease(service, await service.notifications.record(all))
      t.equal(await carryOnNow(older, next.id), 0)
      t.match(await service.operations.find(next.id), { operation: { lanes: [{ refused: 1 }] } })
      t.equal((await service.catalog.find(another))?.state, 'parked')
    })
  }
)

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
