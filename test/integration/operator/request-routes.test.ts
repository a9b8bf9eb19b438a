import t from 'tap'
import { v7, validate, version } from 'uuid'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import { release } from '../../../src/core/transitions/on-operator.ts'
import { type State, STATES } from '../../../src/core/request.ts'
import { beginSending } from '../../../src/core/transitions/on-send.ts'
import { applyFailure } from '../../../src/core/transitions/apply-decision.ts'
import { createCursors } from '../../../src/crypto/signed-cursor.ts'
import { check } from '../../../src/schemas/validate.ts'
import { bytes, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { context, ask, askIn, BTG, change } from '../../helpers/requests.ts'
import { secretKey } from '../../helpers/service.ts'
import type { Answered } from '../../helpers/wire.ts'
import { workOff } from '../../helpers/worker.ts'

const MINIMAL = { RequestData: { AccountNumber: '000011887755' } }
const COMPLETE = {
  service: 'cl/banking/business/bci.cl/transactions',
  RequestData: {
    AccountNumber: '9988776655443322',
    AccountCredential: { Username: 'canary-user', Password: 'canary-password' },
    Other: [1, null, { '': 'ñ' }]
  },
  authorization: { jwt: 'canary.jwt.signature' },
  reference: 'run 7: ñ'
}
const SECRET = /000011887755|9988776655443322|canary/

const idOf = ({ json }: Answered) => String(Object(json).requestId)
const itemsOf = ({ json }: Answered) => Object(json).items as Record<string, unknown>[]

t.test('a request is accepted with as little as an account number', async (t) => {
  const service = await openServerService(t)
  const { get, post } = await openAdmin(t, service)
  const before = await service.catalog.now()
  const answer = await post('/v1/requests', MINIMAL)
  const requestId = idOf(answer)
  t.equal(answer.status, 202)
  t.same(answer.json, { requestId, state: 'queued' })
  t.equal(answer.headers.get('location'), `/v1/requests/${requestId}`)
  t.ok(validate(requestId) && version(requestId) === 7, 'a UUIDv7')

  const shown = await get(`/v1/requests/${requestId}`)
  const view = Object(shown.json) as Record<string, unknown>
  const [requestedAt, dueAt] = [String(view['requestedAt']), String(view['dueAt'])]
  t.same(shown.json, {
    requestId,
    service: BTG,
    bank: 'btgpactual.cl',
    reference: null,
    account: { id: Object(view['account']).id, endsWith: '755' },
    state: 'queued',
    reason: null,
    code: null,
    stateSince: requestedAt,
    attempts: 0,
    requestedAt,
    requestedBy: 'ana',
    dueAt: requestedAt,
    parked: null,
    blockedBy: null,
    operationId: null,
    history: [{ at: requestedAt, event: 'accepted', by: 'ana' }]
  })
  t.ok(
    before <= Date.parse(requestedAt) && Date.parse(requestedAt) <= (await service.catalog.now())
  )
  t.match(check('request-view', shown.json), { valid: true })
  t.same(await service.ledger.openInput(requestId), MINIMAL)
  const at = Date.parse(dueAt)
  t.match(await service.queues.send.getJobs(), [{ data: { requestId, at } }])
})

t.test('a request is stored as it was asked, and shown without its secrets', async (t) => {
  const service = await openServerService(t)
  const { get, post } = await openAdmin(t, service)
  const answer = await post('/v1/requests', COMPLETE)
  const { RequestData, authorization } = COMPLETE
  t.same(await service.ledger.openInput(idOf(answer)), { RequestData, authorization })
  const shown = await get(`/v1/requests/${idOf(answer)}`)
  t.match(shown.json, { service: COMPLETE.service, reference: COMPLETE.reference })
  const listed = await get('/v1/requests')
  t.notMatch(answer.text + shown.text + listed.text + service.lines.join(''), SECRET)
})

// One listener for the tables, whose rows leave nothing behind that another would notice.
const shared = await openServerService(t)
const admin = await openAdmin(t, shared)

type Faulty = [what: string, body: unknown, status: number, path: string | null]

const FAULTY: readonly Faulty[] = [
  ['no RequestData', {}, 422, ''],
  ['no account number', { RequestData: {} }, 422, '/RequestData'],
  [
    'a number as account number',
    { RequestData: { AccountNumber: 7 } },
    422,
    '/RequestData/AccountNumber'
  ],
  [
    'an account number of 21 characters',
    { RequestData: { AccountNumber: '0'.repeat(21) } },
    422,
    '/RequestData/AccountNumber'
  ],
  ['an unknown service', { ...MINIMAL, service: 'cl/banking/../x' }, 422, '/service'],
  ['null as service', { ...MINIMAL, service: null }, 422, '/service'],
  [
    'two ways to authorize',
    { ...MINIMAL, authorization: { jwt: 'a', apiKey: 'b' } },
    422,
    '/authorization'
  ],
  ['no way to authorize', { ...MINIMAL, authorization: {} }, 422, '/authorization'],
  ['an empty reference', { ...MINIMAL, reference: '' }, 422, '/reference'],
  ['an unknown key', { ...MINIMAL, Reference: 'x' }, 422, '/Reference'],
  ['a CallbackUrl', { ...MINIMAL, CallbackUrl: 'https://a.example' }, 422, '/CallbackUrl'],
  ['an array', [MINIMAL], 422, ''],
  ['null', 'null', 422, ''],
  ['broken JSON', '{"RequestData":', 400, null],
  ['an empty body', '', 400, null]
]

for (const [what, body, status, path] of FAULTY) {
  t.test(`a request with ${what} is answered ${status}, and names the field`, async (t) => {
    const { accepted } = await shared.catalog.totals()
    const answer = await admin.post('/v1/requests', body)
    t.equal(answer.status, status)
    t.match(answer.headers.get('content-type'), /^application\/problem\+json/)
    t.match(check('problem', answer.json), { valid: true })
    const code = status === 400 ? 'invalid-json' : 'invalid-input'
    t.match(answer.json, { type: 'about:blank', title: /.+/, status, code, detail: /.+/ })
    if (path !== null) t.match(answer.json, { errors: [{ path, rule: /.+/, message: /.+/ }] })
    t.match(await shared.catalog.totals(), { accepted })
  })
}

t.test('every fault is told at once', async (t) => {
  const { post } = await openAdmin(t, await openServerService(t))
  const { json } = await post('/v1/requests', { RequestData: {}, reference: 7, wrong: 1 })
  const paths = Object(json).errors.map(({ path }: { path: string }) => path)
  t.same(paths.toSorted(), ['/RequestData', '/reference', '/wrong'])
})

t.test('a body of another content type is refused as a problem', async (t) => {
  const { post } = await openAdmin(t, await openServerService(t))
  for (const [type, status] of [
    ['text/plain', 422],
    ['application/xml', 415]
  ] as const) {
    const answer = await post('/v1/requests', JSON.stringify(MINIMAL), { 'content-type': type })
    t.equal(answer.status, status, type)
    t.match(check('problem', answer.json), { valid: true, value: { status } })
  }
  const large = { RequestData: { AccountNumber: '1', Other: ' '.repeat(1_100_000) } }
  t.match(await post('/v1/requests', large), { status: 413, json: { status: 413 } })
})

t.test('while there is no room for its answer, nothing is asked', async (t) => {
  const service = await openServerService(t)
  const { get, post } = await openAdmin(t, service, { canAsk: false })
  const requestId = await ask(service)
  const answer = await post('/v1/requests', MINIMAL)
  t.equal(answer.status, 503)
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.match(check('problem', answer.json), { valid: true, value: { status: 503 } })
  t.match(await service.catalog.totals(), { accepted: 1 })
  t.equal((await get(`/v1/requests/${requestId}`)).status, 200, 'though the rest goes on')
  t.equal((await post(`/v1/requests/${requestId}/cancel`)).status, 200)
})

t.test('a call without a body may say that it would be JSON', async (t) => {
  const requestId = await askIn(shared, 'parked')
  const json = { 'content-type': 'application/json' }
  t.equal((await admin.post(`/v1/requests/${requestId}/retry`, undefined, json)).status, 200)
  t.equal((await admin.post(`/v1/requests/${requestId}/cancel`, undefined, json)).status, 200)
})

t.test('a request must bring its authorization where the service has none', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service, { hasAuthorization: false })
  const refused = await post('/v1/requests', MINIMAL)
  t.equal(refused.status, 422)
  t.match(refused.json, { errors: [{ path: '/authorization', rule: 'required' }] })
  for (const authorization of [{ jwt: 'a.b.c' }, { apiKey: 'key' }]) {
    t.equal((await post('/v1/requests', { ...MINIMAL, authorization })).status, 202)
  }
})

const withKey = (key: string) => ({ 'idempotency-key': key })

t.test('an Idempotency-Key makes a repeat return the first answer', async (t) => {
  const service = await openServerService(t)
  const { post, address } = await openAdmin(t, service)
  const first = await post('/v1/requests', MINIMAL, withKey('a key'))
  const requestId = idOf(first)
  await change(service, requestId, (request, now) =>
    beginSending(request, context(service, now), 1)
  )
  const again = await post('/v1/requests', MINIMAL, withKey('a key'))
  t.equal(again.status, 202)
  t.same(again.json, first.json, 'as it was then')
  t.equal(again.headers.get('location'), first.headers.get('location'))
  t.match(await service.catalog.totals(), { accepted: 1 })

  const others = [
    await post('/v1/requests', MINIMAL, withKey('another key')),
    await post('/v1/requests', MINIMAL),
    await post('/v1/requests', MINIMAL),
    await fetch(`${address}/v1/requests`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer token-of-ben',
        'content-type': 'application/json',
        ...withKey('a key')
      },
      body: JSON.stringify(MINIMAL)
    }).then(async (response) => ({ ...first, json: await response.json() }))
  ]
  t.equal(new Set([first, ...others].map(idOf)).size, 5, 'another key, none, another caller')
})

t.test('an Idempotency-Key that was used for another body is answered 422', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  await post('/v1/requests', MINIMAL, withKey('key'))
  for (const body of [COMPLETE, { ...MINIMAL, reference: 'r' }, { ...MINIMAL, reference: null }]) {
    const answer = await post('/v1/requests', body, withKey('key'))
    t.equal(answer.status, 422)
    t.match(check('problem', answer.json), { valid: true })
  }
  t.match(await service.catalog.totals(), { accepted: 1 })
})

t.test(
  'an Idempotency-Key was used for the same body whatever the order of its keys',
  async (t) => {
    const service = await openServerService(t)
    const { post } = await openAdmin(t, service)
    const logon = { User: 'u', Password: 'p' }
    const turned = { Password: 'p', User: 'u' }
    const bodies = [
      { RequestData: { AccountNumber: '000011887755', AccountCredential: logon }, reference: 'r' },
      { reference: 'r', RequestData: { AccountCredential: turned, AccountNumber: '000011887755' } }
    ]
    const [one, other] = [
      await post('/v1/requests', bodies[0], withKey('key')),
      await post('/v1/requests', bodies[1], withKey('key'))
    ]
    t.equal(other.status, 202)
    t.equal(idOf(other), idOf(one))
  }
)

t.test('repeats at once make one request', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => post('/v1/requests', MINIMAL, withKey('key')))
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([202]))
  t.equal(new Set(answers.map(idOf)).size, 1)
  t.match(await service.catalog.totals(), { accepted: 1 })
  t.equal((await service.queues.send.getJobs()).length, 1)
})

t.test('a repeat finishes what a crash after the reservation left undone', async (t) => {
  const service = await openServerService(t)
  const create = () => Promise.reject(new Error('crashed'))
  const crashing = await openAdmin(t, { ...service, ledger: { ...service.ledger, create } })
  t.equal((await crashing.post('/v1/requests', MINIMAL, withKey('key'))).status, 503)
  const { post } = await openAdmin(t, service)
  const answer = await post('/v1/requests', MINIMAL, withKey('key'))
  t.equal(answer.status, 202)
  t.ok(await service.ledger.has(idOf(answer)))
})

t.test('an Idempotency-Key has 1 to 255 characters', async (t) => {
  const { post } = await openAdmin(t, await openServerService(t))
  t.equal((await post('/v1/requests', MINIMAL, withKey('k'.repeat(255)))).status, 202)
  for (const key of ['', 'k'.repeat(256)]) {
    const answer = await post('/v1/requests', MINIMAL, withKey(key))
    t.match(answer, { status: 400, json: { status: 400, detail: /Idempotency-Key/ } })
  }
})

t.test('requests are listed newest first, a page at a time', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const ids: string[] = []
  for (let at = 0; at < 60; at += 1) {
    const reference = at % 2 === 0 ? 'even & more' : null
    ids.unshift(await askIn(service, at < 10 ? 'parked' : 'queued', { reference }))
  }
  const all = await get('/v1/requests')
  t.match(check('request-list', all.json), { valid: true })
  t.same(
    itemsOf(all).map((item) => item['requestId']),
    ids.slice(0, 50),
    '50 where nothing is said'
  )
  const shown = await get(`/v1/requests/${ids[0]}`)
  t.same(itemsOf(all)[0], shown.json, 'as each is shown alone')

  const pages: unknown[][] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page = await get(`/v1/requests?limit=25${cursor}`)
    pages.push(itemsOf(page).map((item) => item['requestId']))
    const next = Object(page.json).nextCursor as string | null
    cursor = next === null ? null : `&cursor=${encodeURIComponent(next)}`
  }
  t.same(pages, [ids.slice(0, 25), ids.slice(25, 50), ids.slice(50)])

  const filtered = async (query: string) => {
    const page = await get(`/v1/requests?limit=200&${query}`)
    return itemsOf(page).map((item) => item['requestId'])
  }
  t.same(await filtered('state=parked'), ids.slice(-10))
  t.same(await filtered('state=delivered'), [])
  t.same(await filtered('state=parked,queued'), ids)
  t.same(await filtered('state=parked&reason=retry-after-notification,credentials'), ids.slice(-10))
  t.same(await filtered('reason=credentials'), [])
  t.same(await filtered('bank=btgpactual.cl,bci.cl&state=parked'), ids.slice(-10))
  t.same(await filtered('bank=bci.cl'), [])
  t.same(await filtered('olderThan=1h'), [])
  t.same(await filtered('since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00.000-03:00'), ids)
  t.same(await filtered('state=parked&until=2020-01-01T00:00:00Z'), [])
  const { total, partial } = Object((await get('/v1/requests?state=parked&limit=3')).json)
  t.same({ total, partial }, { total: 10, partial: false })
  const byRecord = Object((await get('/v1/requests?reference=even+%26+more&limit=3')).json)
  t.equal(byRecord.total, null)
  t.same(await filtered(`service=${BTG}&state=parked`), ids.slice(-10))
  t.same(await filtered('service=cl/banking/personal/itau.cl/accounts'), [])
  const even = ids.filter((_, at) => (59 - at) % 2 === 0)
  t.same(await filtered('reference=even%20%26%20more'), even)
  t.same(await filtered('reference=even+%26+more&state=parked'), even.slice(-5))
  t.same(await filtered('reference=even'), [])
})

t.test('a cursor goes on in its own list alone, whatever the filters are by then', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const ids: string[] = []
  for (let at = 0; at < 5; at += 1) {
    ids.unshift(await askIn(service, 'parked', { reference: 'run-7', turns: true }))
    await service.quarantine.keep({ requestId: v7(), attempt: 1 }, 'schema', [], bytes({ at }))
    await service.audit.record({ by: 'ana', action: 'body-read', target: null, detail: null })
  }
  const account = (await service.catalog.find(ids[0] ?? ''))?.account?.id ?? ''
  const lists = [
    [
      'requests?',
      'requests?state=parked',
      'requests?reference=run-7',
      `requests?account=${account}`
    ],
    ['requests?sort=due', 'requests?sort=due&state=parked'],
    ['quarantine?', 'quarantine?kind=schema'],
    ['audit?', 'audit?by=ana']
  ]
  const all = lists.flatMap((paths, place) => paths.map((path) => ({ path, place })))
  for (const { path, place } of all) {
    const cursor = String(Object((await get(`/v1/${path}&limit=2`)).json).nextCursor)
    t.notMatch(cursor, account)
    for (const other of all) {
      const answer = await get(`/v1/${other.path}&limit=4&cursor=${cursor}`)
      const what = `${other.path} with the cursor of ${path}`
      const expected =
        other.place === place
          ? { status: 200, json: { nextCursor: null } }
          : { status: 422, json: { code: 'unknown-cursor' } }
      t.match(answer, expected, what)
      if (other.place === place) t.equal(itemsOf(answer).length, 3, what)
    }
  }
})

t.test('a cursor outlives the rotation of SECRET_KEYS, and not its key', async (t) => {
  const [before, after] = [secretKey('k1'), secretKey('k2')]
  const service = await openServerService(t, { secretKeys: [before] })
  for (let at = 0; at < 3; at += 1) await askIn(service, 'queued')
  const page = await (await openAdmin(t, service)).get('/v1/requests?limit=2')
  const path = `/v1/requests?cursor=${Object(page.json).nextCursor}`
  const rotated = { ...service, cursors: createCursors([after, before]) }
  t.equal(itemsOf(await (await openAdmin(t, rotated)).get(path)).length, 1)
  const gone = { ...service, cursors: createCursors([after]) }
  t.equal((await (await openAdmin(t, gone)).get(path)).status, 422)
})

const QUERIES: readonly [query: string, path: string][] = [
  ['account=000011887755', '/account'],
  ['account=', '/account'],
  [`account=${'a'.repeat(21)}`, '/account'],
  [`account=${'a'.repeat(23)}`, '/account'],
  [`account=${'a'.repeat(21)}%2B`, '/account'],
  [`account=${'a'.repeat(22)}%0A`, '/account'],
  [`account=${'a'.repeat(22)}&account=${'a'.repeat(22)}`, '/account'],
  ['cursor=', '/cursor'],
  ['cursor=0', '/cursor'],
  ['cursor=x', '/cursor'],
  [`cursor=${v7()}`, '/cursor'],
  [`cursor=${'A'.repeat(70)}`, '/cursor'],
  ['limit=0', '/limit'],
  ['limit=201', '/limit'],
  ['limit=many', '/limit'],
  ['limit=1.5', '/limit'],
  ['limit=', '/limit'],
  ['state=ended', '/state'],
  ['state=queued,', '/state'],
  ['state=queued,ended', '/state'],
  ['reason=tired', '/reason'],
  ['reason=', '/reason'],
  ['code=e201', '/code'],
  ['code=E2010', '/code'],
  ['code=E201;E202', '/code'],
  ['service=a%7Cb', '/service'],
  ['bank=', '/bank'],
  ['bank=*', '/bank'],
  ['since=yesterday', '/since'],
  ['since=2026-11-22', '/since'],
  ['since=2026-13-22T09:00:00Z', '/since'],
  ['until=2026-11-31T25:00:00Z', '/until'],
  ['olderThan=1', '/olderThan'],
  ['olderThan=1w', '/olderThan'],
  ['olderThan=-1h', '/olderThan'],
  [`reference=a&account=${'a'.repeat(22)}`, '/reference'],
  ['reference=a&referencePrefix=a', '/referencePrefix'],
  ['referencePrefix=a&operationId=b', '/operationId'],
  ['referencePrefix=', '/referencePrefix'],
  ['sort=oldest', '/sort'],
  ['sort=due&reference=a', '/reference'],
  ['sort=due&referencePrefix=a', '/referencePrefix'],
  ['sort=due&since=2026-11-22T09:00:00Z', '/since'],
  ['sort=due&olderThan=1h', '/olderThan'],
  ['sort=due&state=queued,delivered', '/state'],
  ['dueBefore=2026-11-22T09:00:00Z&state=failed', '/state'],
  ['sort=newest&dueBefore=2026-11-22T09:00:00Z', '/dueBefore'],
  ['dueAfter=now', '/dueAfter'],
  ['fields=none', '/fields'],
  ['state=', '/state'],
  ['page=2', '/page'],
  ['state=queued&state=parked', '/state']
]

for (const [query, path] of QUERIES) {
  t.test(`a list asked for with ${query} is refused, and ${path} is named`, async (t) => {
    const answer = await admin.get(`/v1/requests?${query}`)
    t.match(answer, { status: 422, json: { status: 422, errors: [{ path }] } })
    t.match(check('problem', answer.json), { valid: true })
  })
}

const MAY: Readonly<Record<State, { readonly cancel: number; readonly retry: number }>> = {
  queued: { cancel: 200, retry: 409 },
  sending: { cancel: 200, retry: 409 },
  'awaiting-callback': { cancel: 200, retry: 409 },
  'retry-scheduled': { cancel: 200, retry: 200 },
  parked: { cancel: 200, retry: 200 },
  delivered: { cancel: 409, retry: 409 },
  failed: { cancel: 409, retry: 409 },
  cancelled: { cancel: 409, retry: 409 }
}

for (const state of STATES) {
  t.test(`cancel of a request that is ${state} is answered ${MAY[state].cancel}`, async (t) => {
    const requestId = await askIn(shared, state)
    const before = await shared.catalog.find(requestId)
    const answer = await admin.post(`/v1/requests/${requestId}/cancel`)
    t.equal(answer.status, MAY[state].cancel)
    if (answer.status === 409) {
      t.match(check('problem', answer.json), {
        valid: true,
        value: { code: 'state-forbids', detail: new RegExp(state) }
      })
      const after = await shared.catalog.find(requestId)
      t.equal(after?.state, before?.state)
      return
    }
    t.match(answer.json, { requestId, state: 'cancelled', reason: 'cancelled', dueAt: null })
    t.match(Object(answer.json).history.at(-1), { event: 'cancelled', by: 'ana' })
    t.match(check('request-view', answer.json), { valid: true })
    const result = await shared.resultQueue.getJob(requestId)
    t.match(result, { name: 'failed', data: { reason: 'cancelled', response: null } })
    t.equal((await admin.post(`/v1/requests/${requestId}/cancel`)).status, 409, 'and only once')
  })

  t.test(`retry of a request that is ${state} is answered ${MAY[state].retry}`, async (t) => {
    const requestId = await askIn(shared, state)
    const now = await shared.catalog.now()
    const answer = await admin.post(`/v1/requests/${requestId}/retry`)
    t.equal(answer.status, MAY[state].retry)
    if (answer.status === 409) {
      t.match(check('problem', answer.json), { valid: true, value: { detail: new RegExp(state) } })
      return
    }
    const { dueAt, history } = Object(answer.json)
    const at = Date.parse(dueAt)
    t.match(answer.json, { requestId, state: 'retry-scheduled' })
    t.ok(now <= at && at <= (await shared.catalog.now()), 'it is due now')
    t.match(history.at(-1), { event: 'retry-requested', by: 'ana' })
    const job = await shared.queues.send.getJob(`send-${requestId}-1-${at}`)
    t.equal(await job?.isWaiting(), true)
  })
}

t.test('retry of what has used up its attempts is answered 409, and says so', async (t) => {
  const policy = { ...BUILT_IN_POLICY, maxAttempts: 1 }
  const service = await openServerService(t, { policy })
  const { post } = await openAdmin(t, service)
  for (const state of ['parked', 'retry-scheduled'] as const) {
    const requestId = await askIn(service, 'parked')
    if (state === 'retry-scheduled') {
      await change(service, requestId, (request, now) => release(request, now, 'ana', now))
    }
    const answer = await post(`/v1/requests/${requestId}/retry`)
    t.match(answer, { status: 409, json: { detail: /used up its attempts/ } }, state)
    t.equal((await service.catalog.find(requestId))?.state, state)
    t.equal((await post(`/v1/requests/${requestId}/cancel`)).status, 200)
    const ended = await post(`/v1/requests/${requestId}/retry`)
    t.match(ended, { status: 409, json: { detail: /the state 'cancelled' forbids it/ } })
  }
})

t.test('a cancellation comes too late where a result is in hand', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, ok())
  const answer = await post(`/v1/requests/${requestId}/cancel`)
  t.match(answer, { status: 409, json: { detail: /delivered/ } })
  t.same(await resultsOf(service), [], 'left to a worker')
  await workOff(service)
  t.match(await resultsOf(service), [{ id: requestId, name: 'delivered' }])
})

async function parkAll(service: Parameters<typeof ask>[0]) {
  const park = async (cause: 'unauthorized' | 'unknown-type', code: string | null, path = BTG) => {
    const requestId = await ask(service, { service: path })
    await change(service, requestId, (request, now) => {
      const world = context(service, now)
      const failure = { cause, code, receivedAt: now, retryAfterMs: null }
      return applyFailure(beginSending(request, world, 1), failure, world)
    })
    return requestId
  }
  const other = 'cl/banking/personal/itau.cl/accounts'
  return {
    first: await park('unknown-type', 'E999'),
    second: await park('unauthorized', 'A000'),
    third: await park('unknown-type', 'E999', other),
    other
  }
}

t.test('a dry run counts what matches, and releases nothing', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const { first, third, other } = await parkAll(service)
  const rows: readonly [filter: object, matched: number][] = [
    [{ all: true }, 3],
    [{ all: true, code: 'E999' }, 2],
    [{ code: 'E999' }, 2],
    [{ reason: 'unauthorized' }, 1],
    [{ service: other }, 1],
    [{ service: BTG, code: 'E999', reason: 'unknown-type' }, 1],
    [{ requestIds: [first, third, v7()] }, 2],
    [{ requestIds: [first], code: 'A000' }, 0],
    [{ code: 'e999' }, 0]
  ]
  for (const [filter, matched] of rows) {
    const answer = await post('/v1/notifications', { ...filter, dryRun: true })
    t.match(answer, { status: 200, json: { matched, released: 0 } }, JSON.stringify(filter))
    t.match(check('notification-outcome', answer.json), { valid: true })
  }
  t.match(await service.catalog.totals(), { live: { parked: 3 } })
  t.same((await service.operations.list(null, 9)).items, [])
})

t.test('a notification releases what matches and nothing else', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const { first, second, third } = await parkAll(service)
  const release = async (filter: object) => (await post('/v1/notifications', filter)).json
  const state = async (id: string) => (await service.catalog.find(id))?.state
  t.match(await release({ reason: 'unauthorized' }), { matched: 1, released: 1, operation: /^op_/ })
  t.same(
    [await state(first), await state(second), await state(third)],
    ['parked', 'retry-scheduled', 'parked']
  )
  t.match((await service.catalog.find(second))?.history.at(-1), {
    event: 'released',
    by: 'ana'
  })
  t.match(await release({ reason: 'unauthorized', dryRun: false }), { matched: 0, released: 0 })
  t.match(await release({ all: true }), { matched: 2, released: 2 })
  t.match(await service.catalog.totals(), { live: { parked: 0, 'retry-scheduled': 3 } })
})

t.test('a notification does not match what has used up its POSTs', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'parked')
  await change(service, requestId, (request) => ({
    ...request,
    attempts: Array.from({ length: service.policy.maxAttempts }, (_, index) => {
      return { number: index + 1, sendingAt: 0, dueAt: 0, cause: 'temporary' as const }
    })
  }))
  const none = { matched: 0, released: 0 }
  t.same((await post('/v1/notifications', { all: true, dryRun: true })).json, none)
  t.match((await post('/v1/notifications', { all: true })).json, none)
  t.equal((await post(`/v1/requests/${requestId}/retry`)).status, 409)
})

t.test('what a notification releases is paced, never all at once', async (t) => {
  const policy = { ...BUILT_IN_POLICY, releasesPerSecond: 4 }
  const service = await openServerService(t, { policy })
  const { post } = await openAdmin(t, service)
  const ids: string[] = []
  for (let at = 0; at < 12; at += 1) ids.push(await askIn(service, 'parked'))
  await post('/v1/notifications', { all: true })
  const dues = await Promise.all(
    ids.map(async (id) => Number((await service.catalog.find(id))?.dueAt))
  )
  t.same(
    dues.map((due) => due - Number(dues[0])),
    ids.map((_, at) => at * 250)
  )
})

t.test(
  'a notification that comes before the parking of an earlier failure is not missed',
  async (t) => {
    const service = await openServerService(t)
    const { post } = await openAdmin(t, service)
    const requestId = await askIn(service, 'awaiting-callback')
    await receive(service, requestId, error('RETRY_AFTER_NOTIFICATION', 'I001'))
    t.match((await post('/v1/notifications', { code: 'I001' })).json, { matched: 0 })
    const answer = await post(`/v1/requests/${requestId}/retry`)
    t.equal(answer.status, 200)
    t.match(Object(answer.json).history.at(-2), { event: 'retry-scheduled' }, 'it was not parked')
  }
)

for (const [what, body, path] of [
  ['an unknown key', { dryrun: true }, '/dryrun'],
  ['an unknown reason', { reason: 'no-callback' }, '/reason'],
  ['an id that is none', { requestIds: ['x'] }, '/requestIds/0'],
  ['no ids', { requestIds: [] }, '/requestIds'],
  ['no filter', {}, ''],
  ['no filter, to count,', { dryRun: true }, ''],
  ['"all": false alone', { all: false }, '']
] as const) {
  t.test(`a notification with ${what} is refused, and releases nothing`, async (t) => {
    const requestId = await askIn(shared, 'parked')
    const answer = await admin.post('/v1/notifications', body)
    t.match(answer, { status: 422, json: { errors: [{ path }] } })
    t.equal((await shared.catalog.find(requestId))?.state, 'parked')
  })
}

t.test('what stands in the ledger is accepted, though its job could not be added', async (t) => {
  const service = await openServerService(t)
  const ensure = () => Promise.reject(new Error('timed out'))
  const { post } = await openAdmin(t, { ...service, jobs: { ...service.jobs, ensure } })
  const answer = await post('/v1/requests', { RequestData: { AccountNumber: '1' } })
  t.equal(answer.status, 202)
  t.match(await service.catalog.totals(), { accepted: 1, live: { queued: 1 } })
})
