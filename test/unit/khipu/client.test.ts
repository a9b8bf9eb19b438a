import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  type AddressInfo,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket
} from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createKhipuClient, type KhipuRequest } from '../../../src/khipu/client.ts'
import { makeAuthority, noOpenssl } from '../../helpers/certificates.ts'
import { bytes, error, ok } from '../../helpers/callbacks.ts'

const asking: KhipuRequest = {
  service: 'cl/banking/personal/btgpactual.cl/transactions',
  requestData: { AccountNumber: '000011887755' },
  callbackUrl: 'https://receiver.example/callbacks/k1.token',
  authorization: { jwt: 'header.payload.signature' }
}

interface Call {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

t.test('a request goes out as Khipu documents it', async (t) => {
  const { calls, baseUrl } = await acceptAll(t)
  const answer = await clientOf(t, baseUrl).send(asking)
  const body =
    '{"RequestData":{"AccountNumber":"000011887755"},' +
    '"CallbackUrl":"https://receiver.example/callbacks/k1.token"}'
  t.match(answer, { type: 'acknowledged', httpStatus: 202 })
  t.equal(calls.length, 1)
  const [call] = calls
  t.match(call, { method: 'POST', url: `/v1/${asking.service}`, body })
  t.same(call?.headers.toSorted(), [
    ['accept', 'application/json'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['authorization', 'Bearer header.payload.signature'],
    ['connection', 'close'],
    ['content-length', String(body.length)],
    ['content-type', 'application/json'],
    ['host', new URL(baseUrl).host]
  ])
})

t.test('an API key goes out alone, with no Authorization beside it', async (t) => {
  const { calls, baseUrl } = await acceptAll(t)
  await clientOf(t, baseUrl).send({ ...asking, authorization: { apiKey: 'key-1' } })
  const names = calls[0]?.headers.map(([name]) => name) ?? []
  t.same(calls[0]?.headers.find(([name]) => name === 'x-api-key')?.[1], 'key-1')
  t.notOk(names.includes('authorization'))
})

t.test('whatever RequestData holds goes out untouched', async (t) => {
  const { calls, baseUrl } = await acceptAll(t)
  const client = clientOf(t, baseUrl)
  const property = fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (data) => {
    await client.send({ ...asking, requestData: data })
    const expected = JSON.stringify({ RequestData: data, CallbackUrl: asking.callbackUrl })
    return calls.at(-1)?.body === expected
  })
  await t.resolves(fc.assert(property, { numRuns: 50 }))
})

t.test('each request has a connection of its own', async (t) => {
  const { baseUrl, server } = await acceptAll(t)
  const client = clientOf(t, baseUrl)
  let connections = 0
  server.on('connection', () => (connections += 1))
  for (const send of [1, 2, 3]) {
    await client.send(asking)
    t.equal(connections, send)
  }
})

t.test('a redirect is not followed', async (t) => {
  const elsewhere = await acceptAll(t)
  for (const status of [301, 302, 303, 307, 308]) {
    const { calls, baseUrl } = await serveHttp(t, (response) =>
      response.writeHead(status, { location: `${elsewhere.baseUrl}/v1/x` }).end()
    )
    t.match(await clientOf(t, baseUrl).send(asking), {
      type: 'refused',
      httpStatus: status,
      cause: 'unreadable-answer',
      detail: `HTTP ${status}`
    })
    t.equal(calls.length, 1)
  }
  t.same(elsewhere.calls, [])
})

t.test('whatever the service is, nobody but Khipu is spoken to', async (t) => {
  const elsewhere = await acceptAll(t)
  const { calls, baseUrl } = await acceptAll(t)
  const client = clientOf(t, baseUrl)
  const { host } = new URL(elsewhere.baseUrl)
  const services = [
    `//${host}/x`,
    `/\\${host}/x`,
    `@${host}/x`,
    `../..//${host}/x`,
    `../../@${host}/x`,
    `${elsewhere.baseUrl}/x`
  ]
  for (const service of services) await client.send({ ...asking, service })
  t.same(elsewhere.calls, [])
  t.equal(calls.length, services.length)
})

t.test('a certificate that nobody vouches for', { skip: await noOpenssl() }, async (t) => {
  const { cert, key } = await makeAuthority(t.testdir(), '127.0.0.1')
  const [pem, secret] = await Promise.all([readFile(cert), readFile(key)])
  let calls = 0
  const server = createHttpsServer({ cert: pem, key: secret }, (_, response) => {
    calls += 1
    response.writeHead(202).end()
  })
  const { baseUrl } = await listenAt(t, server)
  const answer = await clientOf(t, baseUrl.replace('http:', 'https:')).send(asking)
  t.match(answer, { type: 'temporary', httpStatus: null, detail: /SELF_SIGNED|UNABLE_TO_VERIFY/ })
  t.equal(calls, 0)
})

const head = (status: number, length: number) =>
  `HTTP/1.1 ${status} X\r\nretry-after: 7\r\ncontent-length: ${length}\r\n\r\n`
const cut = (status: number) => (socket: Socket) =>
  socket.end(head(status, 1000) + bytes(ok()).toString())
const tooLarge = (status: number) => (socket: Socket) => {
  const size = 20 * 1024 * 1024 + 1
  socket.end(head(status, size) + ' '.repeat(size))
}

const ambiguous = (detail: string) => ({ type: 'ambiguous', detail })
/** What came of it is kept: it may be a part of the result. */
const KEPT = { unreadable: { kind: 'not-json', faults: [{ rule: 'cut' }], body: bytes(ok()) } }

/** A byte now and then: each comes in time, all of them together do not. */
const drip = (socket: Socket) => {
  let left = 30
  socket.write(head(200, left))
  const timer = setInterval(() => {
    left -= 1
    if (left > 0) socket.write(' ')
    else socket.end(' ')
  }, 100)
  socket.on('close', () => clearInterval(timer))
}

type Row = [what: string, afterTheRequest: (socket: Socket) => unknown, answer: object]

// What happens once Khipu has read the whole request.
const AFTER: readonly Row[] = [
  ['the connection is closed', (socket) => socket.end(), ambiguous('ECONNRESET')],
  ['the connection is reset', (socket) => socket.resetAndDestroy(), ambiguous('ECONNRESET')],
  ['no answer comes in time', () => {}, ambiguous('ETIMEDOUT')],
  [
    'the answer is not HTTP',
    (socket) => socket.end('hello\r\n\r\n'),
    ambiguous('HPE_INVALID_CONSTANT')
  ],
  ['the head is cut', (socket) => socket.end('HTTP/1.1 202 Acc'), { type: 'ambiguous' }],
  ['the body of a 200 is cut', cut(200), { type: 'ambiguous', detail: 'ECONNRESET', ...KEPT }],
  ['the body of a 202 is cut', cut(202), { type: 'ambiguous', detail: 'ECONNRESET', ...KEPT }],
  ['the body of a 401 is cut', cut(401), { type: 'refused', cause: 'unauthorized' }],
  ['the body of a 422 is cut', cut(422), { type: 'refused', cause: 'rejected' }],
  ['the body of a 429 is cut', cut(429), { type: 'temporary', retryAfterMs: 7000 }],
  ['the body of a 500 is cut', cut(500), { type: 'temporary', httpStatus: 500 }],
  [
    'the body of a 200 does not end in time',
    (socket) => socket.write(head(200, 1000) + '{'),
    { ...ambiguous('ETIMEDOUT'), unreadable: { body: Buffer.from('{') } }
  ],
  ['the body of a 200 drips, and does not end in time', drip, ambiguous('ETIMEDOUT')],
  ['a 200 is too large', tooLarge(200), ambiguous('ERR_TOO_LARGE')],
  ['a 202 is too large', tooLarge(202), ambiguous('ERR_TOO_LARGE')],
  ['a 503 is too large', tooLarge(503), { type: 'temporary', httpStatus: 503 }]
]

for (const [what, afterTheRequest, answer] of AFTER) {
  t.test(`after the request ${what}`, async (t) => {
    let requests = 0
    const baseUrl = await serveRaw(t, (socket) => {
      requests += 1
      afterTheRequest(socket)
    })
    const requestTimeoutMs = what.includes('in time') ? 300 : 20_000
    t.match(await clientOf(t, baseUrl, requestTimeoutMs).send(asking), answer)
    t.equal(requests, 1, 'and it is sent once')
  })
}

const ACKNOWLEDGEMENT = bytes(ok({ Data: null })).toString()
const finalAnswer =
  `HTTP/1.1 202 Accepted\r\ncontent-length: ${ACKNOWLEDGEMENT.length}\r\n\r\n` + ACKNOWLEDGEMENT

const INTERIM: readonly [what: string, lines: string][] = [
  ['100', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['100 twice', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'],
  ['102', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ['103 with headers', 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nretry-after: 9\r\n\r\n'],
  ['199', 'HTTP/1.1 199 X\r\n\r\n'],
  ['100, 102 and 103', '100,102,103'.replaceAll(/(\d+),?/g, 'HTTP/1.1 $1 X\r\n\r\n')]
]
for (const [what, lines] of INTERIM) {
  t.test(`an interim ${what} that nobody asked for is skipped`, async (t) => {
    const atOnce = await serveRaw(t, (socket) => socket.end(lines + finalAnswer))
    t.match(await clientOf(t, atOnce).send(asking), { type: 'acknowledged', httpStatus: 202 })
    const apart = await serveRaw(t, (socket) => {
      socket.write(lines)
      setTimeout(() => socket.end(finalAnswer), 50)
    })
    t.match(await clientOf(t, apart).send(asking), { type: 'acknowledged', httpStatus: 202 })
  })
}

t.test('an interim answer and nothing behind it is ambiguous', async (t) => {
  const baseUrl = await serveRaw(t, (socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\n'))
  t.match(await clientOf(t, baseUrl).send(asking), ambiguous('ECONNRESET'))
})

t.test('a switch of protocols that nobody asked for is ambiguous', async (t) => {
  for (const headers of ['', 'connection: upgrade\r\nupgrade: h2c\r\n']) {
    const baseUrl = await serveRaw(t, (socket) =>
      socket.end(`HTTP/1.1 101 X\r\n${headers}\r\nhello`)
    )
    t.match(await clientOf(t, baseUrl).send(asking), ambiguous('HTTP 101'))
  }
})

t.test('of several lines of Retry-After the largest counts', async (t) => {
  const baseUrl = await serveRaw(t, (socket) =>
    socket.end('HTTP/1.1 503 X\r\nretry-after: 1\r\nRetry-After: 120\r\nretry-after: 7\r\n\r\n')
  )
  t.match(await clientOf(t, baseUrl).send(asking), { type: 'temporary', retryAfterMs: 120_000 })
})

const RESULT = bytes(ok())
const CODED: readonly [contentEncoding: string, body: Buffer][] = [
  ['gzip', gzipSync(RESULT)],
  ['x-gzip', gzipSync(RESULT)],
  ['GZIP', gzipSync(RESULT)],
  ['deflate', deflateSync(RESULT)],
  ['deflate', deflateRawSync(RESULT)],
  ['br', brotliCompressSync(RESULT)],
  ['identity', RESULT],
  ['', RESULT],
  ['gzip, br', brotliCompressSync(gzipSync(RESULT))],
  ['deflate,identity , gzip', gzipSync(deflateSync(RESULT))]
]
for (const [contentEncoding, body] of CODED) {
  t.test(`an answer in the coding "${contentEncoding}" is read`, async (t) => {
    const { baseUrl } = await serveHttp(t, (response) =>
      response.writeHead(200, { 'content-encoding': contentEncoding }).end(body)
    )
    const answer = await clientOf(t, baseUrl).send(asking)
    t.match(answer, { type: 'envelope', outcome: { type: 'result' }, body: RESULT })
  })
}

const bomb = gzipSync(Buffer.alloc(21 * 1024 * 1024))
const UNDECODABLE: readonly [what: string, contentEncoding: string, body: Buffer][] = [
  ['a coding that nobody knows', 'zstd', gzipSync(RESULT)],
  ['gzip that is none', 'gzip', RESULT],
  ['gzip that is cut', 'gzip', gzipSync(RESULT).subarray(0, -9)],
  ['deflate that is none', 'deflate', Buffer.from([0xff, 0xff])],
  ['br that is none', 'br', RESULT],
  ['more than there may be, once it is decoded', 'gzip', bomb],
  ['more than there may be, on the way', 'identity, gzip, gzip', gzipSync(bomb)],
  ['very many codings', Array.from({ length: 50 }, () => 'identity').join(), RESULT]
]
for (const [what, contentEncoding, body] of UNDECODABLE) {
  t.test(`what can't be decoded is kept as it came: ${what}`, async (t) => {
    const answerWith = async (status: number) => {
      const { baseUrl, calls } = await serveHttp(t, (response) =>
        response.writeHead(status, { 'content-encoding': contentEncoding }).end(body)
      )
      const answer = await clientOf(t, baseUrl).send(asking)
      t.equal(calls.length, 1)
      return answer
    }
    t.match(await answerWith(200), {
      type: 'ambiguous',
      detail: 'HTTP 200',
      unreadable: { kind: 'not-json', faults: [{ path: '', rule: 'content-encoding' }], body }
    })
    t.match(await answerWith(401), { type: 'refused', cause: 'unauthorized' })
    t.match(await answerWith(503), { type: 'temporary', detail: 'HTTP 503' })
  })
}

t.test('an error in a coding is read whatever the status', async (t) => {
  const body = gzipSync(bytes(error('RETRY_IMMEDIATELY', 'E101')))
  const { baseUrl } = await serveHttp(t, (response) =>
    response.writeHead(503, { 'content-encoding': 'gzip' }).end(body)
  )
  const answer = await clientOf(t, baseUrl).send(asking)
  t.match(answer, { type: 'envelope', httpStatus: 503, outcome: { type: 'error', code: 'E101' } })
})

t.test('a coding and nothing in it is nothing', async (t) => {
  const { baseUrl } = await serveHttp(t, (response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end()
  )
  t.strictSame(await clientOf(t, baseUrl).send(asking), ambiguous('HTTP 200'))
})

t.test('a request that is under way as the client closes is ambiguous', async (t) => {
  const client = createKhipuClient({
    baseUrl: await serveRaw(t, () => void client.close()),
    requestTimeoutMs: 20_000
  })
  t.match(await client.send(asking), ambiguous('ABORT_ERR'))
  t.match(await client.send(asking), { type: 'temporary', detail: 'ABORT_ERR' }, 'and then none')
})

t.test('before the request', async (t) => {
  const closed = await listenAt(t, createNetServer())
  closed.server.close()
  const noTls = await listenAt(
    t,
    createNetServer((socket) => socket.end('no TLS here'))
  )
  const cutTls = await listenAt(
    t,
    createNetServer((socket) => socket.on('data', () => socket.destroy()).on('error', () => {}))
  )
  const rows: readonly [what: string, baseUrl: string, detail: RegExp][] = [
    ['nothing listens there', closed.baseUrl, /^ECONNREFUSED$/],
    ['the TLS handshake fails', noTls.baseUrl.replace('http:', 'https:'), /^(ERR_SSL_|EPROTO)/],
    ['the TLS handshake is cut', cutTls.baseUrl.replace('http:', 'https:'), /^ECONNRESET$/],
    ['the name has no address', 'http://khipu.invalid', /^(ENOTFOUND|EAI_AGAIN)$/]
  ]
  for (const [what, baseUrl, detail] of rows) {
    t.test(what, async (t) => {
      t.match(await clientOf(t, baseUrl).send(asking), {
        type: 'temporary',
        httpStatus: null,
        retryAfterMs: null,
        detail
      })
    })
  }
})

t.test('no answer quotes the authorization, the account or the address', async (t) => {
  const baseUrl = await serveRaw(t, (socket) => socket.resetAndDestroy())
  const answer = JSON.stringify(await clientOf(t, baseUrl).send(asking))
  t.notMatch(answer, /signature|000011887755|k1\.token|127\.0\.0\.1/)
})

function clientOf(t: Test, baseUrl: string, requestTimeoutMs = 20_000) {
  const client = createKhipuClient({ baseUrl, requestTimeoutMs })
  t.teardown(() => client.close())
  return client
}

function acceptAll(t: Test) {
  return serveHttp(t, (response) => response.writeHead(202).end(bytes(ok({ Data: null }))))
}

/** An HTTP server that remembers its calls, whole, and then answers. */
async function serveHttp(t: Test, answer: (response: ServerResponse) => unknown) {
  const calls: Call[] = []
  const server = createHttpServer((request, response) => {
    void readCall(request).then((call) => {
      calls.push(call)
      answer(response)
    })
  })
  const { baseUrl } = await listenAt(t, server)
  return { calls, server, baseUrl }
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { method, url, rawHeaders } = request
  const headers = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [[name.toLowerCase(), rawHeaders[at + 1] ?? ''] as const] : []
  )
  return { method, url, headers, body: Buffer.concat(chunks).toString() }
}

/** A server below HTTP: it gets the socket once the whole request was read from it. */
async function serveRaw(t: Test, afterTheRequest: (socket: Socket) => void): Promise<string> {
  const server = createNetServer((socket) => {
    let read = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      read += chunk.toString('latin1')
      const length = Number(/content-length: (\d+)/i.exec(read)?.[1] ?? Infinity)
      const bodyAt = read.indexOf('\r\n\r\n') + 4
      if (bodyAt > 3 && read.length === bodyAt + length) afterTheRequest(socket)
    })
  })
  const { baseUrl } = await listenAt(t, server)
  return baseUrl
}

async function listenAt<S extends Server | NetServer>(t: Test, server: S) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { server, baseUrl: `http://127.0.0.1:${port}` }
}
