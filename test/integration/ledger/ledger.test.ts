import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import type { QuarantineCause } from '../../../src/core/transitions/on-callback.ts'
import { markPublished } from '../../../src/core/result-head.ts'
import { note, type Request, type State, STATES } from '../../../src/core/request.ts'
import { endRequest } from '../../../src/core/transitions/apply-decision.ts'
import { callbackId, quarantineId } from '../../../src/crypto/callback-id.ts'
import { bytes, callbackOf, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { dump, keysThatShow } from '../../helpers/dump.ts'
import { ask, askIn, change, INPUT } from '../../helpers/requests.ts'
import { openService, type Service, tick } from '../../helpers/service.ts'
import { advance } from '../../helpers/handlers.ts'

const noticed = (request: Request) => note(request, { at: 0, event: 'noticed' })
const unkept = new Map<string, QuarantineCause>()
const sha256 = (body: Buffer) => createHash('sha256').update(body).digest()

async function load({ ledger }: Service, requestId: string) {
  const entry = await ledger.load(requestId)
  if (entry === null) throw new Error('there is no such request')
  return entry
}

t.test('a request is created once, and loads as it was written', async (t) => {
  const service = await openService(t)
  const { ledger, catalog } = service
  const requestId = await ask(service, { reference: 'a b:c{d}' })
  const entry = await load(service, requestId)
  t.match(entry, { version: '1', pending: [], notifications: [], epoch: '0' })
  t.match(entry.request, { requestId, state: 'queued', reference: 'a b:c{d}', attempts: [] })
  t.same(await catalog.find(requestId), entry.request)
  t.notOk(await ledger.create(noticed(entry.request), { RequestData: {} }), 'its id is taken')
  t.same((await load(service, requestId)).request, entry.request)
  t.same(await ledger.openInput(requestId), INPUT)
  t.same((await catalog.totals()).accepted, 1)
})

t.test('there is nothing to tell of an unknown request', async (t) => {
  const { ledger, catalog } = await openService(t)
  const requestId = v7()
  t.equal(await ledger.load(requestId), null)
  t.equal(await ledger.has(requestId), false)
  t.equal(await ledger.openInput(requestId), null)
  t.equal(await ledger.openBody(requestId, '1.x'), null)
  t.equal(await catalog.find(requestId), null)
})

t.test("the clock is Redis's", async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const before = await service.catalog.now()
  await receive(service, requestId, ok())
  const { clock, pending } = await load(service, requestId)
  const { now } = clock
  const after = await service.catalog.now()
  t.ok(before <= now && now <= after)
  t.ok(before <= Number(pending[0]?.receivedAt) && Number(pending[0]?.receivedAt) <= now)
})

t.test('a commit on a stale version loses, and leaves no trace', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const stale = await load(service, requestId)
  await change(service, requestId, noticed)
  await receive(service, requestId, ok())
  const before = await dump(service.redis, service.queuePrefix)
  const ended = endRequest(stale.request, 'failed', 'expired', { at: 1 })
  t.notOk((await service.ledger.commit(stale, { request: ended, kept: unkept })).done)
  t.same(await dump(service.redis, service.queuePrefix), before)
})

t.test('of twenty commits on one version exactly one wins', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const entry = await load(service, requestId)
  const tries = Array.from({ length: 20 }, (_, at) =>
    service.ledger.commit(entry, { request: note(entry.request, { at, event: 'x' }), kept: unkept })
  )
  t.equal((await Promise.all(tries)).filter(({ done }) => done).length, 1)
  const { version, request } = await load(service, requestId)
  t.equal(version, '2')
  t.equal(request.history.length, 2)
})

t.test('a commit loses to a notification that it has not seen', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'sending')
  const stale = await load(service, requestId)
  const notification = { service: null, code: null, reason: null, requestIds: null }
  const { notification: recorded } = await service.notifications.record(notification)
  t.notOk(
    (await service.ledger.commit(stale, { request: noticed(stale.request), kept: unkept })).done
  )
  const fresh = await load(service, requestId)
  t.same(fresh.notifications, [recorded])
  t.ok((await service.ledger.commit(fresh, { request: noticed(fresh.request), kept: unkept })).done)
})

t.test('only notifications since the latest sending are told', async (t) => {
  const service = await openService(t)
  const any = { service: null, code: null, reason: null, requestIds: null }
  const queued = await ask(service)
  await service.notifications.record({ ...any, code: 'before' })
  await tick(service)
  const sending = await askIn(service, 'sending')
  await service.notifications.record({ ...any, code: 'after' })
  t.same((await load(service, queued)).notifications, [])
  t.match((await load(service, sending)).notifications, [{ code: 'after' }])
})

const RECEIVED = (state: State) =>
  ['delivered', 'failed', 'cancelled'].includes(state) ? 'late' : 'accepted'

for (const state of STATES) {
  t.test(`an envelope for a request that is ${state} is ${RECEIVED(state)}`, async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, state)
    const body = bytes(ok())
    t.equal(await receive(service, requestId, ok()), RECEIVED(state))
    t.equal(await receive(service, requestId, ok()), 'duplicate', 'the same bytes are not new')
    t.equal(await receive(service, requestId, ok(), 2), RECEIVED(state), 'on another attempt yes')
    t.equal(await receive(service, requestId, error('X')), RECEIVED(state), 'other bytes are new')
    const { pending } = await load(service, requestId)
    t.equal(pending.length, 3)
    t.same(await service.ledger.openBody(requestId, callbackId(1, body)), body)
  })
}

t.test('an envelope is a duplicate also once it was acted on, and after the end', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, ok())
  await change(service, requestId, noticed)
  t.same((await load(service, requestId)).pending, [])
  t.equal(await receive(service, requestId, ok()), 'duplicate')
  await change(service, requestId, (request, at) =>
    endRequest(request, 'failed', 'expired', { at })
  )
  t.equal(await receive(service, requestId, ok()), 'duplicate')
  t.same((await load(service, requestId)).pending, [])
})

t.test('an envelope for an unknown request is not stored', async (t) => {
  const service = await openService(t)
  t.equal(await receive(service, v7(), ok()), 'unknown')
  t.equal((await dump(service.redis, service.queuePrefix)).size, 0)
})

t.test('a request takes a hundred different envelopes, and no more', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const other = (at: number) => ok({ AdditionalInformation: String(at) })
  for (let at = 0; at < 100; at += 1) {
    const received = await receive(service, requestId, other(at))
    if (received !== 'accepted') t.fail(`number ${at} was ${received}`)
  }
  t.equal(await receive(service, requestId, other(100)), 'full')
  t.equal(await receive(service, requestId, other(7)), 'duplicate')
  t.equal((await load(service, requestId)).pending.length, 100)
  t.equal(await receive(service, await askIn(service, 'sending'), other(100)), 'accepted')
})

t.test('a commit loses to a callback that it has not seen, and both are still there', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, error('A'))
  const stale = await load(service, requestId)
  t.equal(await receive(service, requestId, ok()), 'accepted')
  const ended = endRequest(stale.request, 'failed', 'no-callback', { at: 1 })
  t.notOk((await service.ledger.commit(stale, { request: ended, kept: unkept })).done)
  const { pending } = await load(service, requestId)
  t.match(pending, [{ outcome: { errorType: 'A' } }, { outcome: { type: 'result' } }])
  t.same(await service.catalog.overdue((await service.catalog.now()) + 1), [requestId])
})

t.test('what comes within a millisecond keeps its order', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const types = Array.from({ length: 50 }, (_, at) => `type-${at}`)
  await Promise.all(types.map((type) => receive(service, requestId, error(type))))
  const { pending } = await load(service, requestId)
  const inOrder = pending.toSorted((one, other) => one.receivedAt - other.receivedAt)
  t.match(
    inOrder,
    types.map((errorType) => ({ outcome: { errorType } }))
  )
})

for (const state of ['delivered', 'failed', 'cancelled'] as const) {
  t.test(`what was asked is shredded once a request is ${state}`, async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, 'awaiting-callback')
    t.same(await service.ledger.openInput(requestId), INPUT)
    await change(service, requestId, (request, at) => endRequest(request, state, null, { at }))
    t.equal(await service.ledger.openInput(requestId), null)
    t.notOk(await service.redis.hexists(`${service.tag}:request:${requestId}`, 'sealed'))
  })
}

t.test('nothing is sealed any more for a request that has ended', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'failed')
  const entry = await load(service, requestId)
  const sealed = service.ledger.seal(requestId, INPUT)
  const change = { request: noticed(entry.request), kept: unkept, sealed }
  t.ok((await service.ledger.commit(entry, change)).done)
  t.equal(await service.ledger.openInput(requestId), null)
})

t.test('an envelope is shredded once it is of no more use', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const [first, second, third] = [bytes(error('A')), bytes(error('B')), bytes(ok())]
  const isThere = async (body: Buffer) =>
    (await service.ledger.openBody(requestId, callbackId(1, body))) !== null
  const respond = (body: Buffer) => (request: Request, receivedAt: number) => ({
    ...request,
    response: { body: callbackId(1, body), receivedAt }
  })
  await receive(service, requestId, error('A'))
  await change(service, requestId, respond(first))
  t.ok(await isThere(first), 'kept for as long as it may be the last word')
  await receive(service, requestId, error('B'))
  t.ok(await isThere(second), 'kept until it was acted on')
  await change(service, requestId, noticed)
  t.notOk(await isThere(second), 'shredded where it was acted on and is not needed')
  t.ok(await isThere(first))
  await receive(service, requestId, ok())
  await change(service, requestId, respond(third))
  t.notOk(await isThere(first), 'shredded where another took its place')
  await change(service, requestId, (request, at) => endRequest(request, 'delivered', null, { at }))
  t.ok(await isThere(third), 'kept until the result is published')
  await change(service, requestId, markPublished)
  t.notOk(await isThere(third), 'shredded after that')
})

t.test('an envelope goes to quarantine byte for byte, as the commit says', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'delivered')
  const body = Buffer.concat([bytes(ok()), Buffer.from('\n ')])
  const callback = callbackOf(2, body)
  await service.ledger.receive(requestId, callback, body)
  const entry = await load(service, requestId)
  const kept = new Map<string, QuarantineCause>([[callback.id, 'conflict']])
  t.ok((await service.ledger.commit(entry, { request: noticed(entry.request), kept })).done)
  const [quarantined, ...others] = await service.quarantine.list(null, 10)
  t.same(others, [])
  t.same(quarantined, {
    quarantineId: quarantineId(requestId, callback.id),
    kind: 'conflict',
    requestId,
    attempt: 2,
    sha256: sha256(body).toString('hex'),
    size: body.length,
    faults: [],
    receivedAt: entry.pending[0]?.receivedAt
  })
  t.same(quarantined && (await service.quarantine.open(quarantined)), body)
  t.equal(await service.ledger.openBody(requestId, callback.id), null)
})

t.test('an Idempotency-Key stands for its first request', async (t) => {
  const { idempotency, redis, queuePrefix, ledgerRetentionMs } = await openService(t)
  const reservation = (text: string) => ({
    requestId: v7(),
    fingerprint: sha256(Buffer.from(text))
  })
  const first = reservation('a')
  t.same(await idempotency.reserve('ana', 'key', first), first)
  t.same(await idempotency.reserve('ana', 'key', reservation('a')), first)
  t.same(await idempotency.reserve('ana', 'key', reservation('b')), first, 'whatever was asked')
  const [other, another] = [reservation('a'), reservation('a')]
  t.same(await idempotency.reserve('ben', 'key', other), other, 'for its caller')
  t.same(await idempotency.reserve('an', 'akey', another), another, 'and no other spelling')
  const dumped = await dump(redis, queuePrefix)
  t.same(keysThatShow(dumped, first.fingerprint.toString('latin1')), [])
  t.equal(dumped.size, 3)
  for (const key of dumped.keys()) {
    const left = await redis.pttl(key)
    t.ok(left > 0 && left <= ledgerRetentionMs, 'until the ledger forgets')
  }
})

t.test('of twenty reservations of one key at once all get the same', async (t) => {
  const { idempotency } = await openService(t)
  const fingerprint = sha256(Buffer.from('a'))
  const reserve = () => idempotency.reserve('ana', 'key', { requestId: v7(), fingerprint })
  const held = await Promise.all(Array.from({ length: 20 }, reserve))
  t.equal(new Set(held.map(({ requestId }) => requestId)).size, 1)
})

const SECRETS = {
  account: '9988776655443322',
  password: 'canary-password',
  jwt: 'canary.jwt.signature',
  data: 'canary-of-the-account-holder',
  refused: 'canary-of-a-refused-body',
  conflicting: 'canary-of-a-conflicting-body',
  idempotencyKey: 'canary-idempotency-key'
}

const shownIn = async (t: Test, service: Service) => {
  const dumped = await dump(service.redis, service.queuePrefix)
  t.ok(keysThatShow(dumped, 'visible-reference').length > 0, 'what is in clear is found')
  const found = Object.entries(SECRETS).map(([name, secret]) => [
    name,
    keysThatShow(dumped, secret)
  ])
  t.notMatch(service.lines.join(''), new RegExp(Object.values(SECRETS).join('|')))
  return Object.fromEntries(found.filter(([, keys]) => keys?.length)) as Record<string, string[]>
}

t.test('no secret is in clear in any key of Redis', async (t) => {
  const service = await openService(t)
  const RequestData = {
    AccountNumber: SECRETS.account,
    AccountCredential: { Password: SECRETS.password }
  }
  const input = { RequestData, authorization: { jwt: SECRETS.jwt } }
  const requestId = await askIn(service, 'awaiting-callback', {
    reference: 'visible-reference',
    input
  })
  const { idempotency, quarantine } = service
  const fingerprint = sha256(Buffer.from('a'))
  await idempotency.reserve('ana', SECRETS.idempotencyKey, { requestId, fingerprint })
  await quarantine.keep({ requestId, attempt: 1 }, 'not-json', [], Buffer.from(SECRETS.refused))
  await receive(service, requestId, ok({ Data: { Name: SECRETS.data } }))
  await service.jobs.ensure((await load(service, requestId)).request, 0)
  await service.jobs.enqueueCallback(requestId, '1.abc')
  t.same(await shownIn(t, service), {}, 'while it is open')

  await advance(service, requestId, (request) => request)
  await receive(service, requestId, ok({ Data: { Name: SECRETS.conflicting } }))
  await advance(service, requestId, (request) => request)
  t.equal((await resultsOf(service)).length, 1)
  t.match(await quarantine.list(null, 9), [{ kind: 'conflict' }, { kind: 'not-json' }])
  const resultKey = `${service.queuePrefix}:khipu-results:${requestId}`
  t.same(await shownIn(t, service), { data: [resultKey] }, 'after it ended: in its result alone')
})

t.test('a sealed value that was put in the place of a body is not taken for it', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, ok())
  const { redis, tag } = service
  const sealed = await redis.hgetBuffer(`${tag}:request:${requestId}`, 'sealed')
  const [id = ''] = await redis.hkeys(`${tag}:bodies:${requestId}`)
  t.ok(await service.ledger.openBody(requestId, id))
  await redis.hset(`${tag}:bodies:${requestId}`, id, sealed ?? '')
  await t.rejects(service.ledger.openBody(requestId, id), /is not what it was/)
  await t.rejects(advance(service, requestId, (request) => request))
  t.same(await resultsOf(service), [])
})
