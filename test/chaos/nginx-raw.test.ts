import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { freePort } from '../../simulator/free-port.ts'
import { takeTime } from '../helpers/patience.ts'
import type { Front } from '../helpers/front.ts'
import { findFront } from '../helpers/front-duties.ts'
import { type Behind, bodyOf, logged, post, startBehind, toldNothing } from '../helpers/in-front.ts'
import { startNginx } from '../helpers/nginx.ts'
import { writeOver } from '../helpers/tls-client.ts'
import { until } from '../helpers/until.ts'
import { view } from '../helpers/world.ts'

// What no library sends, through nginx: each shows a good capability, and what is behind it would be a second
// callback, for another request, where nginx and the service do not read alike.

const { program, skip } = await findFront('nginx', '-v')
const BODY = bodyOf()
const LENGTH = `Content-Length: ${BODY.length}\r\n`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`

/** The statuses of all answers; a request to be smuggled is in `hidden`. */
type Row = [what: string, statuses: number[], text: (path: string, hidden: string) => string]

const whole = (path: string, headers: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`
const plain = (headers: string) => (path: string) => whole(path, LENGTH + headers, BODY)

const ROWS: readonly Row[] = [
  [
    'both lengths, the chunks end first',
    [400],
    (path, hidden) =>
      whole(path, `Content-Length: ${5 + hidden.length}\r\n${CHUNKED}`, `0\r\n\r\n${hidden}`)
  ],
  [
    'both lengths, the other way round',
    [400],
    (path) => whole(path, `${CHUNKED}${LENGTH}`, CHUNKS)
  ],
  ['two lengths', [400], plain('Content-Length: 5\r\n')],
  ['the same length twice', [400], plain(LENGTH)],
  ['a length with a sign', [400], (path) => whole(path, 'Content-Length: +2\r\n', '{}')],
  [
    'a coding that nobody knows',
    [501],
    (path) => whole(path, 'Transfer-Encoding: xchunked\r\n', CHUNKS)
  ],
  ['two codings', [501], (path) => whole(path, 'Transfer-Encoding: chunked, identity\r\n', CHUNKS)],
  ['the coding twice', [400], (path) => whole(path, CHUNKED + CHUNKED, CHUNKS)],
  [
    'a coding with a space before its colon',
    [400],
    (path) => whole(path, `Transfer-Encoding : chunked\r\n${LENGTH}`, BODY)
  ],
  [
    'a chunk size that is no number',
    [400],
    (path) => whole(path, CHUNKED, `zz\r\n${BODY}\r\n0\r\n\r\n`)
  ],
  [
    'a chunk that is longer than it says',
    [400],
    (path) => whole(path, CHUNKED, `2\r\n${BODY}\r\n0\r\n\r\n`)
  ],
  [
    'a length that ends before the chunks do',
    [400],
    (path, hidden) => {
      const chunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`
      return whole(path, `${CHUNKED}Content-Length: ${chunk.indexOf('\n') + 1}\r\n`, chunk)
    }
  ],
  [
    'a coding behind a bare line feed',
    [400],
    (path, hidden) => {
      const length = `Content-Length: ${5 + hidden.length}\r\n`
      return whole(path, `${length}X: y\n${CHUNKED}`, `0\r\n\r\n${hidden}`)
    }
  ],
  ['a coding behind a bare carriage return', [400], plain(`X: y\r${CHUNKED}`)],
  ['a coding behind a vertical tab', [501], plain('Transfer-Encoding:\u000bchunked\r\n')],
  [
    'chunks in HTTP/1.0',
    [400],
    (path) => whole(path, CHUNKED, CHUNKS).replace('HTTP/1.1', 'HTTP/1.0')
  ],
  ['a folded header', [400], plain('X: a\r\n b\r\n')],
  ['two Hosts', [400], plain('Host: b\r\n')],
  ['a Host that is none', [400], (path) => plain('')(path).replace('Host: a', 'Host: a/b c')],
  ['no Host', [400], (path) => plain('')(path).replace('Host', 'Guest')],
  ['a zero byte in a header', [400], plain('X: a\0b\r\n')],
  ['a zero byte in the path', [400], (path) => plain('')(`${path}\0`)],
  ['a header of 20 kB', [431], plain(`X: ${'x'.repeat(20_000)}\r\n`)],
  ['101 headers', [431], plain('X: y\r\n'.repeat(98))],
  ['a path of 20 kB', [404], (path) => plain('')(path + 'x'.repeat(20_000))],
  ['an unknown method', [400], (path) => plain('')(path).replace('POST', 'post')],
  ['TRACE', [405], (path) => plain('')(path).replace('POST', 'TRACE')],
  ['HTTP/2.0', [505], (path) => plain('')(path).replace('HTTP/1.1', 'HTTP/2.0')],
  ['a request line with a space too many', [400], (path) => plain('')(`${path} x`)],
  ['an address that ends in the middle of an escape', [400], (path) => plain('')(`${path}%`)],
  ['bare line feeds', [200], (path) => plain('')(path).replaceAll('\r\n', '\n')],
  ['an absolute address', [200], (path) => plain('')(`http://a${path}`)],
  ['an absolute address of another host', [200], (path) => plain('')(`http://b${path}`)],
  ['HTTP/1.0', [200], (path) => plain('')(path).replace('HTTP/1.1', 'HTTP/1.0')],
  [
    'a length in a trailer',
    [200],
    (path) => whole(path, CHUNKED, `${CHUNKS.slice(0, -2)}Content-Length: 7\r\n\r\n`)
  ]
]

takeTime(t)

t.test('nginx in front', { skip }, async (t) => {
  const behind = await startBehind(t)
  const front = await startNginx(t, program, behind.port, behind.ports)

  for (const [what, statuses, text] of ROWS) {
    await t.test(`${what}: ${statuses.join(', ')}, and nothing is smuggled`, async (t) => {
      const [request, victim] = [await behind.awaiting(), await behind.awaiting()]
      const hidden = whole(victim.path, LENGTH, BODY)
      const answer = await writeOver(front, text(request.path, hidden))
      const seen = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))
      t.same(seen, statuses, answer)
      t.notMatch(answer, /<html>|nginx\/1|canary/)
      t.match(answer, /\r\nCache-Control: no-store\r\n/i)
      t.match(answer, /\r\nReferrer-Policy: no-referrer\r\n/i)
      const { history } = await view(behind.servers[0], victim.requestId)
      t.notOk(history.some(({ event }) => event === 'callback'))
      t.equal((await post(front, request, BODY)).status, 200, 'it serves on')
    })
  }

  await t.test('a header of 20 kB reaches no server', () =>
    logged(front, { status: 431, upstreamStatus: '' })
  )
  await t.test('no header or message tells of a capability', (t) => toldNothing(t, behind, front))
  await slowness(t, program, behind)
  await crowds(t, program, behind)
})

async function slowness(t: Test, program: string, behind: Behind): Promise<void> {
  await t.test('who is slow is ended, and no message about it tells of a capability', async (t) => {
    const front = await startNginx(t, program, await freePort(), behind.ports, [
      ['client_header_timeout 10s;', 'client_header_timeout 1s;'],
      ['client_body_timeout 30s;', 'client_body_timeout 1s;']
    ])
    const { path } = await behind.awaiting()
    const parts = [
      `POST ${path.slice(0, -1)}`,
      `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Slow: `,
      whole(path, LENGTH, BODY.slice(0, -1)),
      whole(path, CHUNKED, '1\r\n{\r\n')
    ]
    for (const part of parts) t.equal(await writeOver(front, part, { isEnded: false }), '')
    t.same(
      (await front.lines()).map(({ status }) => status).slice(-parts.length),
      [408, 408, 408, 408]
    )
    // Nor does who says nothing at all, with TLS or without.
    const silent = connect(Number(new URL(front.url).port), '127.0.0.1')
    await once(silent, 'close')
    const plainly = connect(Number(new URL(front.url).port), '127.0.0.1')
    plainly.write(plain('')(path))
    const [answer] = (await once(plainly, 'data')) as [Buffer]
    t.match(answer.toString(), /^HTTP\/1\.1 400 .*\{"status":"refused"\}$/s)
    await toldNothing(t, behind, front)
  })
}

async function crowds(t: Test, program: string, behind: Behind): Promise<void> {
  await t.test('of one address so many bodies are read at once, and others go on', async (t) => {
    const front = await startNginx(t, program, await freePort(), behind.ports, [
      ['limit_conn addresses 256;', 'limit_conn addresses 3;']
    ])
    const request = await behind.awaiting()
    const held = await Promise.all([1, 2, 3].map(() => holdBody(t, front, request.path)))
    const answer = await post(front, request, BODY)
    t.match(answer, { status: 503, body: { status: 'unavailable' } })
    t.equal(answer.headers.get('retry-after'), '5')
    t.equal((await post(front, request, BODY, { from: '127.0.0.9' })).status, 200)
    for (const socket of held) socket.destroy()
    await until(
      'there is room again',
      async () => (await post(front, request, BODY)).status === 200
    )
  })
}

/** A connection on which nginx waits for a body, and says so. */
async function holdBody(t: Test, { url, ca }: Front, path: string) {
  const { hostname, port } = new URL(url)
  const socket = connectTls({ host: hostname, port: Number(port), ca })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(whole(path, `Expect: 100-continue\r\n${LENGTH}`, ''))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 100 /)
  return socket
}
