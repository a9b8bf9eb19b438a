import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import { markPublished } from '../../../src/core/result-head.ts'
import type { State } from '../../../src/core/request.ts'
import { check } from '../../../src/schemas/validate.ts'
import { bytes, error, ok, receive, resultsOf } from '../../helpers/callbacks.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { askIn, change } from '../../helpers/requests.ts'
import type { Service } from '../../helpers/service.ts'
import { workOff } from '../../helpers/worker.ts'
import { advance } from '../../helpers/handlers.ts'

const unchanged = <T>(request: T) => request
const FAULTS = [{ path: '/Status', rule: 'enum', message: 'must be one of OK, ERROR' }]

/** Keeps a body as the public listener does where it refuses one. */
async function keep(service: Service, requestId: string, body: Buffer, attempt = 1) {
  const id = await service.quarantine.keep({ requestId, attempt }, 'schema', FAULTS, body)
  if (id === null) throw new Error('the quarantine is full')
  return id
}

/** A request that failed, and the good result that came too late for it. */
async function failedThenGood(service: Service, envelope: object = ok()) {
  const requestId = await askIn(service, 'awaiting-callback', { reference: 'run-7' })
  await receive(service, requestId, error('DO_NOT_RETRY', 'E401'))
  await advance(service, requestId, unchanged)
  await receive(service, requestId, envelope)
  await advance(service, requestId, unchanged)
  return requestId
}

async function keptFor({ quarantine }: Service, requestId: string) {
  const kept = await quarantine.list(null, 99)
  return kept.filter((entry) => entry.requestId === requestId).map((entry) => entry.quarantineId)
}

t.test('an entry is listed without its body, and shown with it', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  const requestId = v7()
  const body = bytes({ ...ok(), Status: 'canary-of-a-kept-body' })
  const id = await keep(service, requestId, body, 3)
  const { receivedAt = 0 } = (await service.quarantine.find(id)) ?? {}
  const entry = {
    quarantineId: id,
    kind: 'schema',
    requestId,
    attempt: 3,
    receivedAt: new Date(receivedAt).toISOString(),
    size: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
    faults: FAULTS
  }
  const listed = await get('/v1/quarantine')
  t.same(listed.json, { items: [entry], nextCursor: null })
  t.match(check('quarantine-list', listed.json), { valid: true })
  const shown = await get(`/v1/quarantine/${id}`)
  t.same(shown.json, { ...entry, body: body.toString('base64') })
  t.match(check('quarantine-entry', shown.json), { valid: true })
  t.notMatch(service.lines.join(''), /canary/)
})

t.test('entries are listed newest first, a page at a time', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  for (let at = 0; at < 55; at += 1) await keep(service, v7(), Buffer.from(`${at}`))
  const expected = await service.quarantine.list(null, 99)
  const instants = expected.map(({ receivedAt }) => receivedAt)
  t.same(
    instants,
    instants.toSorted((one, other) => other - one)
  )
  const pages: number[] = []
  const found: unknown[] = []
  let query = ''
  for (;;) {
    const { items, nextCursor } = Object((await get(`/v1/quarantine${query}`)).json)
    pages.push(items.length)
    found.push(...items.map((item: { quarantineId: string }) => item.quarantineId))
    if (nextCursor === null) break
    query = `?cursor=${nextCursor}`
  }
  t.same(pages, [50, 5])
  t.same(
    found,
    expected.map(({ quarantineId }) => quarantineId)
  )
  t.equal(Object((await get('/v1/quarantine?limit=7')).json).items.length, 7)
  for (const wrong of ['limit=0', 'limit=201', 'cursor=x', 'cursor=0', 'cursor=', 'state=late']) {
    t.match(await get(`/v1/quarantine?${wrong}`), { status: 422, json: { status: 422 } }, wrong)
  }
})

t.test('an entry is discarded once', async (t) => {
  const service = await openServerService(t)
  const { get, remove, post } = await openAdmin(t, service)
  const [id, other] = [
    await keep(service, v7(), bytes(ok())),
    await keep(service, v7(), bytes(ok()))
  ]
  t.match(await remove(`/v1/quarantine/${id}`), { status: 204, text: '' })
  for (const gone of [
    await remove(`/v1/quarantine/${id}`),
    await get(`/v1/quarantine/${id}`),
    await post(`/v1/quarantine/${id}/accept`)
  ]) {
    t.match(gone, { status: 404, json: { status: 404 } })
  }
  t.match((await get('/v1/quarantine')).json, { items: [{ quarantineId: other }] })
})

t.test(
  'accepting a good result of a request that failed puts one extra job on the queue',
  async (t) => {
    const service = await openServerService(t)
    const { get, post } = await openAdmin(t, service)
    const requestId = await failedThenGood(service, ok({ AdditionalInformation: 'incompleto' }))
    const [first] = await resultsOf(service)
    const [id = ''] = await keptFor(service, requestId)
    const { receivedAt = 0 } = (await service.quarantine.find(id)) ?? {}
    const answer = await post(`/v1/quarantine/${id}/accept`)
    t.match(answer, { status: 200, json: { quarantineId: id, kind: 'late', requestId } })
    t.match(check('quarantine-entry', answer.json), { valid: true })
    const results = await resultsOf(service)
    const late = results.find((result) => result.id === `${requestId}-late`)
    t.equal(results.length, 2)
    t.match(first, { id: requestId, name: 'failed' }, 'beside that of the request')
    t.match(late, {
      name: 'delivered',
      data: {
        requestId,
        reference: 'run-7',
        outcome: 'delivered',
        completeness: 'incomplete',
        reason: null,
        attempts: 1,
        receivedAt: new Date(receivedAt).toISOString(),
        operationId: ok().OperationId
      }
    })
    t.same(late?.data['response'], ok({ AdditionalInformation: 'incompleto' }))
    t.match(check('result', late?.data), { valid: true })
    t.equal((await get(`/v1/quarantine/${id}`)).status, 404, 'and the entry is gone')
    t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 404)
    t.equal((await resultsOf(service)).length, 2)
    t.match(await service.catalog.totals(), { ended: { failed: 1, delivered: 0 } })
    t.equal(
      (await service.catalog.find(requestId))?.state,
      'failed',
      'the request stays what it was'
    )
  }
)

for (const [what, state, force] of [
  ['an open request', 'parked', false],
  ['an open request, with force', 'parked', true],
  ['a request that failed', 'failed', false],
  ['a request that failed, with force', 'failed', true]
] as const) {
  t.test(`what is accepted for ${what} is read where large bodies are`, async (t) => {
    const service = await openServerService(t)
    const seen: unknown[] = []
    const review: Service['review'] = async (kept, forced) => {
      seen.push(['review', kept.open().toString(), forced])
      return service.review(kept, forced)
    }
    const publishLate: Service['jobs']['publishLate'] = (late, envelope) => {
      seen.push(['publish', 'sealed' in (envelope ?? {}) ? 'as it is stored' : 'opened'])
      return service.jobs.publishLate(late, envelope)
    }
    const jobs = { ...service.jobs, publishLate }
    const { post } = await openAdmin(t, { ...service, review, jobs })
    const body = bytes(ok())
    const id = await keep(service, await askIn(service, state), body)
    t.equal((await post(`/v1/quarantine/${id}/accept`, { force })).status, 200)
    const published = state === 'failed' ? [['publish', 'as it is stored']] : []
    t.strictSame(seen, [['review', body.toString(), force], ...published])
  })
}

t.test('a kept body is shown by what shows large ones', async (t) => {
  const service = await openServerService(t)
  const show: Service['show'] = () => Buffer.from('{"by":"the thread"}')
  const { get } = await openAdmin(t, { ...service, show })
  const id = await keep(service, v7(), bytes(ok()))
  const { status, json, headers } = await get(`/v1/quarantine/${id}`)
  t.match({ status, json }, { status: 200, json: { by: 'the thread' } })
  t.equal(headers.get('content-type'), 'application/json; charset=utf-8')
})

t.test('of two that discard an entry at once, one is told that there is none', async (t) => {
  const service = await openServerService(t)
  const requestId = await askIn(service, 'failed')
  const id = await keep(service, requestId, bytes(ok()))
  const discard = async (kept: string) => {
    await service.quarantine.discard(kept)
    return service.quarantine.discard(kept)
  }
  const quarantine = { ...service.quarantine, discard }
  const { remove } = await openAdmin(t, { ...service, quarantine })
  t.equal((await remove(`/v1/quarantine/${id}`)).status, 404)
  const { history = [] } = (await service.catalog.find(requestId)) ?? {}
  t.notOk(history.some(({ event }) => event === 'quarantine-discarded'))
})

t.test('a late result has its numbers as they were written', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'failed')
  const numbers = '[12345678901234567890,1e400,0.1234567890123456789]'
  const text = JSON.stringify(ok({ Data: { Numbers: 'here' } })).replace('"here"', numbers)
  const id = await keep(service, requestId, Buffer.from(text))
  t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 200)
  const name = `${service.queuePrefix}:khipu-results:${requestId}-late`
  t.match(await service.redis.hget(name, 'data'), `"Data":{"Numbers":${numbers}}`)
})

t.test('who let a body through, or discarded it, stands in its request', async (t) => {
  const service = await openServerService(t)
  const { post, remove } = await openAdmin(t, service)
  const requestId = await askIn(service, 'failed')
  const [accepted, discarded] = [
    await keep(service, requestId, bytes(ok())),
    await keep(service, requestId, bytes(error('X')), 2)
  ]
  t.equal((await post(`/v1/quarantine/${accepted}/accept`)).status, 200)
  t.equal((await remove(`/v1/quarantine/${discarded}`)).status, 204)
  const { history = [] } = (await service.catalog.find(requestId)) ?? {}
  t.match(
    history.filter(({ event }) => event.startsWith('quarantine-')),
    [
      { event: 'quarantine-accepted', by: 'ana', quarantineId: accepted, attempt: 1 },
      { event: 'quarantine-discarded', by: 'ana', quarantineId: discarded, attempt: 2 }
    ]
  )
})

t.test(
  'accepting the result of a request that was cancelled is accepting a late one',
  async (t) => {
    const service = await openServerService(t)
    const { post } = await openAdmin(t, service)
    const requestId = await askIn(service, 'cancelled')
    await receive(service, requestId, ok())
    await advance(service, requestId, unchanged)
    const [id = ''] = await keptFor(service, requestId)
    t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 200)
    const ids = (await resultsOf(service)).map((result) => result.id).toSorted()
    t.same(ids, [requestId, `${requestId}-late`])
  }
)

const OPEN: readonly State[] = ['sending', 'awaiting-callback', 'retry-scheduled', 'parked']

for (const state of OPEN) {
  t.test(`an accepted body is the callback of a request that is ${state}`, async (t) => {
    const service = await openServerService(t)
    const { post, get } = await openAdmin(t, service)
    const requestId = await askIn(service, state)
    const id = await keep(service, requestId, bytes(ok()))
    t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 200)
    t.same(await resultsOf(service), [], 'left to a worker')
    await workOff(service)
    t.match(await resultsOf(service), [
      { id: requestId, name: 'delivered', data: { response: ok() } }
    ])
    t.equal((await get(`/v1/quarantine/${id}`)).status, 404)
  })
}

type Refused = [what: string, status: number, prepare: (service: Service) => Promise<string>]

const REFUSED: readonly Refused[] = [
  [
    'still not JSON',
    422,
    async (service) => keep(service, await askIn(service, 'parked'), Buffer.from('{'))
  ],
  [
    'still not an envelope',
    422,
    async (service) => keep(service, await askIn(service, 'failed'), bytes({ Status: 'OK' }))
  ],
  [
    'of a request that was delivered',
    409,
    async (service) => keep(service, await askIn(service, 'delivered'), bytes(ok()))
  ],
  [
    'an error, and its request has ended',
    409,
    async (service) => keep(service, await askIn(service, 'failed'), bytes(error('X')))
  ],
  [
    'what its open request has seen already',
    409,
    async (service) => {
      const requestId = await askIn(service, 'parked')
      await receive(service, requestId, error('X'))
      return keep(service, requestId, bytes(error('X')))
    }
  ],
  ['of an unknown request', 409, (service) => keep(service, v7(), bytes(ok()))],
  [
    'of a forgotten request',
    409,
    async (service) => {
      const requestId = await askIn(service, 'failed')
      await change(service, requestId, markPublished)
      await service.catalog.forgetEndedBefore(await service.catalog.now(), 9)
      return keep(service, requestId, bytes(ok()))
    }
  ]
]

for (const [what, status, prepare] of REFUSED) {
  t.test(`a body that is ${what} is not let through, and stays`, async (t) => {
    const service = await openServerService(t)
    const { post, get } = await openAdmin(t, service)
    const id = await prepare(service)
    const answer = await post(`/v1/quarantine/${id}/accept`)
    t.equal(answer.status, status)
    t.match(check('problem', answer.json), { valid: true, value: { status, detail: /.+/ } })
    if (status === 422) t.match(answer.json, { errors: [{ path: /^/, rule: /.+/ }] })
    t.equal((await get(`/v1/quarantine/${id}`)).status, 200)
    t.notOk((await resultsOf(service)).some((result) => result.id.endsWith('-late')))
  })
}

/** A late result that was published, by a process that then died before it discarded the entry. */
async function acceptAndCrash(t: Test) {
  const service = await openServerService(t)
  const requestId = await failedThenGood(service)
  const [id = ''] = await keptFor(service, requestId)
  const discard = () => Promise.reject(new Error('crashed'))
  const quarantine = { ...service.quarantine, discard }
  const crashing = await openAdmin(t, { ...service, quarantine })
  t.equal((await crashing.post(`/v1/quarantine/${id}/accept`)).status, 503)
  return { service, requestId, id }
}

t.test(
  'a crash between the late result and the discarding is healed by accepting again',
  async (t) => {
    const { service, requestId, id } = await acceptAndCrash(t)
    const { post } = await openAdmin(t, service)
    t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 200)
    t.equal((await resultsOf(service)).length, 2)
    t.same(await keptFor(service, requestId), [])
  }
)

t.test('… even where that result was consumed and has gone from the queue meanwhile', async (t) => {
  const { service, requestId, id } = await acceptAndCrash(t)
  await service.resultQueue.remove(`${requestId}-late`)
  const { post } = await openAdmin(t, service)
  t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 200)
  t.same(
    (await resultsOf(service)).map((result) => result.id),
    [requestId]
  )
  t.same(await keptFor(service, requestId), [])
})

t.test('a late result that could not be published does not keep another from it', async (t) => {
  const service = await openServerService(t)
  const requestId = await failedThenGood(service)
  const [id = ''] = await keptFor(service, requestId)
  const publishLate = () => Promise.reject(new Error('Redis is away'))
  const crashing = await openAdmin(t, { ...service, jobs: { ...service.jobs, publishLate } })
  t.equal((await crashing.post(`/v1/quarantine/${id}/accept`)).status, 503)
  await receive(service, requestId, ok({ Data: { Late: 2 } }))
  await advance(service, requestId, unchanged)
  const [other = ''] = (await keptFor(service, requestId)).filter((kept) => kept !== id)
  const { remove, post } = await openAdmin(t, service)
  t.equal((await post(`/v1/quarantine/${other}/accept`)).status, 409)
  t.equal((await remove(`/v1/quarantine/${id}`)).status, 204)
  t.equal((await post(`/v1/quarantine/${other}/accept`)).status, 200)
  t.ok((await resultsOf(service)).some((result) => result.id === `${requestId}-late`))
})

t.test('of two late results accepted, none is lost', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await failedThenGood(service, ok({ Data: { Late: 1 } }))
  await receive(service, requestId, ok({ Data: { Late: 2 } }))
  await advance(service, requestId, unchanged)
  const ids = await keptFor(service, requestId)
  t.equal(ids.length, 2)
  for (const id of ids) await post(`/v1/quarantine/${id}/accept`)
  const published = (await resultsOf(service)).filter(({ name }) => name === 'delivered').length
  const kept = (await keptFor(service, requestId)).length
  t.equal(published + kept, 2, 'each is on the queue, or still in quarantine')
})

t.test('an accepted error that no longer counts stays in quarantine', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  await receive(service, requestId, error('WAIT_4_HOURS_BEFORE_RETRY'))
  await advance(service, requestId, unchanged)
  const id = await keep(service, requestId, bytes(error('DO_NOT_RETRY')))
  await post(`/v1/quarantine/${id}/accept`)
  t.equal((await service.catalog.find(requestId))?.state, 'retry-scheduled')
  t.same(await keptFor(service, requestId), [id])
})

/** Bodies that break the schema, and what force makes of each. */
const FORCED: readonly [what: string, body: object, completeness: string][] = [
  ['no OperationId', { Status: 'OK', Data: { Transaction: [{}] } }, 'complete'],
  ['a number as OperationId', { ...ok(), OperationId: 7 }, 'complete'],
  ['a long OperationId', { ...ok(), OperationId: 'x'.repeat(37) }, 'complete'],
  ['no Data', { OperationId: '1', Status: 'OK' }, 'empty'],
  ['text as Data', { ...ok(), Data: 'none' }, 'complete'],
  ['a list as Data', { ...ok(), Data: [{}] }, 'complete'],
  ['an object as Transaction', { ...ok(), Data: { Transaction: { a: 1 } } }, 'complete'],
  ['a transaction that is text', { ...ok(), Data: { Transaction: ['x'] } }, 'complete'],
  ['text as Error', { ...ok(), Error: 'none' }, 'complete']
]

for (const [what, body, completeness] of FORCED) {
  t.test(`with force a body with ${what} is the result of its open request`, async (t) => {
    const service = await openServerService(t)
    const { post } = await openAdmin(t, service)
    const requestId = await askIn(service, 'parked')
    const id = await keep(service, requestId, bytes(body))
    for (const without of [undefined, {}, { force: false }]) {
      const refused = await post(`/v1/quarantine/${id}/accept`, without)
      t.match(refused, { status: 422, json: { errors: [{ path: /^/, rule: /.+/ }] } })
    }
    t.equal((await post(`/v1/quarantine/${id}/accept`, { force: true })).status, 200)
    const { history = [] } = (await service.catalog.find(requestId)) ?? {}
    t.match(history.at(-1), { event: 'quarantine-accepted', by: 'ana', force: true })
    await workOff(service)
    const [result] = await resultsOf(service)
    t.match(result, { id: requestId, name: 'delivered', data: { completeness, response: body } })
    t.match(check('result', result?.data), { valid: true })
    t.same(await keptFor(service, requestId), [])
  })
}

t.test('with force a request that failed gets its late result, byte for byte', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'failed')
  const text = '{"Status":"OK","Data":{"Transaction":[{"TransactionId":12345678901234567890}]}}'
  const id = await keep(service, requestId, Buffer.from(text))
  t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 422)
  t.equal((await post(`/v1/quarantine/${id}/accept`, { force: true })).status, 200)
  const name = `${service.queuePrefix}:khipu-results:${requestId}-late`
  const data = (await service.redis.hget(name, 'data')) ?? ''
  t.ok(data.includes(`"response":${text}`))
  t.match(JSON.parse(data), {
    outcome: 'delivered',
    operationId: null,
    deviations: [{ path: '/Data/Transaction/0/TransactionId', rule: 'type' }]
  })
})

t.test('with force the policy decides on an ERROR that breaks the schema', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  const body = { Status: 'ERROR', OperationId: 7, Error: { Type: 'DO_NOT_RETRY', Code: 'E401' } }
  const id = await keep(service, requestId, bytes(body))
  t.equal((await post(`/v1/quarantine/${id}/accept`, { force: true })).status, 200)
  await workOff(service)
  t.match(await resultsOf(service), [
    { name: 'failed', data: { reason: 'do-not-retry', response: body, deviations: [] } }
  ])
})

const NOT_EVEN_WITH_FORCE: readonly [what: string, body: string, rule: string][] = [
  ['broken JSON', '{"Status":"OK"', 'json'],
  ['a key twice', '{"Status":"OK","Status":"ERROR"}', 'duplicate-key'],
  ['null', 'null', 'type'],
  ['a list', '[{"Status":"OK"}]', 'type'],
  ['text', '"OK"', 'type'],
  ['no Status', '{"Data":{"Transaction":[{}]}}', 'required'],
  ['another Status', '{"OperationId":"1","Status":"ok","Data":{}}', 'enum'],
  ['null as Status', '{"OperationId":"1","Status":null,"Data":{}}', 'type']
]

for (const [what, body, rule] of NOT_EVEN_WITH_FORCE) {
  t.test(`not even with force a body that is ${what} is let through`, async (t) => {
    const service = await openServerService(t)
    const { post } = await openAdmin(t, service)
    const requestId = await askIn(service, 'parked')
    const id = await keep(service, requestId, Buffer.from(body))
    const answer = await post(`/v1/quarantine/${id}/accept`, { force: true })
    t.match(answer, { status: 422, json: { errors: [{ rule }] } })
    t.match(check('problem', answer.json), { valid: true })
    t.same(await keptFor(service, requestId), [id])
    t.same(await resultsOf(service), [])
  })
}

t.test('force needs the scope admin, and a body that says it', async (t) => {
  const service = await openServerService(t)
  const { address, post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'parked')
  const id = await keep(service, requestId, bytes({ ...ok(), OperationId: 7 }))
  const path = `/v1/quarantine/${id}/accept`
  for (const token of ['token-of-reader', 'token-of-writer']) {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(address + path, { method: 'POST', headers, body: '{"force":true}' })
    t.equal(answer.status, 403)
  }
  for (const wrong of [{ force: 'true' }, { force: 1 }, { Force: true }, [], null, 'true']) {
    t.equal((await post(path, wrong === 'true' ? '"true"' : wrong)).status, 422)
  }
  t.equal((await post(path, '{')).status, 400)
  t.same(await keptFor(service, requestId), [id])
  t.equal((await post(path, '', { 'content-type': 'application/json' })).status, 422, 'no force')
  t.same(await keptFor(service, requestId), [id])
  t.equal((await post(path, { force: true })).status, 200)
})

t.test('an odd field of a transaction refuses no accepted body', async (t) => {
  const service = await openServerService(t)
  const { post } = await openAdmin(t, service)
  const requestId = await askIn(service, 'failed')
  const odd = ok({ Data: { Transaction: [{ Balance: '12', AddressLine: ['a'] }] } })
  const id = await keep(service, requestId, bytes(odd))
  t.equal((await post(`/v1/quarantine/${id}/accept`)).status, 200)
  const late = (await resultsOf(service)).find((result) => result.id.endsWith('-late'))
  t.match(late, {
    data: {
      response: odd,
      deviations: [
        { path: '/Data/Transaction/0/AddressLine', rule: 'type' },
        { path: '/Data/Transaction/0/Balance', rule: 'type' }
      ]
    }
  })
})
