import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import { callbackId } from '../../../src/crypto/callback-id.ts'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import { createMetrics } from '../../../src/app/metrics.ts'
import type { Spool, SpoolSettings } from '../../../src/spool/spool.ts'
import { bytes, error, ok } from '../../helpers/callbacks.ts'
import { openAdmin, openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { secretKey, type Service } from '../../helpers/service.ts'
import { drain, drainAll, loseFiles, openTestSpool, spoolFolder } from '../../helpers/spool.ts'
import { until } from '../../helpers/until.ts'
import { writeRaw } from '../../helpers/wire.ts'
import { advance } from '../../helpers/handlers.ts'

const away = () => Promise.reject(new Error('the store did not answer'))
const nth = (n: number) => bytes(ok({ AdditionalInformation: `${n}` }))

async function awaiting(service: Service) {
  const requestId = await askIn(service, 'awaiting-callback')
  return { requestId, token: service.capabilities.sign({ requestId, attempt: 1 }) }
}

const pending = async (service: Service, requestId: string) =>
  (await service.ledger.load(requestId))?.pending ?? []

/** A public listener with a spool, whose Redis is away until it is told to be back. */
async function openWithSpool(t: Test, changes: Partial<SpoolSettings> = {}) {
  const service = await openServerService(t)
  const spool = openTestSpool(t, service, changes)
  let isAway = true
  const canStore = () => !isAway
  const listener = await openPublic(t, service, { spool, canStore })
  const comeBack = () => void (isAway = false)
  return { service, spool, comeBack, ...listener, ...(await awaiting(service)) }
}

t.test('a callback while Redis is away is accepted, and stored once it is back', async (t) => {
  const { service, spool, post, counted, requestId, token } = await openWithSpool(t)
  const body = bytes(ok())
  const answer = await post(token, body)
  t.match(answer, { status: 200, json: { status: 'accepted', receipt: callbackId(1, body) } })
  t.match(spool.usage(), { entries: 1 })
  t.same(await pending(service, requestId), [], 'nothing of it is in Redis')
  const after = await service.catalog.now()
  await drainAll(t, service, spool)
  const [callback, ...others] = await pending(service, requestId)
  t.same(others, [])
  t.match(callback, { attempt: 1, size: body.length, outcome: { type: 'result' } })
  t.ok((callback?.receivedAt ?? Infinity) <= after, 'it counts from when it came')
  t.same(await service.ledger.openBody(requestId, callbackId(1, body)), body)
  t.match(await service.queues.callback.getJobs(), [{ data: { requestId } }], 'a worker is woken')
  t.same(counted, ['spooled'])
})

t.test('a repeat is a duplicate while it waits, and afterwards', async (t) => {
  const { service, spool, post, comeBack, requestId, token } = await openWithSpool(t)
  const first = await Promise.all(Array.from({ length: 10 }, () => post(token, bytes(ok()))))
  const statuses = first.map(({ json }) => (json as { status: string }).status).toSorted()
  t.same(statuses, ['accepted', ...Array<string>(9).fill('duplicate')])
  await drainAll(t, service, spool)
  comeBack()
  t.match((await post(token, bytes(ok()))).json, { status: 'duplicate' })
  t.equal((await pending(service, requestId)).length, 1)
})

const refused: [what: string, status: number, body: Buffer, headers: Record<string, string>][] = [
  ['no JSON', 400, Buffer.from('{'), {}],
  ['no envelope', 422, bytes({ Status: 'OK' }), {}],
  ['an encoded envelope', 415, bytes(ok()), { 'content-encoding': 'gzip' }]
]
for (const [what, status, body, headers] of refused) {
  t.test(`${what} while Redis is away is refused, and kept once it is back`, async (t) => {
    const { service, spool, post, requestId, token } = await openWithSpool(t)
    const answer = await post(token, body, headers)
    t.match(answer, { status, json: { status: 'refused', quarantineId: /./, faults: [{}] } })
    t.same((await post(token, body, headers)).json, answer.json, 'again is as good as once')
    await drainAll(t, service, spool)
    const { quarantineId } = answer.json as { quarantineId: string }
    const kept = await service.quarantine.find(quarantineId)
    t.match(kept, { requestId, attempt: 1, size: body.length })
    t.same(kept && (await service.quarantine.open(kept)), body)
    t.same(await pending(service, requestId), [])
    const { keptAttempt } = (await service.ledger.load(requestId)) ?? {}
    t.equal(keptAttempt, 1, 'and its request remembers it, as if it had come now')
  })
}

t.test('a stranger is no better off, and no byte of theirs is read', async (t) => {
  const { spool, address, post, token } = await openWithSpool(t)
  const last = token.endsWith('x') ? 'y' : 'x'
  t.equal((await post(token.slice(0, -1) + last, bytes(ok()))).status, 404)
  const head = `POST /callbacks/k1.x HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n`
  t.match(await writeRaw(address, head), /^HTTP\/1\.1 404 /)
  t.equal(spool.usage().entries, 0)
})

t.test('without room it is 503 with Retry-After, and what is there stays', async (t) => {
  const { service, spool, post, address, token, requestId } = await openWithSpool(t, {
    mostBytes: 1000
  })
  const large = bytes(ok({ AdditionalInformation: 'x'.repeat(500) }))
  const exact = bytes(ok({ AdditionalInformation: 'y'.repeat(900) }))
  t.equal((await post(token, large)).status, 200)
  const answer = await post(token, exact)
  t.match(answer, { status: 503, json: { status: 'unavailable' } })
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\n`
  const unread = `${head}Content-Length: ${exact.length}\r\n\r\n`
  t.match(await writeRaw(address, unread), /^HTTP\/1\.1 503 /, 'unread, where it tells its length')
  const chunk = `${exact.length.toString(16)}\r\n${exact.toString()}\r\n0\r\n\r\n`
  const chunked = `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`
  t.match(await writeRaw(address, chunked), /^HTTP\/1\.1 503 /, 'read, where it does not')
  const told = service.lines.filter((line) => line.includes('callback not spooled'))
  t.equal(told.length, 3, 'each of them is told of')
  t.equal((await post(token, bytes(ok()))).status, 200, 'a smaller one has room')
  await drainAll(t, service, spool)
  t.equal((await pending(service, requestId)).length, 2)
})

t.test('on a disk without room it is 503 unread', async (t) => {
  const { address, token } = await openWithSpool(t, { leaveFree: 2 ** 60 })
  const head = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n`
  t.match(await writeRaw(address, head), /^HTTP\/1\.1 503 /)
})

t.test('no flood of errors and refused bodies keeps a good result from the disk', async (t) => {
  const bounds = { mostOfRequest: 3, mostBytesOfRequest: 2000 }
  const { service, spool, post, requestId, token } = await openWithSpool(t, bounds)
  const statuses = []
  for (const body of ['{', bytes(error('A')), bytes({ Status: 'OK' }), bytes(error('B')), '[']) {
    statuses.push((await post(token, Buffer.from(body))).status)
  }
  t.same(statuses, [400, 200, 422, 429, 429])
  t.equal((await post(token, bytes(ok()))).status, 200)
  await drainAll(t, service, spool)
  await advance(service, requestId, (request) => request)
  t.equal((await service.catalog.find(requestId))?.state, 'delivered')
})

t.test('too many different callbacks of one request are answered 429', async (t) => {
  const { service, post, counted, token } = await openWithSpool(t, { mostOfRequest: 2 })
  const statuses = []
  for (const n of [1, 2, 3]) statuses.push((await post(token, nth(n))).status)
  t.same(statuses, [200, 200, 429])
  t.same(counted, ['spooled', 'spooled', 'too-many'])
  t.equal(service.lines.filter((line) => line.includes('callback spooled')).length, 2)
})

t.test('a disk that does not take it is 503, and no harm', async (t) => {
  const service = await openServerService(t)
  const { token } = await awaiting(service)
  const spool = { put: away, holds: () => false, hasRoom: () => true }
  const { post } = await openPublic(t, service, { spool, canStore: () => false })
  t.match(await post(token, bytes(ok())), { status: 503, json: { status: 'unavailable' } })
})

t.test('a Redis that does not answer is as good as away', async (t) => {
  const service = await openServerService(t)
  const spool = openTestSpool(t, service)
  const { token, requestId } = await awaiting(service)
  const { ledger } = service
  const deaf = await openPublic(t, service, {
    spool,
    ledger: { ...ledger, has: away, receive: away }
  })
  t.match((await deaf.post(token, nth(1))).json, { status: 'accepted' })
  const hung = await openPublic(t, service, {
    spool,
    ledger: {
      ...ledger,
      async receive(...args) {
        await ledger.receive(...args)
        return away()
      }
    }
  })
  const other = await awaiting(service)
  t.match((await hung.post(other.token, nth(2))).json, { status: 'accepted' })
  t.equal((await pending(service, other.requestId)).length, 1, 'stored all the same')
  t.equal(spool.usage().entries, 2)
  await drainAll(t, service, spool)
  t.equal((await pending(service, requestId)).length, 1)
  t.equal((await pending(service, other.requestId)).length, 1, 'and not stored twice')
})

t.test('none goes before those of its request that wait; others do', async (t) => {
  const { service, spool, post, comeBack, requestId, token } = await openWithSpool(t)
  for (const n of [1, 2]) await post(token, nth(n))
  comeBack()
  await post(token, nth(3))
  t.equal(spool.usage().entries, 3)
  const other = await awaiting(service)
  await post(other.token, nth(4))
  t.equal((await pending(service, other.requestId)).length, 1)
  await drainAll(t, service, spool)
  const ids = (await pending(service, requestId)).map(({ id }) => id)
  t.same(
    ids,
    [1, 2, 3].map((n) => callbackId(1, nth(n)))
  )
})

t.test('one whose request is known no more is kept as late', async (t) => {
  const { service, spool, post } = await openWithSpool(t)
  const requestId = v7()
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  t.match((await post(token, bytes(ok()))).json, { status: 'accepted' })
  await drainAll(t, service, spool)
  t.match(await service.quarantine.list(null, 9), [{ requestId, kind: 'late', faults: [] }])
})

t.test('one whose request has ended meanwhile is noted as late', async (t) => {
  const { service, spool, post, requestId, token } = await openWithSpool(t)
  await post(token, bytes(ok()))
  await service.ledger.receive(
    requestId,
    {
      id: callbackId(1, bytes(error('DO_NOT_RETRY'))),
      attempt: 1,
      size: 1,
      outcome: { type: 'error', errorType: 'DO_NOT_RETRY', code: 'E', operationId: null },
      httpStatus: null
    },
    bytes(error('DO_NOT_RETRY'))
  )
  await advance(service, requestId, (request) => request)
  await drainAll(t, service, spool)
  await advance(service, requestId, (request) => request)
  t.match((await service.catalog.find(requestId))?.history.at(-1), { event: 'callback-late' })
})

t.test(
  'a crash between storing and removing, or a disk that refuses that, stores nothing twice',
  async (t) => {
    const { service, spool, post, requestId, token } = await openWithSpool(t)
    for (const n of [1, 2]) await post(token, nth(n))
    const removed: number[] = []
    const crashing = drain(t, service, {
      ...spool,
      remove(seq) {
        removed.push(seq)
        throw new Error('crashed')
      }
    })
    await until('it was tried with each', () => removed.length === 2)
    await crashing.close()
    t.equal(spool.usage().entries, 2)
    t.equal((await pending(service, requestId)).length, 2, 'stored, and still on disk')
    await drainAll(t, service, spool)
    t.equal((await pending(service, requestId)).length, 2)
  }
)

t.test('nothing is removed that Redis has not', async (t) => {
  const { service, spool, post, token } = await openWithSpool(t)
  await post(token, bytes(ok()))
  let tries = 0
  const receive = () => {
    tries += 1
    return away()
  }
  const draining = drain(t, service, spool, { ledger: { ...service.ledger, receive } })
  await until('it was tried again', () => tries > 1)
  await draining.close()
  t.equal(spool.usage().entries, 1)
})

t.test('a Redis that hangs is not sent one body after the other', async (t) => {
  const { service, spool, post, token } = await openWithSpool(t)
  await post(token, bytes(ok()))
  let asked = 0
  const sent: unknown[] = []
  const ledger = {
    has: () => {
      asked += 1
      return away()
    },
    receive: (...args: unknown[]) => {
      sent.push(args)
      return away()
    }
  }
  const draining = drain(t, service, spool, { ledger })
  await until('it was asked again', () => asked > 1)
  await draining.close()
  t.same(sent, [])
})

t.test('one that Redis refuses holds back its own request, and no other', async (t) => {
  const { service, spool, post, requestId, token } = await openWithSpool(t)
  const other = await awaiting(service)
  for (const n of [1, 2]) await post(token, nth(n))
  await post(other.token, nth(3))
  const refusing: typeof service.ledger.receive = (id, callback, ...more) =>
    callback.id === callbackId(1, nth(1)) ? away() : service.ledger.receive(id, callback, ...more)
  drain(t, service, spool, { ledger: { ...service.ledger, receive: refusing } })
  await until(
    'the other is stored',
    async () => (await pending(service, other.requestId)).length > 0
  )
  await until('and goes from the disk', () => spool.usage().entries === 2)
  t.same(await pending(service, requestId), [])
})

t.test('a disk that cannot be read ends no process, is told of, and keeps none out', async (t) => {
  const folder = spoolFolder(t)
  const { service, spool, post, comeBack } = await openWithSpool(t, { folder })
  for (let n = 0; n < 20; n += 1) {
    const { token } = await awaiting(service)
    const { status } = await post(token, bytes(ok({ AdditionalInformation: 'x'.repeat(400_000) })))
    t.equal(status, 200)
  }
  loseFiles(folder)
  comeBack()
  const draining = drain(t, service, spool)
  const told = () => service.lines.filter((line) => line.includes('spool not drained'))
  await until('it is told', () => told().length > 0)
  t.match(told(), [/"code":"ERR_SQLITE_ERROR"/])
  t.equal(draining.hasMore(), true, 'so that no deadline goes by')
  const other = await awaiting(service)
  t.match((await post(other.token, nth(1))).json, { status: 'accepted' })
  t.equal((await pending(service, other.requestId)).length, 1)
  const metrics = createMetrics({ ...service, spool })
  const { get } = await openAdmin(t, service, { spool, metrics: () => metrics.render() })
  t.match(await get('/health/ready'), {
    status: 200,
    json: {
      concerns: ["the disk of SPOOL_DIR can't be read, and 20 callbacks wait on it"],
      spool: { entries: 20, oldestSeconds: null }
    }
  })
  t.match((await get('/metrics')).text, /^khipu_spool_oldest_seconds \+Inf$/m)
})

t.test('a disk that is read again is drained, and was told of once', async (t) => {
  const { service, spool, post, requestId, token } = await openWithSpool(t)
  await post(token, nth(1))
  // It need not rest in earnest.
  const now = Date.now
  let restedMs = 0
  t.intercept(Date, 'now', { value: () => now() + restedMs })
  let failures = 0
  const next = (after: number) => {
    if (failures === 3) return spool.next(after)
    failures += 1
    setTimeout(() => (restedMs += 5_000), 0)
    throw Object.assign(new Error('no such luck'), { code: 'ERR_SQLITE_ERROR' })
  }
  drain(t, service, { ...spool, next })
  await until('it is drained', () => spool.usage().entries === 0)
  t.equal((await pending(service, requestId)).length, 1)
  t.equal(service.lines.filter((line) => line.includes('spool not drained')).length, 1)
})

t.test(
  'where the disk cannot say who waits on it, a callback is stored all the same',
  async (t) => {
    const service = await openServerService(t)
    const holds = () => {
      throw new Error('the disk cannot be read')
    }
    const spool = { ...openTestSpool(t, service), holds }
    const { requestId, token } = await awaiting(service)
    const { post } = await openPublic(t, service, { spool })
    t.match((await post(token, nth(1))).json, { status: 'accepted' })
    t.equal((await pending(service, requestId)).length, 1)
  }
)

t.test('one that cannot be opened stays, and the others are stored', async (t) => {
  const service = await openServerService(t)
  const folder = spoolFolder(t)
  const put = async (spool: Spool, n: number) => {
    const { token, requestId } = await awaiting(service)
    const { post } = await openPublic(t, service, { spool, canStore: () => false })
    await post(token, nth(n))
    return requestId
  }
  const stranger = openTestSpool(t, service, { folder, cipher: createCipher([secretKey('k9')]) })
  const sealedOtherwise = await put(stranger, 1)
  stranger.close()
  const spool = openTestSpool(t, service, { folder })
  const requestId = await put(spool, 2)
  drain(t, service, spool)
  await until('one is stored', async () => (await pending(service, requestId)).length === 1)
  await until('and goes from the disk', () => spool.usage().entries === 1)
  t.same(await pending(service, sealedOtherwise), [])
  const told = service.lines.filter((line) => line.includes('cannot be decrypted'))
  t.match(told, [/'k9', which SECRET_KEYS lacks/])
})

t.test('one that cannot be opened is stored once it comes again', async (t) => {
  const service = await openServerService(t)
  const { requestId, token } = await awaiting(service)
  const folder = spoolFolder(t)
  const postTo = async (spool: Spool) => {
    const { post } = await openPublic(t, service, { spool, canStore: () => false })
    return (await post(token, nth(1))).json
  }
  const stranger = openTestSpool(t, service, { folder, cipher: createCipher([secretKey('k9')]) })
  await postTo(stranger)
  stranger.close()
  const spool = openTestSpool(t, service, { folder })
  const draining = drain(t, service, spool)
  await until('it was tried', () => !draining.hasMore())
  t.match(await postTo(spool), { status: 'accepted' })
  await until('it goes from the disk', () => spool.usage().entries === 0)
  t.equal((await pending(service, requestId)).length, 1)
})

t.test('readiness and metrics tell what waits', async (t) => {
  const { service, spool, post, token } = await openWithSpool(t)
  await post(token, bytes(ok()))
  const metrics = createMetrics({ ...service, spool })
  const { get } = await openAdmin(t, service, {
    spool,
    canStore: () => false,
    metrics: () => metrics.render()
  })
  t.match(await get('/health/ready'), {
    status: 503,
    json: { spool: { entries: 1, bytes: Number, oldestSeconds: Number, room: 'free' } }
  })
  const { text } = await get('/metrics')
  t.match(text, /^khipu_spool_entries 1$/m)
  t.match(text, /^khipu_spool_bytes [1-9]\d+$/m)
  t.match(text, /^khipu_spool_oldest_seconds [\d.]+$/m)
  await drainAll(t, service, spool)
  t.match((await get('/metrics')).text, /^khipu_spool_oldest_seconds 0$/m)
})
