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
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createKhipuClient, type KhipuRequest } from '../../src/khipu/client.ts'
import { makeAuthority, noOpenssl } from '../journey/certificates.ts'
import { bytes, ok } from '../support/callbacks.ts'

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
    t.match(await clientOf(t, baseUrl).send(asking), { type: 'temporary', httpStatus: status })
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
  ['the connection is closed', (socket) => socket.end(), { type: 'ambiguous' }],
  ['the connection is reset', (socket) => socket.resetAndDestroy(), { type: 'ambiguous' }],
  ['no answer comes in time', () => {}, { type: 'ambiguous' }],
  ['the answer is not HTTP', (socket) => socket.end('hello\r\n\r\n'), { type: 'ambiguous' }],
  ['the head is cut', (socket) => socket.end('HTTP/1.1 202 Acc'), { type: 'ambiguous' }],
  ['the body of a 200 is cut', cut(200), { type: 'ambiguous' }],
  [
    'the body of a 202 is cut',
    cut(202),
    { type: 'acknowledged', httpStatus: 202, operationId: null }
  ],
  ['the body of a 401 is cut', cut(401), { type: 'refused', cause: 'unauthorized' }],
  ['the body of a 422 is cut', cut(422), { type: 'refused', cause: 'rejected' }],
  ['the body of a 429 is cut', cut(429), { type: 'temporary', retryAfterMs: 7000 }],
  ['the body of a 500 is cut', cut(500), { type: 'temporary', httpStatus: 500 }],
  [
    'the body of a 200 does not end in time',
    (socket) => socket.write(head(200, 1000) + '{'),
    { type: 'ambiguous' }
  ],
  ['the body of a 200 drips, and does not end in time', drip, { type: 'ambiguous' }],
  ['a 200 is too large', tooLarge(200), { type: 'ambiguous' }],
  ['a 202 is too large', tooLarge(202), { type: 'acknowledged' }],
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

t.test('before the request', async (t) => {
  const closed = await listenAt(t, createNetServer())
  closed.server.close()
  const noTls = await listenAt(
    t,
    createNetServer((socket) => socket.end('no TLS here'))
  )
  const rows: readonly [what: string, baseUrl: string][] = [
    ['nothing listens there', closed.baseUrl],
    ['the TLS handshake fails', noTls.baseUrl.replace('http:', 'https:')],
    ['the name has no address', 'http://khipu.invalid']
  ]
  for (const [what, baseUrl] of rows) {
    t.test(what, async (t) => {
      t.match(await clientOf(t, baseUrl).send(asking), {
        type: 'temporary',
        httpStatus: null,
        retryAfterMs: null
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
