import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openAdmin, openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import type { Service } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { call, hold, writeRaw } from '../../helpers/wire.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

// Requests as nobody's library writes them. Each shows a good capability, and most a good body: what
// a lenient listener would have stored.

const BODY_LIMIT = 4096
const CANARY = 'canary-that-nobody-may-quote'
const BODY = bytes(ok()).toString()
const LENGTH = `Content-Length: ${BODY.length}\r\n`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`
const HOST = `Host: a\r\nX-Canary: ${CANARY}\r\n`

type Row = [what: string, status: number | 'closed', text: (path: string) => string]

const post = (path: string, headers: string, body: string) =>
  `POST ${path} HTTP/1.1\r\n${HOST}${headers}\r\n${body}`
const chunked = (body: string) => (path: string) => post(path, CHUNKED, body)
const plain = (headers: string) => (path: string) => post(path, headers + LENGTH, BODY)
const bare = (line: (path: string) => string) => (path: string) =>
  `${line(path)}\r\n${HOST}${LENGTH}\r\n${BODY}`

const SMUGGLED: readonly Row[] = [
  ['Content-Length and Transfer-Encoding', 400, (path) => post(path, LENGTH + CHUNKED, CHUNKS)],
  ['Transfer-Encoding and Content-Length', 400, (path) => post(path, CHUNKED + LENGTH, CHUNKS)],
  ['two Content-Lengths', 400, plain('Content-Length: 5\r\n')],
  ['the same Content-Length twice', 400, plain(LENGTH)],
  ['a list of Content-Lengths', 400, (path) => post(path, 'Content-Length: 2, 2\r\n', '{}')],
  ['a Content-Length with a sign', 400, (path) => post(path, 'Content-Length: +2\r\n', '{}')],
  ['a negative Content-Length', 400, (path) => post(path, 'Content-Length: -2\r\n', '{}')],
  ['an unknown coding', 400, (path) => post(path, 'Transfer-Encoding: xchunked\r\n', CHUNKS)],
  [
    'chunked that is not the last coding',
    400,
    (path) => post(path, 'Transfer-Encoding: chunked, identity\r\n', CHUNKS)
  ],
  ['a chunk size that is no number', 400, chunked(`zz\r\n${BODY}\r\n0\r\n\r\n`)],
  ['a chunk size with 0x', 400, chunked(`0x${CHUNKS}`)],
  ['a negative chunk size', 400, chunked(`-${CHUNKS}`)],
  ['a chunk size beyond all numbers', 400, chunked(`${'f'.repeat(20)}\r\n${BODY}\r\n0\r\n\r\n`)],
  ['a chunk that is longer than it says', 400, chunked(`2\r\n${BODY}\r\n0\r\n\r\n`)],
  [
    'a chunk extension of 20 kB',
    413,
    chunked(CHUNKS.replace('\r\n', `;${'x'.repeat(20_000)}\r\n`))
  ],
  [
    'a trailer that is a Content-Length',
    400,
    chunked(`${CHUNKS.slice(0, -2)}Content-Length: 7\r\n\r\n`)
  ],
  ['bare line feeds', 400, (path) => post(path, LENGTH, BODY).replaceAll('\r\n', '\n')],
  ['one bare line feed', 400, plain('X: y\n')],
  ['a bare carriage return', 400, plain('X: y\rZ: z\r\n')],
  ['a folded header', 400, plain('X: a\r\n b\r\n')],
  ['a space before a colon', 400, plain('X : y\r\n')],
  ['a space in a header name', 400, plain('X Y: z\r\n')],
  ['a header without a colon', 400, plain('X\r\n')],
  ['a zero byte in a header', 400, plain('X: a\0b\r\n')],
  ['a zero byte in the path', 400, (path) => plain('')(`${path}\0`)]
]

const STRANGE: readonly Row[] = [
  ['two Hosts', 400, plain('Host: a\r\n')],
  ['two different Hosts', 400, plain('HOST: b\r\n')],
  [
    'two Hosts in HTTP/1.0',
    400,
    (path) => plain('Host: b\r\n')(path).replace('HTTP/1.1', 'HTTP/1.0')
  ],
  ['no Host', 400, (path) => plain('')(path).replace('Host:', 'Guest:')],
  ['a Host that is none', 400, (path) => plain('')(path).replace('Host: a', 'Host: a/b c')],
  ['HTTP/0.9', 505, () => 'GET /health/live\r\n\r\n'],
  ['HTTP/2.0', 505, bare((path) => `POST ${path} HTTP/2.0`)],
  ['a preface of HTTP/2', 400, () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['an unknown version', 400, bare((path) => `POST ${path} HTTP/1.7`)],
  ['an unknown method', 400, bare((path) => `STORE ${path} HTTP/1.1`)],
  ['CONNECT', 'closed', () => `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`],
  ['TRACE', 404, bare((path) => `TRACE ${path} HTTP/1.1`)],
  ['OPTIONS', 404, bare((path) => `OPTIONS ${path} HTTP/1.1`)],
  ['OPTIONS for all', 404, bare(() => 'OPTIONS * HTTP/1.1')],
  ['nothing but zero bytes', 400, () => '\0'.repeat(64)],
  ['a handshake of TLS', 400, () => '\u0016\u0003\u0001\u0002\0\u0001\0\u0001'],
  ['a header of 20 kB', 431, plain(`X: ${CANARY.padEnd(20_000, 'x')}\r\n`)],
  ['101 headers', 431, plain('X: y\r\n'.repeat(98))],
  ['2,500 headers', 431, plain('X:y\r\n'.repeat(2500))],
  ['4,000 short headers', 431, plain('X:\r\n'.repeat(4000))],
  ['a token of 20 kB', 404, (path) => plain('')(`${path}${CANARY.padEnd(20_000, 'x')}`)],
  [
    'a request for a websocket',
    404,
    (path) =>
      `GET ${path} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eHg=\r\n\r\n`
  ],
  ['a chunked body over the limit', 413, chunked(`1001\r\n${'x'.repeat(BODY_LIMIT + 1)}`)],
  [
    'a Content-Length over the limit',
    413,
    (path) => post(path, `Content-Length: ${BODY_LIMIT + 1}\r\n`, '')
  ]
]

async function nothingStored({ ledger, quarantine }: Service, requestId: string) {
  return (
    (await ledger.load(requestId))?.pending.length === 0 && (await quarantine.usage()).entries === 0
  )
}

t.test('a request that breaks HTTP', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service, { bodyLimit: BODY_LIMIT })
  const requestId = await askIn(service, 'awaiting-callback')
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  for (const [what, status, text] of [...SMUGGLED, ...STRANGE]) {
    await t.test(`${what}: ${status}, nothing stored, nothing quoted`, async (t) => {
      const answer = await writeRaw(address, Buffer.from(text(`/callbacks/${token}`), 'latin1'))
      if (status === 'closed') t.equal(answer, '')
      else t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
      t.equal(answer.match(/HTTP\/1\.1/g)?.length ?? 0, status === 'closed' ? 0 : 1)
      if (status !== 'closed') {
        t.match(answer, /\r\nconnection: close\r\n/i)
        t.match(answer, /\r\ncache-control: no-store\r\n/)
        t.match(answer, /\{"status":"(?:refused|not-found|too-large)"\}$/)
      }
      t.notMatch(answer, /canary|873458|node|fastify|\n\s+at |\r\nserver:|x-powered-by/i)
      t.ok(await nothingStored(service, requestId))
      t.match(await call(`${address}/health/live`), { status: 200 })
    })
  }
  t.notMatch(service.lines.join(''), CANARY)
  t.notOk(service.lines.join('').includes(token.slice(3)))
})

t.test('the same on the operator listener, for whoever has a token', async (t) => {
  const service = await openServerService(t)
  const { address } = await openAdmin(t, service)
  const asking = '{"RequestData":{"AccountNumber":"000011887755"}}'
  const json = 'Authorization: Bearer token-of-ana\r\nContent-Type: application/json\r\n'
  const length = `Content-Length: ${asking.length}\r\n`
  const ask = (headers: string) =>
    `POST /v1/requests HTTP/1.1\r\n${HOST}${json}${headers}\r\n${asking}`
  const rows: [what: string, status: number, text: string][] = [
    ['both lengths', 400, ask(`${length}${CHUNKED}`)],
    ['two Hosts', 400, ask(`Host: b\r\n${length}`)],
    ['101 headers', 431, ask(`${'X: y\r\n'.repeat(96)}${length}`)],
    ['a header of 20 kB', 431, ask(`X: ${'x'.repeat(20_000)}\r\n${length}`)],
    ['a path of 20 kB', 414, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`],
    ['HTTP/0.9', 505, 'GET /health/live\r\n\r\n']
  ]
  for (const [what, status, text] of rows) {
    const answer = await writeRaw(address, text)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), what)
    t.match(answer, /\r\ncontent-type: application\/problem\+json\r\n/, what)
    t.match(answer, /\r\ncache-control: no-store\r\n/, what)
    t.match(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), { status, title: /^(?!Error)/ }, what)
  }
  t.match(await service.catalog.totals(), { accepted: 0 })
})

const SERVED: readonly Row[] = [
  ['an absolute address', 200, (path) => plain('')(`http://a${path}`)],
  ['HTTP/1.0 without a Host', 200, (path) => `POST ${path} HTTP/1.0\r\n${LENGTH}\r\n${BODY}`],
  ['100 headers', 200, plain('X: y\r\n'.repeat(96))],
  [
    'chunks of one byte',
    200,
    chunked(
      `${Array.from(BODY)
        .map((c) => `1\r\n${c}\r\n`)
        .join('')}0\r\n\r\n`
    )
  ],
  ['an expectation that nobody knows', 200, plain('Expect: something-else\r\n')],
  ['an offer of HTTP/2', 200, plain('Upgrade: h2c\r\n')]
]

for (const [what, , text] of SERVED) {
  t.test(`${what} does not have a callback refused`, async (t) => {
    const service = await openServerService(t)
    const { address } = await openPublic(t, service)
    const requestId = await askIn(service, 'awaiting-callback')
    const token = service.capabilities.sign({ requestId, attempt: 1 })
    const closing = text(`/callbacks/${token}`).replace('\r\n', '\r\nConnection: close\r\n')
    t.match(await writeRaw(address, closing), /^HTTP\/1\.1 200 .*"status":"accepted"/s)
  })
}

t.test('of pipelined requests nothing is served behind an answer that closes', async (t) => {
  const service = await openServerService(t)
  const { address, counted } = await openPublic(t, service)
  const [first, second] = [
    await askIn(service, 'awaiting-callback'),
    await askIn(service, 'awaiting-callback')
  ]
  const sign = (requestId: string) =>
    `/callbacks/${service.capabilities.sign({ requestId, attempt: 1 })}`
  const three = [sign(first), '/callbacks/k1.forged', sign(second)].map(plain('')).join('')
  const answer = await writeRaw(address, three)
  t.same(
    [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '404']
  )
  await call(`${address}/health/live`)
  t.same(counted, ['accepted', 'not-found'])
  t.notOk(await nothingStored(service, first))
  t.ok(await nothingStored(service, second))
})

t.test('… nor on the operator listener, even where it needs no body', async (t) => {
  const service = await openServerService(t)
  const { address, get } = await openAdmin(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  const cancel = `/v1/requests/${requestId}/cancel`
  const two = ['/nothing', cancel].map(
    (path) => `POST ${path} HTTP/1.1\r\n${HOST}Authorization: Bearer token-of-ana\r\n\r\n`
  )
  const answer = await writeRaw(address, two.join(''))
  t.same(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 404'])
  t.match((await get(`/v1/requests/${requestId}`)).json, { state: 'awaiting-callback' })
  const good = await writeRaw(address, (two[1] ?? '').replace('Host', 'Connection: close\r\nHost'))
  t.match(good, /^HTTP\/1\.1 200 /)
})

t.test('garbage behind a good callback does not take its answer', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPublic(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  const answer = await writeRaw(address, `${plain('')(`/callbacks/${token}`)}\0garbage\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*"status":"accepted"/is)
  t.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
})

t.test('nor does a broken body behind one that waits for Redis', async (t) => {
  const service = await openServerService(t)
  const slowly: Service['ledger']['receive'] = async (...received) => {
    await pause(200)
    return service.ledger.receive(...received)
  }
  const ledger = { ...service.ledger, receive: slowly }
  const { address, counted } = await openPublic(t, service, { ledger })
  const requestId = await askIn(service, 'awaiting-callback')
  const path = `/callbacks/${service.capabilities.sign({ requestId, attempt: 1 })}`
  const answer = await writeRaw(address, `${plain('')(path)}${post(path, CHUNKED, 'zz\r\n')}`)
  t.match(answer, /^HTTP\/1\.1 200 .*"status":"accepted".*HTTP\/1\.1 400 /s)
  t.same(counted, ['accepted', 'malformed'])
})

const SHORT = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 20 }

for (const [what, open] of [
  ['public', openPublic],
  ['operator', openAdmin]
] as const) {
  t.test(`a slow head and a slow body are ended by the ${what} listener`, async (t) => {
    const service = await openServerService(t)
    const { address } = await open(t, service, { limits: SHORT })
    const requestId = await askIn(service, 'awaiting-callback')
    const token = service.capabilities.sign({ requestId, attempt: 1 })
    const path = what === 'public' ? `/callbacks/${token}` : '/v1/requests'
    const authorization = 'Authorization: Bearer token-of-ana\r\n'
    const json = `${authorization}Content-Type: application/json\r\n`
    const head = await writeRaw(address, `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Slow: `)
    t.match(head, /^HTTP\/1\.1 408 .*\r\ncache-control: no-store\r\n/s)
    const body = await writeRaw(address, post(path, json + LENGTH, BODY.slice(0, -1)))
    t.match(body, /^HTTP\/1\.1 408 .*\r\ncache-control: no-store\r\n/s)
    t.match(await writeRaw(address, post(path, json + CHUNKED, '1\r\n{\r\n')), /^HTTP\/1\.1 408 /)
    t.ok(await nothingStored(service, requestId))
  })

  t.test(`the ${what} listener drops what is one connection too many`, async (t) => {
    const service = await openServerService(t)
    const { address, counted } = await open(t, service, { maxConnections: 3 })
    const held = await Promise.all([hold(address), hold(address), hold(address)])
    t.equal(await writeRaw(address, `GET /health/live HTTP/1.1\r\n${HOST}\r\n`), '')
    t.same(counted, ['dropped'])
    for (const socket of held) socket.destroy()
    await until('there is room again', async () => {
      const answer = await writeRaw(
        address,
        `GET /health/live HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
      )
      return answer.startsWith('HTTP/1.1 200')
    })
  })
}

t.test('a connection that sends ever more requests ahead of the answers is ended', async (t) => {
  const service = await openServerService(t)
  const requestId = await askIn(service, 'awaiting-callback')
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const has = async (id: string) => {
    await held
    return service.ledger.has(id)
  }
  const { address } = await openPublic(t, service, { ledger: { ...service.ledger, has } })
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  const request = `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n7`
  t.equal(
    await writeRaw(address, request.repeat(12)),
    '',
    'ended while the first is still looked at'
  )
  release()
  const eleven = request.repeat(10) + request.replace('Host', 'Connection: close\r\nHost')
  t.equal((await writeRaw(address, eleven)).match(/HTTP\/1\.1 422 /g)?.length, 11)
})
