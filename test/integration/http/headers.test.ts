import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openAdmin, openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { type Answered, call, writeRaw } from '../../helpers/wire.ts'

/** What every answer of both listeners has, and what none has. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff'
}
/** Besides those, what an answer may have. */
const OTHERS =
  /^(?:connection|keep-alive|date|content-(?:type|length)|transfer-encoding|retry-after|www-authenticate|location)$/

function isHardened(t: Test, answer: Pick<Answered, 'headers' | 'text'>, name: string) {
  const headers = Object.fromEntries(answer.headers)
  t.match(headers, HEADERS, name)
  const strange = Object.keys(headers).filter(
    (header) => !Object.hasOwn(HEADERS, header) && !OTHERS.test(header)
  )
  t.same(strange, [], name)
  t.notMatch(answer.text, /\n\s+at |\.ts:\d|node_modules|fastify/i, name)
}

function readRaw(text: string): Pick<Answered, 'headers' | 'text'> & { status: number } {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const pairs = fields.map((field): [string, string] => {
    const at = field.indexOf(':')
    return [field.slice(0, at), field.slice(at + 1).trim()]
  })
  return { status: Number(line.split(' ')[1]), headers: new Headers(pairs), text: body }
}

const OPEN_ON_ADMIN = ['/health/live', '/health/ready', '/metrics', '/openapi.json']

t.test(
  'of the operator listener nothing answers without a token but health, metrics, and what describes it',
  async (t) => {
    const service = await openServerService(t)
    const { address, routes } = await openAdmin(t, service, {
      failures: { perAddress: 999, inAll: 999 }
    })
    t.ok(routes.length >= 14)
    const unknown = ['/', '/v1', '/v1/requests/x/y', '/callbacks/k1.x']
    // Their answers are a browser's page, with a policy of its own.
    const pages = ['/docs', '/docs/*']
    const api = routes.filter(([, path]) => !pages.includes(path))
    const all = [...api, ...unknown.map((path): [string, string] => ['GET', path])]
    for (const [method, path] of all) {
      const name = `${method} ${path}`
      const answer = await call(address + path.replace(':id', v7()), { method })
      const expected = OPEN_ON_ADMIN.includes(path) ? 200 : unknown.includes(path) ? 404 : 401
      t.equal(answer.status, expected, name)
      isHardened(t, answer, name)
    }
  }
)

t.test('of the public listener nothing answers but callbacks and liveness', async (t) => {
  const service = await openServerService(t)
  const { address, routes } = await openPublic(t, service)
  t.same(routes, [
    ['GET', '/health/live'],
    ['HEAD', '/health/live'],
    ['POST', '/callbacks/*'],
    ['POST', '//callbacks/*']
  ])
  for (const [method, path] of [
    ...routes,
    ['GET', '/'],
    ['GET', '/metrics'],
    ['PUT', '/health/live']
  ]) {
    const answer = await call(`${address}${path}`, { method: method ?? '' })
    t.equal(answer.status, path === '/health/live' && method !== 'PUT' ? 200 : 404)
    isHardened(t, answer, `${method} ${path}`)
  }
})

t.test('every kind of answer of the public listener has the headers', async (t) => {
  const service = await openServerService(t)
  const settings = { bodyLimit: 1000, refusals: { perAddress: 3, inAll: 9 } }
  const { post, address } = await openPublic(t, service, settings)
  const away = await openPublic(t, service, { canStore: () => false })
  const requestId = await askIn(service, 'awaiting-callback')
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  const raw = async (text: string) => readRaw(await writeRaw(address, text))
  const broken = await openPublic(t, service, {
    quarantine: {
      keep: () => {
        throw new Error('a fault of ours')
      }
    }
  })
  const answers: [status: number, answer: Pick<Answered, 'status' | 'headers' | 'text'>][] = [
    [200, await post(token, bytes(ok()))],
    [400, await post(token, Buffer.from('{'))],
    [422, await post(token, Buffer.from('{}'))],
    [415, await post(token, bytes(ok()), { 'content-encoding': 'gzip' })],
    [413, await post(token, Buffer.alloc(1001))],
    [503, await away.post(token, bytes(ok()))],
    [503, await broken.post(token, Buffer.from('['))],
    [404, await post('k1.forged', bytes(ok()))],
    [404, await post('%zz', bytes(ok()))],
    [404, await raw(`POST /callbacks/${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`)],
    [404, await post('k1.forged', bytes(ok()))],
    [429, await post('k1.forged', bytes(ok()))],
    [429, await post('%zz', bytes(ok()))],
    [400, await raw('garbage\r\n\r\n')],
    [400, await raw('GET /health/live HTTP/1.1\r\n\r\n')],
    [431, await raw(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(101)}\r\n`)],
    [505, await raw('GET /\r\n\r\n')]
  ]
  for (const [status, answer] of answers) {
    t.equal(answer.status, status)
    isHardened(t, answer, `${status}`)
  }
})

t.test('every kind of answer of the operator listener has the headers', async (t) => {
  const service = await openServerService(t)
  const { address, get, post, remove } = await openAdmin(t, service)
  const asking = { RequestData: { AccountNumber: '000011887755' } }
  const requestId = await askIn(service, 'delivered')
  const away = await openAdmin(t, service, { canAsk: false })
  const notReady = await openAdmin(t, service, { canStore: () => false })
  const id = await service.quarantine.keep({ requestId, attempt: 1 }, 'schema', [], bytes(ok()))
  const raw = async (text: string) => readRaw(await writeRaw(address, text))
  const xml = { 'content-type': 'application/xml' }
  const answers: [status: number, answer: Pick<Answered, 'status' | 'headers' | 'text'>][] = [
    [200, await get('/openapi.json')],
    [202, await post('/v1/requests', asking)],
    [204, await remove(`/v1/quarantine/${id}`)],
    [400, await post('/v1/requests', '{')],
    [400, await get('/v1/requests/%zz')],
    [404, await get(`/v1/requests/${v7()}`)],
    [404, await get('/nothing')],
    [409, await post(`/v1/requests/${requestId}/cancel`)],
    [413, await post('/v1/requests', 'x'.repeat(2_000_000))],
    [415, await post('/v1/requests', 'x', xml)],
    [422, await post('/v1/requests', {})],
    [503, await away.post('/v1/requests', asking)],
    [503, await notReady.get('/health/ready')],
    [400, await raw('garbage\r\n\r\n')],
    [414, await raw(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`)]
  ]
  for (const [status, answer] of answers) {
    t.equal(answer.status, status)
    isHardened(t, answer, `${status}`)
  }
})

t.test('what has no route is refused with its body unread', async (t) => {
  const { address } = await openAdmin(t, await openServerService(t))
  const head = 'POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n'
  t.match(await writeRaw(address, head), /^HTTP\/1\.1 404 .*\r\nconnection: close\r\n/is)
  const asking = 'POST /v1/requests HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n'
  const answer = await writeRaw(address, `${asking}Content-Length: 500000\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 401 /, 'nor is a stranger invited to send one')
})
