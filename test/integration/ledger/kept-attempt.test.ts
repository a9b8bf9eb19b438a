import t from 'tap'
import { v7 } from 'uuid'
import { applyDeadline } from '../../../src/core/transitions/on-deadline.ts'
import { error, ok, receive } from '../../helpers/callbacks.ts'
import { context, askIn } from '../../helpers/requests.ts'
import { HOUR, keysWith, openService, type Service } from '../../helpers/service.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import { advance, handleDeadline, handleSend } from '../../helpers/handlers.ts'

// A callback that was refused and kept is remembered by its request, so that the same is not paid for again.

const keep = ({ quarantine }: Service, requestId: string, text: string, attempt = 1) =>
  quarantine.keep({ requestId, attempt, marksAttempt: true }, 'schema', [], Buffer.from(text))

const keptOf = async ({ ledger }: Service, requestId: string) =>
  (await ledger.load(requestId))?.keptAttempt

t.test('the latest attempt of which a callback was kept is told with the request', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  t.equal(await keptOf(service, requestId), null)
  await keep(service, requestId, 'a', 2)
  t.equal(await keptOf(service, requestId), 2)
  await keep(service, requestId, 'b', 1)
  t.equal(await keptOf(service, requestId), 2, 'one of an earlier attempt changes nothing')
  await keep(service, requestId, 'c', 10)
  t.equal(await keptOf(service, requestId), 10)
})

t.test(
  'an immediate answer that is kept is no callback, until the same comes as one',
  async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, 'awaiting-callback')
    const body = Buffer.from('the same')
    const answer = await service.quarantine.keep({ requestId, attempt: 1 }, 'schema', [], body)
    t.equal(await keptOf(service, requestId), null)
    t.equal(await keep(service, requestId, 'the same'), answer)
    t.equal(await keptOf(service, requestId), 1)
  }
)

t.test('a body whose request is known no more leaves no mark', async (t) => {
  const service = await openService(t)
  const requestId = v7()
  await keep(service, requestId, 'a')
  const keys = await keysWith(service.redis, `request:${requestId}`)
  t.same(keys, [])
})

t.test('what is kept no more, for want of room, leaves no mark', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  for (let n = 0; n < 20; n += 1) await keep(service, requestId, `body ${n}`)
  t.equal(await keep(service, requestId, 'refused', 2), null)
  t.equal(await keptOf(service, requestId), 1)
})

t.test('a deadline that has not seen the callback which was kept meanwhile loses', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  const entry = await service.ledger.load(requestId)
  if (entry === null) throw new Error('it is not there')
  await keep(service, requestId, 'between load and commit')
  const request = applyDeadline(entry.request, context(service, entry.clock.now))
  t.equal(request.reason, 'no-callback', 'it would be sent again')
  const { done } = await service.ledger.commit(entry, { request, kept: new Map() })
  t.equal(done, false)
  await handleDeadline(service, await jobOf(service, requestId))
  t.match(await service.catalog.find(requestId), { state: 'parked', reason: 'quarantined' })
})

t.test('a second one of the same attempt holds nobody up', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  await keep(service, requestId, 'a')
  const entry = await service.ledger.load(requestId)
  if (entry === null) throw new Error('it is not there')
  await keep(service, requestId, 'b')
  t.ok((await service.ledger.commit(entry, { request: entry.request, kept: new Map() })).done)
})

t.test(
  'a callback that is refused behind the deadline keeps the retry from being sent',
  async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
    await handleDeadline(service, await jobOf(service, requestId))
    t.match(await service.catalog.find(requestId), { reason: 'no-callback' })
    await keep(service, requestId, 'late, and broken')
    const { deps, sends } = openWorker(service)
    await handleSend(deps, await jobOf(service, requestId))
    t.match(await service.catalog.find(requestId), { state: 'parked', reason: 'quarantined' })
    t.equal(sends.length, 0)
  }
)

t.test('a good callback of what was quarantined is delivered', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback', { ago: HOUR })
  await keep(service, requestId, 'broken')
  await handleDeadline(service, await jobOf(service, requestId))
  t.equal(await receive(service, requestId, ok()), 'accepted')
  await advance(service, requestId, (request) => request)
  t.equal((await service.catalog.find(requestId))?.state, 'delivered')
})

t.test('no number of errors keeps a good result out while the request is open', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  for (let n = 0; n < 100; n += 1) {
    t.equal(await receive(service, requestId, error('DO_NOT_RETRY', `code ${n}`)), 'accepted')
  }
  t.equal(await receive(service, requestId, error('DO_NOT_RETRY', 'one more')), 'full')
  t.equal(await receive(service, requestId, ok()), 'accepted')
  await advance(service, requestId, (request) => request)
  t.equal((await service.catalog.find(requestId))?.state, 'delivered')
})

t.test('results of one request are bounded as well, also those that were acted on', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const result = (n: number) => receive(service, requestId, ok({ AdditionalInformation: `${n}` }))
  for (let n = 0; n < 50; n += 1) await result(n)
  await advance(service, requestId, (request) => request)
  for (let n = 50; n < 100; n += 1) await result(n)
  t.equal(await result(100), 'full')
  t.equal(await result(7), 'duplicate')
})

t.test(
  'a request of before results were counted apart takes a good one all the same',
  async (t) => {
    const service = await openService(t)
    const requestId = await askIn(service, 'awaiting-callback')
    for (let n = 0; n < 100; n += 1) await receive(service, requestId, error('X', `${n}`))
    await service.redis.hdel(`${service.tag}:request:${requestId}`, 'results')
    t.equal(await receive(service, requestId, ok()), 'accepted')
  }
)

t.test('errors fill so many bytes of a request and no more, and a result has room', async (t) => {
  const service = await openService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  const large = (n: number) => ({ ...error('X', `${n}`), Large: 'x'.repeat(9_000_000) })
  const answers = []
  for (let n = 0; n < 9; n += 1) answers.push(await receive(service, requestId, large(n)))
  t.same(answers, [...Array<string>(7).fill('accepted'), 'full', 'full'])
  t.equal(await receive(service, requestId, { ...ok(), Large: 'x'.repeat(9_000_000) }), 'accepted')
})
