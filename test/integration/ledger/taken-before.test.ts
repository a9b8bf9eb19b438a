import t from 'tap'
import { v7 } from 'uuid'
import { MOST_CALLBACKS } from '../../../src/ledger/receive.ts'
import { bytes, callbackOf, error, ok } from '../../helpers/callbacks.ts'
import { askIn } from '../../helpers/requests.ts'
import { HOUR, openService, type Service, tick } from '../../helpers/service.ts'
import { advance } from '../../helpers/handlers.ts'

// What was answered for before it could be stored: it counts from then, and is refused no more.

const MINUTE = 60_000

async function receivedAt(service: Service, requestId: string, takenMsAgo?: number) {
  const body = bytes(ok())
  const before = await service.catalog.now()
  await service.ledger.receive(requestId, callbackOf(1, body), body, { takenMsAgo })
  const [callback] = (await service.ledger.load(requestId))?.pending ?? []
  return { receivedAt: callback?.receivedAt ?? 0, before }
}

t.test('a callback counts from when it was taken', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  const { receivedAt: at, before } = await receivedAt(service, requestId, 10 * MINUTE)
  const after = await service.catalog.now()
  t.ok(at >= before - 10 * MINUTE && at <= after - 10 * MINUTE)
})

t.test('but not from before its attempt was sent, nor from the future', async (t) => {
  const service = await openService(t)
  const old = await askIn(service, 'awaiting-callback', { ago: MINUTE })
  const sendingAt = (await service.catalog.find(old))?.attempts[0]?.sendingAt
  t.equal((await receivedAt(service, old, HOUR)).receivedAt, sendingAt)
  const other = await askIn(service, 'awaiting-callback', { ago: MINUTE })
  const { receivedAt: at, before } = await receivedAt(service, other, -HOUR)
  t.ok(at >= before && at <= (await service.catalog.now()))
})

t.test('a notification after it was taken is not waited for again', async (t) => {
  const service = await openService(t)
  const store = async (takenMsAgo?: number) => {
    const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
    const notified = { by: 'tests', service: null, code: null, reason: null }
    await service.notifications.record({ ...notified, requestIds: [requestId] })
    await tick(service)
    const body = bytes(error('RETRY_AFTER_NOTIFICATION'))
    await service.ledger.receive(requestId, callbackOf(1, body), body, { takenMsAgo })
    return (await advance(service, requestId, (request) => request))?.after.state
  }
  t.equal(await store(), 'parked', 'taken after it')
  t.equal(await store(MINUTE), 'retry-scheduled', 'taken before it, stored after it')
})

t.test('a callback that was taken is stored, however many there are', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const store = (at: number, takenMsAgo?: number) => {
    const body = bytes(ok({ AdditionalInformation: `${at}` }))
    return service.ledger.receive(requestId, callbackOf(1, body), body, { takenMsAgo })
  }
  for (let at = 0; at < MOST_CALLBACKS; at += 1) await store(at)
  t.equal(await store(MOST_CALLBACKS), 'full')
  t.equal(await store(MOST_CALLBACKS, 0), 'accepted')
  t.equal(await store(MOST_CALLBACKS, 0), 'duplicate')
  t.equal(await store(MOST_CALLBACKS + 1), 'full')
})

t.test('a body that was answered for is kept in the place of its request’s oldest', async (t) => {
  const { quarantine, catalog } = await openService(t)
  const from = { requestId: v7(), attempt: 1 }
  const keep = (text: string, takenMsAgo?: number) =>
    quarantine.keep(from, 'not-json', [], Buffer.from(text), takenMsAgo)
  const oldest = await keep('oldest', HOUR)
  for (let n = 1; n < 20; n += 1) await keep(`body ${n}`)
  t.equal(await keep('refused'), null)
  const before = await catalog.now()
  const id = await keep('answered for', MINUTE)
  t.ok(((await quarantine.find(id ?? ''))?.receivedAt ?? Infinity) <= before)
  t.equal(await quarantine.find(oldest ?? ''), null)
  t.match(await quarantine.usage(), { entries: 20, evicted: 1 })
})
