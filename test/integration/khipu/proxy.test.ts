import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server,
  type Socket
} from 'node:net'
import * as tls from 'node:tls'
import t, { type Test } from 'tap'
import { createKhipuClient, type KhipuRequest } from '../../../src/khipu/client.ts'
import { makeAuthority, makeCertificate, noOpenssl } from '../../helpers/certificates.ts'
import { bytes, ok } from '../../helpers/callbacks.ts'

const asking: KhipuRequest = {
  service: 'cl/x',
  requestData: { AccountNumber: '000011887755' },
  callbackUrl: 'https://receiver.example/callbacks/k1.token',
  authorization: { apiKey: 'key-of-the-service' }
}

t.test('a request goes through the proxy, in a tunnel to Khipu', async (t) => {
  const khipu = await openKhipu(t)
  const proxy = await openProxy(t)
  const answer = await clientOf(t, khipu.baseUrl, proxy.origin).send(asking)
  t.match(answer, { type: 'acknowledged', httpStatus: 202 })
  const { host } = new URL(khipu.baseUrl)
  t.match(proxy.heads, [new RegExp(`^CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n`, 'i')])
  t.notMatch(proxy.heads.join(), /authorization|key-of-the-service|000011887755/i)
  t.match(khipu.calls, [{ url: '/v1/cl/x', proxied: undefined, key: 'key-of-the-service' }])
  t.equal(khipu.calls.length, 1)
})

t.test('the proxy gets its own authorization, and Khipu does not', async (t) => {
  const khipu = await openKhipu(t)
  const proxy = await openProxy(t)
  await clientOf(t, khipu.baseUrl, proxy.origin, 'Basic dXNlcjpwdw==').send(asking)
  t.match(proxy.heads, [/\r\nproxy-authorization: Basic dXNlcjpwdw==\r\n/i])
  t.match(khipu.calls, [{ proxied: undefined }])
})

const REFUSALS: readonly [what: string, answer: string, detail: string][] = [
  ['407', 'HTTP/1.1 407 X\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n', 'HTTP 407'],
  ['403', 'HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno', 'HTTP 403'],
  ['502', 'HTTP/1.1 502 Bad Gateway\r\n\r\n', 'HTTP 502'],
  ['503', 'HTTP/1.0 503 X\r\nretry-after: 9\r\n\r\n', 'HTTP 503'],
  ['302', 'HTTP/1.1 302 X\r\nlocation: http://elsewhere.example/\r\n\r\n', 'HTTP 302'],
  ['a cut line', 'HTTP/1.1 20', 'ECONNRESET'],
  ['what is no HTTP', 'hello\r\n\r\n', 'HPE_INVALID_CONSTANT'],
  ['nothing', '', 'ECONNRESET']
]
for (const [what, answer, detail] of REFUSALS) {
  t.test(`a proxy that answers ${what} has sent nothing to Khipu`, async (t) => {
    const khipu = await openKhipu(t)
    const proxy = await openProxy(t, (socket) => void socket.end(answer))
    const answered = await clientOf(t, khipu.baseUrl, proxy.origin).send(asking)
    t.same(answered, { type: 'temporary', httpStatus: null, retryAfterMs: null, detail })
    t.equal(khipu.connections(), 0, 'and it is not passed by')
  })
}

t.test('a dead proxy is not passed by', async (t) => {
  const khipu = await openKhipu(t)
  const gone = await listenAt(t, createNetServer())
  gone.server.close()
  const proxies: readonly [origin: string, detail: RegExp][] = [
    [gone.origin, /^ECONNREFUSED$/],
    ['http://proxy.invalid:3128', /^(ENOTFOUND|EAI_AGAIN)$/],
    [gone.origin.replace('http:', 'https:'), /^ECONNREFUSED$/]
  ]
  for (const [origin, detail] of proxies) {
    const answer = await clientOf(t, khipu.baseUrl, origin).send(asking)
    t.match(answer, { type: 'temporary', httpStatus: null, detail })
  }
  t.equal(khipu.connections(), 0)
})

t.test('a proxy that says nothing ends with the time for the request', async (t) => {
  const khipu = await openKhipu(t)
  const proxy = await openProxy(t, () => {})
  const client = clientOf(t, khipu.baseUrl, proxy.origin, null, 300)
  t.match(await client.send(asking), { type: 'temporary', httpStatus: null, detail: 'ETIMEDOUT' })
  t.equal(khipu.connections(), 0)
})

t.test('a tunnel that breaks once the request is on its way is ambiguous', async (t) => {
  const khipu = await openKhipu(t, 'silence')
  const proxy = await openProxy(t)
  const sent = clientOf(t, khipu.baseUrl, proxy.origin).send(asking)
  await khipu.called
  proxy.cut()
  t.match(await sent, { type: 'ambiguous', detail: 'ECONNRESET' })
  t.equal(khipu.calls.length, 1)
})

t.test('what comes behind the 200 of a proxy is of Khipu', async (t) => {
  const body = bytes(ok({ Data: null })).toString()
  const proxy = await openProxy(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n')
    const answer = `HTTP/1.1 202 X\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    socket.once('data', () => socket.end(answer))
  })
  const answer = await clientOf(t, 'http://khipu.example', proxy.origin).send(asking)
  t.match(answer, { type: 'acknowledged', httpStatus: 202 })
})

const { setDefaultCACertificates } = tls as { setDefaultCACertificates?: (cas: string[]) => void }
const skip =
  (await noOpenssl()) ||
  (setDefaultCACertificates ? false : 'this Node can’t be told whom to trust')

t.test('TLS goes through the tunnel, and is verified at its end', { skip }, async (t) => {
  const folder = t.testdir()
  const authority = await makeAuthority(folder, 'authority')
  const { cert, key } = await makeCertificate(folder, 'host', 'IP:127.0.0.1', authority)
  const options = { cert: await readFile(cert), key: await readFile(key) }
  const khipu = await openKhipu(t, 'answer', options)
  const [plain, secured] = [await openProxy(t), await openProxy(t, undefined, options)]
  const untrusted = { type: 'temporary', httpStatus: null, detail: /SELF_SIGNED|UNABLE_TO_VERIFY/ }
  for (const proxy of [plain, secured]) {
    t.match(await clientOf(t, khipu.baseUrl, proxy.origin).send(asking), untrusted)
  }
  t.same(khipu.calls, [])
  t.same(secured.heads, [], 'nor is a proxy told anything that nobody vouches for')
  setDefaultCACertificates?.([await readFile(authority.cert, 'utf8')])
  for (const proxy of [plain, secured]) {
    const answer = await clientOf(t, khipu.baseUrl, proxy.origin).send(asking)
    t.match(answer, { type: 'acknowledged', httpStatus: 202 })
    t.notMatch(proxy.seen(), /key-of-the-service|000011887755/, 'the proxy can read nothing of it')
  }
  t.equal(khipu.calls.length, 2)
})

function clientOf(
  t: Test,
  baseUrl: string,
  origin: string,
  authorization: string | null = null,
  requestTimeoutMs = 20_000
) {
  const proxy = { origin: new URL(origin), authorization }
  const client = createKhipuClient({ baseUrl, requestTimeoutMs, proxy })
  t.teardown(() => client.close())
  return client
}

interface Secured {
  readonly cert: Buffer
  readonly key: Buffer
}

async function openKhipu(t: Test, does: 'answer' | 'silence' = 'answer', secured?: Secured) {
  const calls: object[] = []
  let connections = 0
  const { promise: called, resolve } = Promise.withResolvers<void>()
  const server = secured ? createHttpsServer(secured) : createHttpServer()
  server.on('connection', () => (connections += 1))
  server.on('request', (request, response) => {
    const { url, headers } = request
    calls.push({ url, key: headers['x-api-key'], proxied: headers['proxy-authorization'] })
    request.resume()
    request.on('end', () => {
      resolve()
      if (does === 'answer') response.writeHead(202).end(bytes(ok({ Data: null })))
    })
  })
  const { origin } = await listenAt(t, server)
  const baseUrl = secured ? origin.replace('http:', 'https:') : origin
  return { baseUrl, calls, called, connections: () => connections }
}

/** A proxy below HTTP: it remembers the heads that it gets, and opens a tunnel where nothing else is wanted. */
async function openProxy(t: Test, answer: (socket: Socket) => void = tunnel, secured?: Secured) {
  const heads: string[] = []
  const sockets: Socket[] = []
  let seen = ''
  const take = (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', (head) => {
      heads.push(head.toString())
      socket.on('data', (chunk) => void (seen += chunk.toString('latin1')))
      answer(Object.assign(socket, { asked: /^CONNECT (\S+)/.exec(head.toString())?.[1] }))
    })
  }
  const server = secured ? tls.createServer(secured, take) : createNetServer(take)
  const { origin } = await listenAt(t, server)
  const cut = () => sockets.forEach((socket) => socket.destroy())
  t.teardown(cut)
  return {
    origin: secured ? origin.replace('http:', 'https:') : origin,
    heads,
    cut,
    seen: () => seen
  }
}

function tunnel(socket: Socket & { asked?: string }): void {
  const { hostname, port } = new URL(`http://${socket.asked ?? ''}`)
  const target = connect(Number(port), hostname, () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    socket.pipe(target).pipe(socket)
  })
  target.on('error', () => socket.destroy())
  socket.on('close', () => target.destroy())
}

async function listenAt(t: Test, server: Server | tls.Server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { server, origin: `http://127.0.0.1:${port}` }
}
