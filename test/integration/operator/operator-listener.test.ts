import t from 'tap'
import { v7 } from 'uuid'
import { STATES } from '../../../src/core/request.ts'
import { check } from '../../../src/schemas/validate.ts'
import { createMetrics } from '../../../src/app/metrics.ts'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { HOUR } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { call } from '../../helpers/wire.ts'

/** Every route behind a token, as the contract has it. */
const ROUTES: readonly [method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string][] = [
  ['POST', '/v1/requests'],
  ['GET', '/v1/requests'],
  ['GET', '/v1/requests/{id}'],
  ['GET', '/v1/requests/{id}/explain'],
  ['GET', '/v1/summary'],
  ['GET', '/v1/stats'],
  ['GET', '/v1/events'],
  ['GET', '/v1/audit'],
  ['POST', '/v1/requests/{id}/cancel'],
  ['POST', '/v1/requests/{id}/retry'],
  ['PUT', '/v1/requests/{id}/authorization'],
  ['POST', '/v1/notifications'],
  ['POST', '/v1/operations'],
  ['GET', '/v1/operations'],
  ['GET', '/v1/operations/{op}'],
  ['POST', '/v1/operations/{op}/stop'],
  ['POST', '/v1/operations/{op}/continue'],
  ['GET', '/v1/quarantine'],
  ['GET', '/v1/quarantine/{id}'],
  ['POST', '/v1/quarantine/{id}/accept'],
  ['DELETE', '/v1/quarantine/{id}']
]

const NO_TOKEN: readonly [what: string, authorization: string | undefined][] = [
  ['no token', undefined],
  ['an empty header', ''],
  ['an empty token', 'Bearer '],
  ['an unknown token', 'Bearer token-of-eve'],
  ['the beginning of a token', 'Bearer token-of-an'],
  ['a token and more', 'Bearer token-of-anas'],
  ['two tokens', 'Bearer token-of-ana token-of-ben'],
  ['a name for a token', 'Bearer ana'],
  ['a name and its token', 'Bearer ana:token-of-ana'],
  ['a token without its scheme', 'token-of-ana'],
  ['a token of another scheme', 'Basic token-of-ana']
]

t.test('every route asks for a token', async (t) => {
  const service = await openServerService(t)
  const { address } = await openAdmin(t, service, { failures: { perAddress: 999, inAll: 999 } })
  for (const [method, path] of ROUTES) {
    for (const [what, authorization] of method === 'GET' ? NO_TOKEN : NO_TOKEN.slice(0, 4)) {
      const headers = authorization === undefined ? {} : { authorization }
      const url = address + path.replace(/\{\w+\}/, v7())
      const answer = await call(url, { method, headers })
      const name = `${method} ${path} with ${what}`
      t.equal(answer.status, 401, name)
      t.match(answer.headers.get('content-type'), /^application\/problem\+json/, name)
      t.equal(answer.headers.get('www-authenticate'), 'Bearer', name)
      t.match(check('problem', answer.json), { valid: true, value: { status: 401 } }, name)
    }
  }
  t.match(await service.catalog.totals(), { accepted: 0 })
})

t.test('each token lets in, whatever the case of its scheme', async (t) => {
  const { address } = await openAdmin(t, await openServerService(t))
  for (const authorization of [
    'Bearer token-of-ana',
    'bearer token-of-ben',
    'BEARER token-of-ben'
  ]) {
    const { status } = await call(`${address}/v1/requests`, { headers: { authorization } })
    t.equal(status, 200, authorization)
  }
})

t.test('a process that only works has health and metrics, and no API', async (t) => {
  const { get } = await openAdmin(t, await openServerService(t), { hasApi: false })
  t.equal((await get('/v1/requests')).status, 404)
  for (const path of ['/openapi.json', '/docs']) t.equal((await get(path)).status, 404, path)
  for (const path of ['/health/live', '/health/ready', '/metrics']) {
    t.equal((await get(path)).status, 200, path)
  }
})

t.test('health and metrics need no token', async (t) => {
  const { address } = await openAdmin(t, await openServerService(t))
  t.match(await call(`${address}/health/live`), { status: 200, json: { status: 'live' } })
  const ready = await call(`${address}/health/ready`)
  t.match(ready, { status: 200, json: { status: 'ready' } })
  t.match(check('readiness', ready.json), { valid: true })
  const metrics = await call(`${address}/metrics`)
  t.equal(metrics.status, 200)
  t.match(metrics.headers.get('content-type'), /^text\/plain/)
})

t.test('readiness tells how the books stand, and what is overdue', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  for (const state of STATES) await askIn(service, state, { ago: -HOUR })
  const requests = { accepted: 8, ended: 3, live: 5, unaccounted: 0, oldestOverdueSeconds: 0 }
  t.match((await get('/health/ready')).json, { requests, concerns: [] })

  await askIn(service, 'queued', { ago: HOUR })
  await service.redis.hincrby(`${service.tag}:totals`, 'accepted', 2)
  const { status, json, text } = await get('/health/ready')
  t.equal(status, 200, 'callbacks are stored all the same')
  t.match(json, { requests: { accepted: 11, ended: 3, live: 6, unaccounted: 2 } })
  t.match(text, /counts 2 more requests accepted than ended and live/)
  const { oldestOverdueSeconds } = Object(json).requests
  t.ok(oldestOverdueSeconds >= 3600 && oldestOverdueSeconds < 3700)
  const { text: metrics } = await get('/metrics')
  t.match(metrics, /^khipu_requests_unaccounted 2$/m)
  t.match(metrics, /^khipu_oldest_overdue_seconds 36\d\d(?:\.\d+)?$/m)
})

t.test('readiness asks Redis everything at once, for each may have to time out', async (t) => {
  const service = await openServerService(t)
  const { promise: hanging, reject } = Promise.withResolvers<never>()
  const asked: string[] = []
  const hang = (what: string) => () => {
    asked.push(what)
    return hanging
  }
  const catalog = {
    ...service.catalog,
    totals: hang('totals'),
    overdueMs: hang('overdueMs'),
    tryWrite: hang('tryWrite')
  }
  const { get } = await openAdmin(t, service, { catalog })
  const ready = get('/health/ready')
  await until('all have been asked', () => asked.length === 3)
  reject(new Error('timed out'))
  t.match(await ready, { status: 503, json: { redis: 'away' } })
})

t.test('a Redis that still loads is all that readiness tells', async (t) => {
  const service = await openServerService(t)
  const loading = { status: 503, json: { status: 'unavailable', redis: 'loading', concerns: [] } }
  const concerns = () => ['it has no append-only file']
  const reply = Object.assign(new Error('LOADING of it'), { name: 'ReplyError' })
  const others = [
    { catalog: storeThat(away), trouble: async () => 'loading' as const },
    { catalog: storeThat(() => Promise.reject(reply)) }
  ]
  for (const one of others) {
    const catalog = { ...service.catalog, ...one.catalog }
    const { get } = await openAdmin(t, service, { concerns, ...one, catalog })
    const { status, json } = await get('/health/ready')
    t.strictSame({ status, json }, loading)
    t.match(check('readiness', json), { valid: true })
  }
})

t.test('readiness and metrics tell what lies on the result queue', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const none = { waiting: 0, failed: 0, oldestSeconds: 0 }
  t.match((await get('/health/ready')).json, { resultQueue: none })
  const result = service.resultQueue
  await result.add('delivered', {}, { timestamp: Date.now() - HOUR })
  await result.add('delivered', {})
  await result.add('delivered', {}, { delay: HOUR })
  const { status, json } = await get('/health/ready')
  const { resultQueue, concerns } = Object(json)
  t.equal(status, 200, 'results are kept all the same')
  t.match(resultQueue, { waiting: 3, failed: 0 })
  t.ok(resultQueue.oldestSeconds >= 3600 && resultQueue.oldestSeconds < 3700)
  t.match(concerns, [/^results wait unread: .* QUEUE_PREFIX$/])
  const { text } = await get('/metrics')
  t.match(text, /^khipu_result_queue_jobs\{state="waiting"\} 3$/m)
  t.match(text, /^khipu_result_queue_jobs\{state="failed"\} 0$/m)
  t.match(text, /^khipu_result_queue_oldest_seconds 36\d\d(?:\.\d+)?$/m)

  const down = await openAdmin(t, service, { backlog: away })
  t.match((await down.get('/health/ready')).json, { resultQueue: null })
})

const away = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.5:6379'))
const refused = Object.assign(new Error('MISCONF of 10.0.0.5'), { name: 'ReplyError' })
const refuses = () => Promise.reject(refused)
const storeThat = (fails: () => Promise<never>) => ({
  tryWrite: fails,
  totals: fails,
  overdueMs: fails
})
const TROUBLES = [
  ['the store does not answer', { catalog: storeThat(away) }, { redis: 'away', room: 'free' }],
  [
    'the store takes no writes',
    { catalog: storeThat(refuses) },
    { redis: 'refuses', room: 'free', concerns: ['it refuses what it is asked: MISCONF'] }
  ],
  ['there is no room', { canStore: () => false }, { redis: 'ready', room: 'none' }]
] as const

for (const [what, changes, said] of TROUBLES) {
  t.test(`not ready, but live, where ${what}`, async (t) => {
    const { get } = await openAdmin(t, await openServerService(t), changes)
    const ready = await get('/health/ready')
    t.match(ready, { status: 503, json: { status: 'unavailable', ...said } })
    t.match(check('readiness', ready.json), { valid: true })
    t.notMatch(ready.text, /10\.0\.0\.5/)
    t.equal((await get('/health/live')).status, 200)
  })
}

t.test('the metrics say that in is live and ended together', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  for (const state of [...STATES, 'parked', 'failed'] as const) {
    await askIn(service, state, { reference: 'canary-reference' })
  }
  await service.quarantine.keep({ requestId: v7(), attempt: 1 }, 'schema', [], bytes(ok()))
  const { text } = await get('/metrics')
  const read = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{state="([a-z-]+)".*\\})? (\\d+)$`, 'gm'))].map(
      ([, state, count]) => [state, Number(count)] as const
    )
  const sum = (name: string) => read(name).reduce((total, [, count]) => total + count, 0)
  t.equal(sum('khipu_requests_accepted'), 10)
  t.equal(sum('khipu_requests_live') + sum('khipu_requests_ended'), 10)
  t.match(Object.fromEntries(read('khipu_requests_live')), { queued: 1, parked: 2 })
  t.same(Object.fromEntries(read('khipu_requests_ended')), {
    delivered: 1,
    failed: 2,
    cancelled: 1
  })
  const cause = 'reason="retry-after-notification",bank="btgpactual.cl"'
  t.match(text, `\nkhipu_requests_live{state="parked",${cause}} 2\n`)
  t.match(text, /^khipu_oldest_seconds\{state="parked"\} \d/m)
  t.match(text, /^khipu_queue_jobs\{queue="deadline",state="delayed"\} \d+$/m)
  t.match(text, /^khipu_clock_skew_seconds -?\d/m)
  t.equal(sum('khipu_quarantine_entries'), 1)
  t.equal(sum('khipu_ledger_up'), 1)
  t.notMatch(text, /canary-|000011887755|token-of/)
})

t.test('the metrics count refusals and dropped connections, without addresses', async (t) => {
  const service = await openServerService(t)
  const metrics = createMetrics(service)
  metrics.unauthorized('scope')
  metrics.dropped('public')
  metrics.callback('too-many')
  const { text } = await metrics.render()
  t.match(text, /^khipu_operator_refusals_total\{reason="scope"\} 1$/m)
  t.match(text, /^khipu_connections_dropped_total\{listener="public"\} 1$/m)
  t.match(text, /^khipu_callbacks_total\{status="too-many"\} 1$/m)
})

t.test('the metrics count deviations by field and rule, without indexes', async (t) => {
  const service = await openServerService(t)
  const metrics = createMetrics(service)
  metrics.deviated([
    { path: '/Data/Transaction/0/Amount', rule: 'type' },
    { path: '/Data/Transaction/17/Amount', rule: 'type' },
    { path: '/Data/Transaction/17/Amount/Currency', rule: 'type' },
    { path: '/Data/Transaction/3/canary', rule: 'type' }
  ])
  metrics.deviated([])
  const { text } = await metrics.render()
  const lines = text.matchAll(/^khipu_deviations_total\{field="(.+)",rule="type"\} (\d)$/gm)
  const found = [...lines].map(([, field, number]) => [field, number])
  t.same(found, [
    ['/Data/Transaction/Amount', '2'],
    ['/Data/Transaction/Amount/Currency', '1'],
    ['other', '1']
  ])
})

t.test('the metrics say where the ledger does not answer', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  await get('/metrics')
  service.redis.disconnect()
  const { status, text } = await get('/metrics')
  t.equal(status, 200)
  t.match(text, /^khipu_ledger_up 0$/m)
})

t.test('while the store is away, every call is answered 503 with Retry-After', async (t) => {
  const service = await openServerService(t)
  const { get, post, put, remove } = await openAdmin(t, service)
  service.redis.disconnect()
  for (const [method, path] of ROUTES) {
    const url = path.replace(/\{\w+\}/, v7())
    const body = path.endsWith('/requests')
      ? { RequestData: { AccountNumber: '000011887755' } }
      : path.endsWith('/notifications') || path.endsWith('/continue')
        ? { all: true }
        : path.endsWith('/operations')
          ? { action: 'release', all: true }
          : path.endsWith('/authorization')
            ? { jwt: 'a.b.c' }
            : undefined
    const answer = await { GET: get, POST: post, PUT: put, DELETE: remove }[method](url, body)
    t.equal(answer.status, 503, `${method} ${path}`)
    t.match(answer.headers.get('retry-after'), /^\d+$/)
    t.match(check('problem', answer.json), { valid: true, value: { status: 503 } })
  }
  t.notMatch(service.lines.join(''), /000011887755|token-of/)
})

t.test('what is not there is answered 404 as a problem, and a malformed path 400', async (t) => {
  const { get, post } = await openAdmin(t, await openServerService(t))
  for (const answer of [
    await get('/'),
    await get('/v1'),
    await post('/v1/quarantine'),
    await get('/callbacks/k1.x'),
    await get(`/v1/requests/${v7()}`),
    await get('/v1/requests/%00'),
    await post(`/v1/requests/${v7()}/cancel`),
    await post(`/v1/requests/${v7()}/retry`),
    await get(`/v1/quarantine/${v7()}`),
    await post(`/v1/quarantine/${v7()}/accept`)
  ]) {
    t.equal(answer.status, 404)
    t.match(answer.headers.get('content-type'), /^application\/problem\+json/)
    t.match(check('problem', answer.json), {
      valid: true,
      value: { status: 404, code: /^unknown-(request|quarantine-entry|route)$/ }
    })
  }
  t.match(await get('/v1/requests/%zz'), {
    status: 400,
    json: { title: 'Bad request', status: 400, code: 'malformed-path' }
  })
})

const STRICT: readonly [what: string, body: string, rule: string][] = [
  ['a key twice', '{"RequestData":{"AccountNumber":"1","AccountNumber":"2"}}', 'duplicate-key'],
  ['__proto__', '{"RequestData":{"AccountNumber":"1","__proto__":{}}}', 'prototype'],
  ['too many levels', `{"RequestData":${'['.repeat(65)}${']'.repeat(65)}}`, 'depth'],
  ['half of it', '{"RequestData":', 'json']
]
for (const [what, body, rule] of STRICT) {
  t.test(`a body with ${what} is refused as strictly as a callback`, async (t) => {
    const { post } = await openAdmin(t, await openServerService(t))
    const answer = await post('/v1/requests', body)
    t.match(answer.json, { status: 400, errors: [{ rule }] })
    t.match(check('problem', answer.json), { valid: true })
  })
}
