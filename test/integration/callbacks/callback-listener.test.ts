import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { v7 } from 'uuid'
import { startRedis } from '../../../simulator/private-redis.ts'
import { markPublished } from '../../../src/core/result-head.ts'
import { STATES } from '../../../src/core/request.ts'
import { createCapabilities } from '../../../src/crypto/callback-token.ts'
import { watchCapacity } from '../../../src/redis/capacity.ts'
import { callbackId } from '../../../src/crypto/callback-id.ts'
import { check } from '../../../src/schemas/validate.ts'
import { bytes, error, ok } from '../../helpers/callbacks.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import { ask, askIn, change } from '../../helpers/requests.ts'
import { secretKey, type Service } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { call, writeRaw } from '../../helpers/wire.ts'
import { advance } from '../../helpers/handlers.ts'

/** A request that awaits its callback, and the token of its first attempt. */
async function awaiting(service: Service) {
  const requestId = await askIn(service, 'awaiting-callback')
  return { requestId, token: service.capabilities.sign({ requestId, attempt: 1 }) }
}

async function pending({ ledger }: Service, requestId: string) {
  return (await ledger.load(requestId))?.pending ?? []
}

t.test('a callback is stored as it came, and then answered with a receipt', async (t) => {
  const service = await openServerService(t)
  const { post, counted } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  const body = Buffer.concat([Buffer.from('\n'), bytes(ok()), Buffer.from(' ')])
  const answer = await post(token, body)
  t.equal(answer.status, 200)
  t.match(answer.json, { status: 'accepted', receipt: /.+/ })
  t.match(answer.headers.get('content-type'), /^application\/json/)
  t.match(check('callback-answer', answer.json), { valid: true })
  t.match(await pending(service, requestId), [
    { attempt: 1, size: body.length, httpStatus: null, outcome: { type: 'result' } }
  ])
  t.same(await service.ledger.openBody(requestId, callbackId(1, body)), body)
  t.match(await service.queues.callback.getJobs(), [{ data: { requestId } }], 'a worker is woken')
  t.same(counted, ['accepted'])
})

for (const state of STATES) {
  const status = ['delivered', 'failed', 'cancelled'].includes(state) ? 'late' : 'accepted'
  t.test(`a callback for a request that is ${state} is answered 200 ${status}`, async (t) => {
    const service = await openServerService(t)
    const { post } = await openPublic(t, service)
    const requestId = await askIn(service, state)
    // Also of an attempt that another one has followed.
    for (const attempt of [1, 2]) {
      const answer = await post(service.capabilities.sign({ requestId, attempt }), bytes(ok()))
      t.equal(answer.status, 200)
      t.match(answer.json, { status })
    }
    t.equal((await pending(service, requestId)).length, 2, 'and stored')
  })
}

t.test('a repeat of the same bytes is answered 200 duplicate, also after the end', async (t) => {
  const service = await openServerService(t)
  const { post, counted } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  const again = async () => {
    const { status, json } = await post(token, bytes(ok()))
    return [status, json]
  }
  await again()
  t.same(await again(), [200, { status: 'duplicate' }], 'before it was acted on')
  await advance(service, requestId, (request) => request)
  t.equal((await service.catalog.find(requestId))?.state, 'delivered')
  t.same(await again(), [200, { status: 'duplicate' }], 'after the end')
  t.same(counted, ['accepted', 'duplicate', 'duplicate'])
})

t.test('of the same bytes ten times at once, one is accepted', async (t) => {
  const service = await openServerService(t)
  const { post, counted } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  await Promise.all(Array.from({ length: 10 }, () => post(token, bytes(ok()))))
  t.same(counted.toSorted(), ['accepted', ...Array<string>(9).fill('duplicate')])
  t.equal((await pending(service, requestId)).length, 1)
})

t.test('another result after the end is noted, and kept as a conflict', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  await post(token, bytes(ok()))
  await advance(service, requestId, (request) => request)
  const other = bytes(ok({ Data: { Other: 1 } }))
  t.same((await post(token, other)).json, { status: 'late' })
  await advance(service, requestId, (request) => request)
  t.match((await service.catalog.find(requestId))?.history.at(-1), { event: 'callback-late' })
  const [kept] = await service.quarantine.list(null, 9)
  t.match(kept, { kind: 'conflict', requestId, attempt: 1, size: other.length })
  t.same(kept && (await service.quarantine.open(kept)), other)
})

t.test('a good result of a request that had failed is kept as late', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  await post(token, bytes(error('DO_NOT_RETRY')))
  await advance(service, requestId, (request) => request)
  t.same((await post(token, bytes(ok()))).json, { status: 'late' })
  t.same((await post(token, bytes(error('X')))).json, { status: 'late' })
  await advance(service, requestId, (request) => request)
  const kept = await service.quarantine.list(null, 9)
  t.same(kept.map(({ kind }) => kind).toSorted(), ['conflict', 'late'])
  t.equal((await service.catalog.find(requestId))?.state, 'failed')
})

t.test('5,000 transactions are accepted, and stored to the byte', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  const Transaction = Array.from({ length: 5000 }, (_, at) => ({
    TransactionId: `id-${at}`,
    TransactionInformation: `transferencia n.º ${at} `.repeat(30),
    Amount: { Amount: `${at}.00`, Currency: 'CLP' }
  }))
  const body = bytes(ok({ Data: { Transaction } }))
  t.match((await post(token, body)).json, { status: 'accepted' })
  t.ok((await service.ledger.openBody(requestId, callbackId(1, body)))?.equals(body))
})

t.test('twelve large bodies at once are all stored', async (t) => {
  const service = await openServerService(t)
  const { post, counted } = await openPublic(t, service)
  const all = Array.from({ length: 12 }, async (_, at) => {
    const { token } = await awaiting(service)
    return post(token, bytes(ok({ AdditionalInformation: `${at}`.padEnd(1_000_000) })))
  })
  t.same(new Set((await Promise.all(all)).map(({ status }) => status)), new Set([200]))
  t.same(counted, Array<string>(12).fill('accepted'))
})

const CONTENT_TYPES = [
  undefined,
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=iso-8859-1',
  'APPLICATION/JSON',
  'application/problem+json',
  'text/plain',
  'text/html; charset',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'application/octet-stream',
  'application/xml',
  'json',
  'garbage;;=/',
  '*/*',
  ''
]

for (const type of CONTENT_TYPES) {
  t.test(
    `a callback with the content type ${JSON.stringify(type) ?? 'absent'} is read`,
    async (t) => {
      const service = await openServerService(t)
      const { address } = await openPublic(t, service)
      const { requestId, token } = await awaiting(service)
      const body = bytes(ok()).toString()
      const header = type === undefined ? '' : `Content-Type: ${type}\r\n`
      const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${header}`
      const answer = await writeRaw(
        address,
        `${head}Content-Length: ${body.length}\r\n\r\n${body.toString()}`
      )
      t.match(answer, /^HTTP\/1\.1 200 .*"status":"accepted"/s)
      t.equal((await pending(service, requestId)).length, 1)
    }
  )
}

t.test('a token that is not genuine', async (t) => {
  const k1 = secretKey('k1')
  const service = await openServerService(t, { secretKeys: [k1] })
  const { address, counted, post } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  const last = token.endsWith('A') ? 'B' : 'A'
  const sign = (keys: Parameters<typeof createCapabilities>[0], id = requestId) =>
    createCapabilities(keys).sign({ requestId: id, attempt: 1 })
  const rows: readonly [what: string, token: string][] = [
    ['of an unknown request', sign([k1], v7())],
    ['of another key with the same id', sign([secretKey('k1')])],
    ['of an unknown key', sign([secretKey('k9')])],
    ['with its last character altered', token.slice(0, -1) + last],
    ['with its key id altered', token.replace('k1.', 'k2.')],
    ['in capitals', token.toUpperCase()],
    ['cut by a character', token.slice(0, -1)],
    ['cut in half', token.slice(0, 40)],
    ['one character too long', `${token}A`],
    ['far too long', token + 'A'.repeat(8000)],
    ['with two slashes behind', `${token}//`],
    ['with a path behind', `${token}/x`],
    ['with a path before', `x/${token}`],
    ['that is empty', ''],
    ['with a zero byte', `${token}%00`]
  ]
  for (const [what, shown] of rows) {
    await t.test(`${what} is answered 404, with the body unread`, async (t) => {
      const head = `POST /callbacks/${shown} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n`
      const answer = await writeRaw(address, head)
      t.match(answer, /^HTTP\/1\.1 404 /)
      t.match(answer, /\r\nconnection: close\r\n/i)
      t.match(answer, /\r\n\r\n\{"status":"not-found"\}$/)
      t.notOk(answer.includes(token.slice(3, 20)), 'and quotes nothing of it')
      t.equal((await post(shown, bytes(ok()))).status, 404, 'with a body, too')
    })
  }
  t.same(await pending(service, requestId), [])
  t.equal((await service.quarantine.usage()).entries, 0)
  t.ok(counted.every((status) => status === 'not-found'))
})

t.test('a path that can’t be decoded is answered 404', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const { token } = await awaiting(service)
  t.match(await post(`%zz${token}`, bytes(ok())), { status: 404, text: '{"status":"not-found"}' })
})

t.test('… and with the body unread', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service)
  const head = 'POST /callbacks/%zz HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n'
  t.match(await writeRaw(address, head), /^HTTP\/1\.1 404 .*\r\nconnection: close\r\n/is)
})

t.test('a stranger who asks first is not invited to send a body', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service)
  const head = 'POST /callbacks/k1.x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n'
  const answer = await writeRaw(address, `${head}Content-Length: 5000000\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 404 /)
})

t.test('the capability of a forgotten request is answered 404', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const requestId = await askIn(service, 'delivered')
  await change(service, requestId, markPublished)
  await service.catalog.forgetEndedBefore(await service.catalog.now(), 9)
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  t.match(await post(token, bytes(ok())), { status: 404, json: { status: 'not-found' } })
})

const CANARY = 'canary-of-the-account-holder'
const without = (name: string) =>
  Object.fromEntries(Object.entries(ok({ LifeSpan: CANARY })).filter(([key]) => key !== name))
const transaction = (value: unknown) => ({ ...ok(), Data: { Transaction: value } })

type Refused = [what: string, body: Buffer | object | string | null, path: string, rule: string]

const NOT_JSON: readonly Refused[] = [
  ['nothing', Buffer.alloc(0), '', 'json'],
  ['plain text', Buffer.from(CANARY), '', 'json'],
  ['a cut envelope', bytes(ok()).subarray(0, -1), '', 'json'],
  ['an envelope and more', Buffer.concat([bytes(ok()), Buffer.from('x')]), '', 'json'],
  ['bytes that are not UTF-8', Buffer.from(`"${CANARY}\xff"`, 'latin1'), '', 'utf-8'],
  ['JSON that is nested too deep', Buffer.from(`${'['.repeat(65)}${']'.repeat(65)}`), '', 'depth'],
  ['compressed bytes', Buffer.from('1f8b0800000000000003', 'hex'), '', 'utf-8']
]

const NO_ENVELOPE: readonly Refused[] = [
  ['null', null, '', 'type'],
  ['an array', [ok()], '', 'type'],
  ['no keys', {}, '', 'required'],
  ['no OperationId', without('OperationId'), '', 'required'],
  ['no Status', without('Status'), '', 'required'],
  ['no Data where Status is OK', without('Data'), '', 'required'],
  ['another Status', { ...ok(), Status: CANARY }, '/Status', 'enum'],
  [
    'an OperationId of 37 characters',
    { ...ok(), OperationId: CANARY.padEnd(37) },
    '/OperationId',
    'maxLength'
  ],
  ['a number as OperationId', { ...ok(), OperationId: 7 }, '/OperationId', 'type'],
  ['text as Data', { ...ok(), Data: CANARY }, '/Data', 'type'],
  ['text as Error', { ...ok(), Error: CANARY }, '/Error', 'type'],
  ['text as transactions', transaction(CANARY), '/Data/Transaction', 'type'],
  ['text as a transaction', transaction([{}, CANARY]), '/Data/Transaction/1', 'type'],
  ['text as Error', { ...error('X'), Error: 'E201' }, '/Error', 'type']
]

for (const [httpStatus, kind, rows] of [
  [400, 'not-json', NOT_JSON],
  [422, 'schema', NO_ENVELOPE]
] as const) {
  for (const [what, content, path, rule] of rows) {
    t.test(`${what} is answered ${httpStatus} and kept in quarantine`, async (t) => {
      const service = await openServerService(t)
      const { post, counted } = await openPublic(t, service)
      const { requestId, token } = await awaiting(service)
      const body = Buffer.isBuffer(content) ? content : bytes(content)
      const answer = await post(token, body)
      t.equal(answer.status, httpStatus)
      t.match(answer.json, { status: 'refused', quarantineId: /.+/, faults: [{ path, rule }] })
      t.match(check('callback-answer', answer.json), { valid: true })
      const [kept] = await service.quarantine.list(null, 9)
      const sha256 = createHash('sha256').update(body).digest('hex')
      t.match(kept, {
        ...Object(answer.json),
        status: undefined,
        kind,
        requestId,
        attempt: 1,
        sha256
      })
      t.same(kept && (await service.quarantine.open(kept)), body, 'byte for byte')
      t.same((await post(token, body)).json, answer.json, 'a repeat is the same entry')
      t.equal((await service.quarantine.usage()).entries, 1)
      t.same(await pending(service, requestId), [], 'and the request awaits a better one')
      t.same(counted, [kind, kind])
      t.notMatch(answer.text + service.lines.join(''), CANARY, 'no value is told')
    })
  }
}

for (const coding of ['gzip', 'br', 'deflate', 'GZIP', 'identity, gzip', 'unheard-of']) {
  t.test(`Content-Encoding ${coding}: 415, and the bytes are kept as they came`, async (t) => {
    const service = await openServerService(t)
    const { post, counted } = await openPublic(t, service)
    const { requestId, token } = await awaiting(service)
    // One that would fill 10 MB, and one that lies: neither is looked into.
    for (const body of [gzipSync(Buffer.alloc(10_000_000)), bytes(ok())]) {
      const answer = await post(token, body, { 'content-encoding': coding })
      t.equal(answer.status, 415)
      t.match(answer.json, { status: 'refused', faults: [{ rule: 'content-encoding' }] })
      t.match(check('callback-answer', answer.json), { valid: true })
      const { quarantineId } = answer.json as { quarantineId: string }
      const kept = await service.quarantine.find(quarantineId)
      t.match(kept, { kind: 'not-json', requestId, size: body.length })
      t.ok(kept && (await service.quarantine.open(kept))?.equals(body))
    }
    t.same(await pending(service, requestId), [])
    t.same(counted, ['not-json', 'not-json'])
    const stranger = await post('k1.forged', bytes(ok()), { 'content-encoding': coding })
    t.equal(stranger.status, 404, 'a stranger hears no more than ever')
  })
}

for (const coding of ['identity', 'IDENTITY', '', ' identity , identity']) {
  t.test(`Content-Encoding '${coding}' is none`, async (t) => {
    const service = await openServerService(t)
    const { post } = await openPublic(t, service)
    const { token } = await awaiting(service)
    t.match(await post(token, bytes(ok()), { 'content-encoding': coding }), { status: 200 })
  })
}

t.test('the limit holds for an encoded body, too', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service, { bodyLimit: 1000 })
  const { token } = await awaiting(service)
  const answer = await post(token, Buffer.alloc(1001), { 'content-encoding': 'gzip' })
  t.equal(answer.status, 413)
  t.equal((await service.quarantine.usage()).entries, 0)
})

t.test('a body of more than the limit is answered 413, and not stored', async (t) => {
  const service = await openServerService(t)
  const body = bytes(ok())
  const { post, address, counted } = await openPublic(t, service, { bodyLimit: body.length })
  const { requestId, token } = await awaiting(service)
  const larger = Buffer.concat([body, Buffer.from(' ')])
  const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\n`
  const declared = await writeRaw(address, `${head}Content-Length: ${larger.length}\r\n\r\n`)
  t.match(declared, /^HTTP\/1\.1 413 .*"status":"too-large"/s, 'where it says so, unread')
  const chunk = `${larger.length.toString(16)}\r\n${larger.toString()}\r\n`
  const chunked = `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`
  t.match(await writeRaw(address, chunked), /^HTTP\/1\.1 413 .*"status":"too-large"/s, 'in chunks')
  t.same(await pending(service, requestId), [])
  t.equal((await service.quarantine.usage()).entries, 0)
  t.same(counted, ['too-large', 'too-large'])
  t.match((await post(token, body)).json, { status: 'accepted' }, 'the limit itself is allowed')
})

t.test('too many different callbacks are answered 429, with Retry-After', async (t) => {
  const service = await openServerService(t)
  const { post, counted } = await openPublic(t, service)
  const { token } = await awaiting(service)
  const nth = (at: number) => bytes(ok({ AdditionalInformation: String(at) }))
  await Promise.all(Array.from({ length: 100 }, (_, at) => post(token, nth(at))))
  const answer = await post(token, nth(100))
  t.equal(answer.status, 429)
  t.same(answer.json, { status: 'too-many' })
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.same(counted, [...Array<string>(100).fill('accepted'), 'too-many'])
  t.match((await post(token, nth(5))).json, { status: 'duplicate' }, 'what is stored stays so')
})

t.test('too many different refused bodies are answered 429, too', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const { token } = await awaiting(service)
  for (let at = 0; at < 20; at += 1) await post(token, Buffer.from(`refused ${at}`))
  const answer = await post(token, Buffer.from('refused 20'))
  t.same([answer.status, answer.json], [429, { status: 'too-many' }])
})

const fails = () => Promise.reject(new Error('the store did not answer'))
const INVALID = Buffer.from('{')

type Trouble = [
  what: string,
  body: Buffer,
  changes: (service: Service) => Parameters<typeof openPublic>[2]
]

const TROUBLES: readonly Trouble[] = [
  ['there is no room', bytes(ok()), () => ({ canStore: () => false })],
  ['there is no room for what is refused', INVALID, () => ({ canStore: () => false })],
  [
    'the request can’t be looked up',
    INVALID,
    ({ ledger }) => ({ ledger: { ...ledger, has: fails } })
  ],
  [
    'the callback can’t be stored',
    bytes(ok()),
    ({ ledger }) => ({ ledger: { ...ledger, receive: fails } })
  ],
  ['the quarantine can’t be reached', INVALID, () => ({ quarantine: { keep: fails } })]
]

for (const [what, body, changes] of TROUBLES) {
  t.test(`503 with Retry-After where ${what}`, async (t) => {
    const service = await openServerService(t)
    const { post, counted } = await openPublic(t, service, changes(service))
    const { token } = await awaiting(service)
    const answer = await post(token, body)
    t.equal(answer.status, 503)
    t.same(answer.json, { status: 'unavailable' })
    t.match(answer.headers.get('retry-after'), /^\d+$/)
    t.same(counted, ['unavailable'])
    t.match(await post('k1.forged', body), { status: 404 }, 'a stranger hears no more than ever')
  })
}

t.test('503 is counted where a fault of ours was not expected', async (t) => {
  const service = await openServerService(t)
  const fails = () => {
    throw new RangeError('a fault of ours')
  }
  const { post, counted } = await openPublic(t, service, { canStore: fails })
  const { token } = await awaiting(service)
  const answer = await post(token, bytes(ok()))
  t.match(answer, { status: 503, json: { status: 'unavailable' } })
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.same(counted, ['unavailable'])
  t.match(service.lines.join(''), /"error":"RangeError","msg":"callback failed"/)
})

t.test('503 is answered with the body unread', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service, { canStore: () => false })
  const { token } = await awaiting(service)
  const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n`
  t.match(await writeRaw(address, head), /^HTTP\/1\.1 503 .*\r\nconnection: close\r\n/is)
})

t.test(
  'a callback whose first answer was lost in trouble is accepted when it is repeated',
  async (t) => {
    const service = await openServerService(t)
    const { token, requestId } = await awaiting(service)
    const { ledger } = service
    const troubled = await openPublic(t, service, {
      ledger: {
        ...ledger,
        receive: async (...args) => {
          await ledger.receive(...args)
          return fails()
        }
      }
    })
    t.equal((await troubled.post(token, bytes(ok()))).status, 503)
    const { post } = await openPublic(t, service)
    t.equal((await post(token, bytes(ok()))).status, 200)
    t.equal((await pending(service, requestId)).length, 1)
    t.equal((await service.queues.callback.getJobs()).length, 1)
  }
)

t.test('a body that is cut off is not stored, and accepted when it comes again', async (t) => {
  const service = await openServerService(t)
  const { post, address } = await openPublic(t, service)
  const { token } = await awaiting(service)
  const body = bytes(ok())
  const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`
  const answer = await writeRaw(address, `${head}5\r\n${body.subarray(0, 5).toString()}\r\nx`)
  t.notMatch(answer, /HTTP\/1\.1 200/)
  t.match((await post(token, body)).json, { status: 'accepted' })
})

t.test('on a Redis of its own', async (t) => {
  const redis = await startRedis({ url: null })
  t.teardown(() => redis.stop())
  const service = await openServerService(t, { url: redis.url })
  const capacity = watchCapacity(service.redis, service.log)
  t.teardown(() => capacity.close())
  const watched = await openPublic(t, service, { canStore: () => capacity.canStore() })
  const unwatched = await openPublic(t, service)
  const { token, requestId } = await awaiting(service)
  const first = await watched.post(token, bytes(ok()))
  t.match(first.json, { status: 'accepted' })
  const other = bytes(ok({ AdditionalInformation: 'other' }))
  const status = async () => (await watched.post(token, other)).status
  const used = async () =>
    Number(/^used_memory:(\d+)/m.exec(await service.redis.info('memory'))?.[1])

  await t.test('that is over 75 % full: 503, and 200 when there is room again', async (t) => {
    await service.redis.config('SET', 'maxmemory', Math.floor((await used()) / 0.8))
    await until('it is noticed', () => !capacity.canStore())
    const answer = await watched.post(token, other)
    t.equal(answer.status, 503)
    t.match(answer.headers.get('retry-after'), /^\d+$/)
    t.equal((await pending(service, requestId)).length, 1)
    await service.redis.config('SET', 'maxmemory', (await used()) * 10)
    await until('it is noticed', () => capacity.canStore())
    t.equal(await status(), 200)
  })

  await t.test('that is killed: 503, and 200 when it is back, with nothing lost', async (t) => {
    await redis.kill()
    for (const { post } of [watched, unwatched]) {
      const answer = await post(token, bytes(ok({ AdditionalInformation: 'third' })))
      t.equal(answer.status, 503)
      t.match(answer.headers.get('retry-after'), /^\d+$/)
    }
    t.equal((await watched.post('k1.forged', other)).status, 404)
    t.equal((await call(`${watched.address}/health/live`)).status, 200)
    await redis.restart()
    await until('it is back', async () => (await status()) === 200)
    t.match((await watched.post(token, bytes(ok()))).json, { status: 'duplicate' })
    t.equal((await pending(service, requestId)).length, 2)
  })
})

t.test('GET /health/live is answered 200', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service, { canStore: () => false })
  t.match(await call(`${address}/health/live`), { status: 200, json: { status: 'live' } })
  const request = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n'
  t.match(
    await writeRaw(address, request),
    /\r\nconnection: close\r\n/i,
    'and no connection is held'
  )
})

t.test('everything else is answered 404, and always the same', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service)
  const { token, requestId } = await awaiting(service)
  const get = ['/', '/callbacks', '/callbacks/', '/health', '/health/ready', '/metrics', '/%zz']
  const operators = ['/openapi.json', '/v1/requests', `/v1/requests/${requestId}`, '/v1/quarantine']
  const rows = [
    ...[...get, ...operators].flatMap((path) => [
      ['GET', path],
      ['POST', path]
    ]),
    ...['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((way) => [way, `/callbacks/${token}`]),
    ['POST', `/Callbacks/${token}`],
    ['POST', `/callbacks///${token}`],
    ['POST', '/health/live']
  ]
  for (const [method = '', path = ''] of rows) {
    const { status, json } = await call(address + path, { method })
    t.same({ status, json }, { status: 404, json: { status: 'not-found' } }, `${method} ${path}`)
  }
  t.same(await pending(service, requestId), [])
})

t.test('a log has a line for every callback, and no token or body in it', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const { requestId, token } = await awaiting(service)
  await post(token, bytes(ok({ AdditionalInformation: CANARY })))
  await post(token, Buffer.from(CANARY))
  await post(`${token}A`, bytes(ok()))
  const lines = service.lines.map((line) => JSON.parse(line) as object)
  t.match(lines, [
    { requestId, attempt: 1, status: 'accepted', msg: 'callback received' },
    { requestId, attempt: 1, kind: 'not-json', quarantineId: /.+/, msg: 'callback quarantined' }
  ])
  t.notMatch(service.lines.join(''), CANARY)
  t.notMatch(service.lines.join(''), token.slice(3))
})

t.test(
  'a callback needs no earlier step: a request that was never sent takes it, too',
  async (t) => {
    const service = await openServerService(t)
    const { post } = await openPublic(t, service)
    const requestId = await ask(service)
    const token = service.capabilities.sign({ requestId, attempt: 1 })
    t.match((await post(token, bytes(ok()))).json, { status: 'accepted' })
    await advance(service, requestId, (request) => request)
    t.equal((await service.catalog.find(requestId))?.state, 'delivered')
  }
)

type Way = (token: string) => string

const BODY_TEXT = bytes(ok()).toString()
const WITH_A_SLASH: readonly Way[] = [
  (token) => `/callbacks/${token}/`,
  (token) => `//callbacks/${token}`,
  (token) => `/callbacks//${token}`
]
const ALTERED_PATHS: readonly Way[] = [
  (token) => `//callbacks/${token}/`,
  (token) => `//callbacks//${token}`,
  (token) => `/callbacks//${token}/`,
  (token) => `/callbacks/${token}//`,
  (token) => `/callbacks///${token}`,
  (token) => `///callbacks/${token}`,
  (token) => `/callbacks/${token}/x`,
  (token) => `/callbacks/x/${token}`,
  (token) => `/callbacks/./${token}`,
  (token) => `/callbacks/../callbacks/${token}`,
  (token) => `/Callbacks/${token}`,
  (token) => `/callbacks/${token.toUpperCase()}`,
  (token) => `/callbacks/${token};a`,
  (token) => `/callbacks/${token}%20`,
  (token) => `/callbacks/%2F${token}`,
  (token) => `/callbacks/${token}%2F`,
  (token) => `/%2Fcallbacks/${token}`,
  (token) => `/callbacks/ /${token}`.replace(' ', '%20')
]

const UNSERVED = ['PUT /callbacks/k1.x', 'POST /nope', 'OPTIONS /callbacks/x', 'POST /health/live']
for (const line of UNSERVED) {
  t.test(`${line} is answered 404 with the body unread`, async (t) => {
    const service = await openServerService(t)
    const { address } = await openPublic(t, service)
    const head = `${line} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n`
    const answer = await writeRaw(address, head)
    t.match(answer, /^HTTP\/1\.1 404 .*\r\nconnection: close\r\n/is)
  })
}

t.test('who asks first and has a capability is told to go on', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service)
  const { token } = await awaiting(service)
  const body = bytes(ok())
  const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n`
  const answer = await writeRaw(
    address,
    `${head}Content-Length: ${body.length}\r\n\r\n${body.toString()}`
  )
  t.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
})

t.test(
  'a client that asks first and announces too much gets 413, and is not told to go on',
  async (t) => {
    const service = await openServerService(t)
    const { address, counted } = await openPublic(t, service, { bodyLimit: 1000 })
    const { token } = await awaiting(service)
    const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n`
    const announced = await writeRaw(address, `${head}Content-Length: 1001\r\n\r\n`)
    t.match(announced, /^HTTP\/1\.1 413 .*\r\nconnection: close\r\n.*"too-large"/is)
    t.same(counted, ['too-large'])
    const chunk = `3e9\r\n${' '.repeat(1001)}\r\n0\r\n\r\n`
    const inChunks = await writeRaw(address, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`)
    t.match(inChunks, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 413 /)
  }
)

t.test('one slash that a gateway added does not have a callback refused', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service)
  for (const way of WITH_A_SLASH) {
    const { token } = await awaiting(service)
    const answer = await call(address + way(token), { method: 'POST', body: BODY_TEXT })
    t.match(answer, { status: 200, json: { status: 'accepted' } }, way('{c}'))
  }
})

t.test('any other altered path is 404, with the body unread', async (t) => {
  const service = await openServerService(t)
  const { address, counted } = await openPublic(t, service)
  for (const way of ALTERED_PATHS) {
    const { token } = await awaiting(service)
    const head = `POST ${way(token)} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n`
    t.match(
      await writeRaw(address, head),
      /^HTTP\/1\.1 404 .*\{"status":"not-found"\}$/s,
      way('{c}')
    )
  }
  t.notOk(counted.includes('accepted'))
})

for (const type of ['', 'garbage', 'application/', ';', 'a/b/c', 'x'.repeat(2000)]) {
  t.test(
    `a content type like '${type.slice(0, 12)}' does not have a callback refused`,
    async (t) => {
      const service = await openServerService(t)
      const { post } = await openPublic(t, service)
      const { token } = await awaiting(service)
      t.match(await post(token, bytes(ok()), { 'content-type': type }), { status: 200 })
    }
  )
}
