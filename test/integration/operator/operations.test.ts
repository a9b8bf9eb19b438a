import t from 'tap'
import { v7 } from 'uuid'
import type { Cause } from '../../../src/core/error-cause.ts'
import { applyFailure } from '../../../src/core/transitions/apply-decision.ts'
import { beginSending } from '../../../src/core/transitions/on-send.ts'
import type { OperationView, RequestList } from '../../../src/schemas/generated.ts'
import { check } from '../../../src/schemas/validate.ts'
import { error, ok, receive } from '../../helpers/callbacks.ts'
import { advance, carryOnNow, handleSend } from '../../helpers/handlers.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { ask, askIn, BTG, change, context } from '../../helpers/requests.ts'
import type { Service } from '../../helpers/service.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'

const ITAU = 'cl/banking/personal/itau.cl/transactions'
const BCI = 'cl/banking/personal/bci.cl/transactions'
const PARKED = { action: 'release', filter: { state: ['parked'] } }

/** A request whose first attempt has failed. */
async function fail(
  service: Service,
  path: string,
  cause: Cause = 'retry-after-notification',
  code: string | null = 'E201'
): Promise<string> {
  const requestId = await ask(service, { service: path })
  await change(service, requestId, (request, now) => {
    const world = context(service, now)
    const failure = { cause, code, receivedAt: now, retryAfterMs: null }
    return applyFailure(beginSending(request, world, 1), failure, world)
  })
  return requestId
}

async function open(t: Parameters<typeof openServerService>[0], perSecond = 1e6) {
  const service = await openServerService(t)
  const policy = { ...service.policy, releasesPerSecond: perSecond }
  const parts = service.parts.map((part) => ({ ...part, policy }))
  const paced = { ...service, policy, parts }
  const admin = await openAdmin(t, paced)
  const view = ({ json }: { json: unknown }) => json as OperationView
  const begin = async (body: object) => view(await admin.post('/v1/operations', body))
  const look = async (id: string) => view(await admin.get(`/v1/operations/${id}`))
  const turn = (id: string) => carryOnNow(paced, id, { isOnce: true })
  const states = (ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await service.catalog.find(id))?.state))
  return { service: paced, ...admin, begin, look, turn, states }
}

/** Sends a released request and has it answered, as workers and Khipu would. */
async function answer(service: Service, requestId: string, envelope: object): Promise<void> {
  const { deps } = openWorker(service)
  await handleSend(deps, await jobOf(service, requestId))
  const attempts = (await service.catalog.find(requestId))?.attempts.length ?? 0
  await receive(service, requestId, envelope, attempts)
  await advance(service, requestId, (request) => request)
}

t.test('a dry run counts by bank, with what it may cost, and begins nothing', async (t) => {
  const { service, post } = await open(t)
  const ids = [await fail(service, BTG), await fail(service, BTG), await fail(service, ITAU)]
  await change(service, ids[0] ?? '', (request) => ({
    ...request,
    attempts: Array.from({ length: service.policy.maxAttempts }, (_, index) => {
      return { number: index + 1, sendingAt: 0, dueAt: 0, cause: 'temporary' as const }
    })
  }))
  const count = async (more: object) =>
    post('/v1/operations', { action: 'release', dryRun: true, ...more })
  const byBank = [
    { bank: 'btgpactual.cl', requests: 2, credentials: 1 },
    { bank: 'itau.cl', requests: 1, credentials: 1 }
  ]
  const all = await count({ all: true })
  t.match(all, { status: 200, json: { matched: 3, byBank, costsAtMost: 2, notAllowed: 1 } })
  t.ok(check('operation-preview', all.json).valid)
  t.match(await count({ all: true, limit: 1 }), { json: { matched: 3, costsAtMost: 1 } })
  t.match(await count({ filter: { bank: ['itau.cl'] } }), { json: { matched: 1 } })
  t.match(await count({ filter: { code: ['E202'] } }), { json: { matched: 0, byBank: [] } })
  t.match(await count({ filter: { olderThan: '1h' } }), { json: { matched: 0 } })
  t.match(await count({ requestIds: [ids[2], v7()] }), { json: { matched: 1 } })
  t.match(await count({ action: 'cancel', all: true }), { json: { matched: 3, costsAtMost: 0 } })
  t.same((await service.operations.list(null, 9)).items, [])
})

for (const [what, body, status, code] of [
  ['no selection', {}, 422, 'selection-required'],
  ['"all": false alone', { all: false }, 422, 'selection-required'],
  ['two selections', { all: true, requestIds: [v7()] }, 422, 'selection-required'],
  ['an empty filter', { filter: {} }, 422, 'invalid-input'],
  ['an unknown key', { all: true, dryrun: true }, 422, 'invalid-input'],
  ['a kind of quarantine', { filter: { kind: ['late'] } }, 422, 'filter-not-supported'],
  ['a state that forbids it', { filter: { state: ['queued'] } }, 409, 'state-forbids'],
  ['another number than expected', { all: true, expected: 7 }, 409, 'selection-changed']
] as const) {
  t.test(`an operation with ${what} is refused, and begins nothing`, async (t) => {
    const { service, post } = await open(t)
    await fail(service, BTG)
    const answered = await post('/v1/operations', { action: 'release', ...body })
    t.match(answered, { status, json: { code } })
    t.same((await service.operations.list(null, 9)).items, [])
  })
}

t.test('selection-changed names both numbers', async (t) => {
  const { service, post } = await open(t)
  await fail(service, BTG)
  const { json } = await post('/v1/operations', { action: 'release', all: true, expected: 7 })
  t.match(Object(json).detail, /^7 were expected, and 1 match now$/)
})

t.test('the oldest of each bank goes first, and the rest once it is back', async (t) => {
  const { service, post, begin, look, turn, states } = await open(t)
  const btg = [await fail(service, BTG), await fail(service, BTG), await fail(service, BTG)]
  const itau = [await fail(service, ITAU), await fail(service, ITAU)]
  const bci = [await fail(service, BCI), await fail(service, BCI, 'unknown-type', null)]
  const answered = await post('/v1/operations', { ...PARKED, expected: 7, note: 'they are back' })
  const { operation } = answered.json as OperationView
  t.equal(answered.status, 202)
  t.equal(answered.headers.get('location'), `/v1/operations/${operation}`)
  t.ok(check('operation-view', answered.json).valid)
  t.match(answered.json, { state: 'canary', matched: 7, by: 'ana', canary: 'bank', done: 0 })
  await turn(operation)
  t.same(await states(btg), ['retry-scheduled', 'parked', 'parked'])
  t.same(await states(itau), ['retry-scheduled', 'parked'])
  t.match(await look(operation), { state: 'canary', done: 3, held: [] })
  t.match((await service.catalog.find(btg[0] ?? ''))?.history.at(-1), {
    event: 'released',
    by: 'ana',
    operation
  })

  await answer(service, btg[0] ?? '', ok())
  await answer(service, itau[0] ?? '', error('RETRY_AFTER_NOTIFICATION', 'E201'))
  await answer(service, bci[0] ?? '', error('WAIT_4_HOURS_BEFORE_RETRY', 'E301'))
  await turn(operation)
  t.same(await states(btg), ['delivered', 'retry-scheduled', 'retry-scheduled'])
  t.same(await states(itau), ['parked', 'parked'])
  const held = [
    {
      bank: 'itau.cl',
      credentials: null,
      requests: 1,
      because: { requestId: itau[0], code: 'E201' }
    },
    { bank: 'bci.cl', requests: 1, because: { requestId: bci[0], reason: 'wait-4-hours' } }
  ]
  const done = await look(operation)
  t.match(done, { state: 'done', done: 5, skipped: 0, held })
  t.same(done.outcomes, { delivered: 1, failed: 0, parkedAgain: 1, open: 3 })
  t.ok(check('operation-view', done).valid)
  t.equal(done.nextAt, null)

  t.test('what is held goes on when the operator says so', async (t) => {
    const go = (body: object) => post(`/v1/operations/${operation}/continue`, body)
    t.match(await go({ bank: 'btgpactual.cl' }), { status: 409, json: { code: 'operation-ended' } })
    t.match(await go({}), { status: 422 })
    t.match(await go({ bank: 'itau.cl' }), { status: 202, json: { state: 'running' } })
    await turn(operation)
    t.same(await states(itau), ['parked', 'retry-scheduled'])
    t.match(await look(operation), { state: 'done', done: 6, held: [{ bank: 'bci.cl' }] })
    t.match(await go({ all: true }), { status: 202 })
    await turn(operation)
    t.same(await states(bci), ['retry-scheduled', 'retry-scheduled'])
    t.match(await look(operation), { state: 'done', done: 7, held: [] })
  })

  t.test('an operation that has nothing left can’t be stopped or continued', async (t) => {
    for (const [path, body] of [
      ['stop', undefined],
      ['continue', { all: true }]
    ] as const) {
      const answered = await post(`/v1/operations/${operation}/${path}`, body)
      t.match(answered, { status: 409, json: { code: 'operation-ended' } })
    }
    t.equal((await post(`/v1/operations/op_${v7()}/stop`)).status, 404)
    await begin(PARKED)
  })
})

t.test('a stop begins nothing more, and what had its place is the last', async (t) => {
  const { service, post, look, turn, begin, states } = await open(t, 10)
  const ids: string[] = []
  for (let count = 0; count < 60; count += 1) ids.push(await fail(service, BTG, 'temporary'))
  for (const id of ids) await change(service, id, (request) => request)
  const { operation } = await begin({ action: 'retry', all: true, canary: 'none' })
  t.equal(await turn(operation), 51, 'those of the next five seconds')
  const stopped = await post(`/v1/operations/${operation}/stop`)
  t.match(stopped, { status: 202, json: { state: 'stopping' } })
  t.match(await post(`/v1/operations/${operation}/stop`), { status: 202 }, 'twice is once')
  t.equal(await turn(operation), 51)
  t.match(await look(operation), { state: 'stopping', endedAt: null })
  const requests = await Promise.all(ids.map((id) => service.catalog.find(id)))
  const now = await service.catalog.now()
  const begun = requests.filter((one) => one?.paced === true).map((one) => one?.dueAt ?? 0)
  t.equal(begun.length, 51)
  t.ok(Math.max(...begun) <= now + 5_000)
  t.equal(await carryOnNow(service, operation), 51)
  t.match(await look(operation), { state: 'stopped', done: 51, matched: 60 })
  t.ok((await states(ids)).every((state) => state === 'retry-scheduled'))
})

t.test('an operation keeps a pace of its own', async (t) => {
  const { service, begin, turn } = await open(t, 100)
  const ids: string[] = []
  for (let count = 0; count < 12; count += 1) ids.push(await fail(service, BTG))
  const { operation } = await begin({ ...PARKED, canary: 'none', pace: 2 })
  t.equal(await turn(operation), 11)
  const requests = await Promise.all(ids.slice(0, 11).map((id) => service.catalog.find(id)))
  const due = requests.map((one) => one?.dueAt ?? 0)
  t.ok(due.slice(1).every((at, index) => at - (due[index] ?? 0) >= 499))
})

t.test('a limit takes the oldest', async (t) => {
  const { service, begin, look, turn, states } = await open(t)
  const ids = [await fail(service, BTG), await fail(service, ITAU), await fail(service, BTG)]
  const { operation } = await begin({ ...PARKED, canary: 'none', limit: 2 })
  await turn(operation)
  t.same(await states(ids), ['retry-scheduled', 'retry-scheduled', 'parked'])
  t.match(await look(operation), { state: 'done', matched: 3, done: 2, limit: 2 })
})

t.test('what has left the selection is skipped, and what comes later is not taken', async (t) => {
  const { service, begin, look, turn, post, states } = await open(t)
  const [left, stays] = [await fail(service, BTG), await fail(service, BTG)]
  const { operation } = await begin({ ...PARKED, canary: 'none' })
  await post(`/v1/requests/${left}/cancel`)
  const later = await fail(service, BTG)
  await turn(operation)
  t.same(await states([stays, later]), ['retry-scheduled', 'parked'])
  t.match(await look(operation), { state: 'done', matched: 2, done: 1, skipped: 1 })
})

t.test('an Idempotency-Key makes one operation', async (t) => {
  const { service, post } = await open(t)
  await fail(service, BTG)
  const key = { 'idempotency-key': 'once' }
  const first = await post('/v1/operations', PARKED, key)
  t.match(await post('/v1/operations', PARKED, key), { status: 202, json: first.json as object })
  const other = { ...PARKED, note: 'other' }
  const answered = await post('/v1/operations', other, key)
  t.match(answered, { status: 422, json: { code: 'idempotency-key-reused' } })
  t.equal((await service.operations.list(null, 9)).items.length, 1)
})

t.test('operations are listed newest first, by state, a page at a time', async (t) => {
  const { service, get, begin, turn } = await open(t)
  await fail(service, BTG)
  const started: string[] = []
  for (let count = 0; count < 5; count += 1) {
    const { operation } = await begin({ ...PARKED, canary: 'none' })
    started.push(operation)
  }
  await turn(started[0] ?? '')
  const list = async (query: string) =>
    (await get(`/v1/operations?${query}`)).json as {
      items: OperationView[]
      nextCursor: string | null
    }
  for (const limit of [1, 2, 5, 9]) {
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Awaited<ReturnType<typeof list>> = await list(
        `limit=${limit}${cursor && `&cursor=${cursor}`}`
      )
      t.ok(check('operation-list', page).valid)
      seen.push(...page.items.map(({ operation }) => operation))
      cursor = page.nextCursor
    }
    t.same(seen, started.toReversed(), `${limit} at a time`)
  }
  t.same(
    (await list('state=done')).items.map(({ operation }) => operation),
    [started[0]]
  )
  t.equal((await list('state=running,canary')).items.length, 4)
  t.equal((await get('/v1/operations?cursor=x')).status, 422)
})

t.test('a retry in bulk keeps Khipu’s four hours, unless an admin says otherwise', async (t) => {
  const { service, begin, look, turn, post } = await open(t)
  const waits = await fail(service, BTG, 'wait-4-hours', 'E201')
  const soon = await fail(service, BTG, 'temporary', null)
  const dueAt = async () => (await service.catalog.find(waits))?.dueAt ?? 0
  const planned = await dueAt()
  const retry = { action: 'retry', all: true, canary: 'none' }
  t.match((await post('/v1/operations', { ...retry, dryRun: true })).json, {
    matched: 2,
    notAllowed: 1
  })
  const { operation } = await begin(retry)
  await turn(operation)
  t.match(await look(operation), { state: 'done', done: 1, refused: 1 })
  t.equal(await dueAt(), planned)
  t.match(await service.catalog.find(soon), { paced: true })
  const early = await begin({ ...retry, requestIds: [waits], all: false, early: true })
  await turn(early.operation)
  t.match(await look(early.operation), { done: 1 })
  t.ok((await dueAt()) <= (await service.catalog.now()))
})

t.test('what needs more than the scope write is refused', async (t) => {
  const { address } = await open(t)
  for (const body of [
    { action: 'retry', all: true, early: true },
    { action: 'accept', all: true },
    { action: 'discard', all: true }
  ]) {
    const headers = { authorization: 'Bearer token-of-writer', 'content-type': 'application/json' }
    const answered = await fetch(`${address}/v1/operations`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...body, dryRun: true })
    })
    t.equal(answered.status, 403, body.action)
  }
})

t.test('a cancellation in bulk ends each request once, with its result', async (t) => {
  const { service, begin, look, turn } = await open(t)
  const ids = [
    await askIn(service, 'queued'),
    await fail(service, BTG),
    await askIn(service, 'awaiting-callback')
  ]
  const ended = await askIn(service, 'failed')
  const { operation } = await begin({ action: 'cancel', all: true, expected: 3 })
  await turn(operation)
  const done = await look(operation)
  t.match(done, { state: 'done', done: 3, outcomes: { failed: 3, open: 0 } })
  for (const id of ids) t.match(await service.catalog.find(id), { state: 'cancelled' })
  t.match(await service.catalog.find(ended), { state: 'failed' })
})

t.test('what an operation has changed is a list of its own', async (t) => {
  const { service, get, begin, turn } = await open(t)
  const ids = [await fail(service, BTG), await fail(service, ITAU), await fail(service, BTG)]
  await fail(service, BCI)
  const filter = { bank: ['btgpactual.cl', 'itau.cl'] }
  const { operation } = await begin({ action: 'release', filter, canary: 'none' })
  await turn(operation)
  await turn(operation)
  const list = async (query: string) => {
    const { json } = await get(`/v1/requests?operation=${operation}${query}`)
    t.match(check('request-list', json), { valid: true })
    const { items, nextCursor } = json as RequestList
    return { ids: items.map(({ requestId }) => requestId), nextCursor }
  }
  t.same(await list(''), { ids: ids.toReversed(), nextCursor: null })
  t.same((await list('&bank=itau.cl')).ids, [ids[1]])
  const first = await list('&limit=2')
  t.same(first.ids, [ids[2], ids[1]])
  t.same((await list(`&limit=2&cursor=${first.nextCursor}`)).ids, [ids[0]])
  const unknown = await get(`/v1/requests?operation=op_${v7()}`)
  t.match(unknown, { status: 404, json: { code: 'unknown-operation' } })
  const both = await get(`/v1/requests?operation=${operation}&reference=a`)
  t.match(both, { status: 422, json: { code: 'filter-not-supported' } })
})
