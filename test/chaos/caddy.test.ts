import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { transactionsOf } from '../../simulator/transactions.ts'
import { takeTime } from '../helpers/patience.ts'
import { noOpenssl } from '../helpers/certificates.ts'
import { servesClosers, servesSlashes } from '../helpers/closers.ts'
import { findProgram } from '../helpers/debian-program.ts'
import { type Front, startFront, swap } from '../helpers/front.ts'
import {
  arrives,
  type Behind,
  bodyOf,
  isUntold,
  logged,
  post,
  startBehind,
  toldNothing,
  toldOf
} from '../helpers/in-front.ts'
import { callOver, writeOver } from '../helpers/tls-client.ts'
import { until } from '../helpers/until.ts'
import { atRest } from '../helpers/world.ts'

// deploy/Caddyfile, with Debian's Caddy, in front of two real servers.

const caddy = await findProgram('caddy', 'version')
const skip = 'hindrance' in caddy ? caddy.hindrance : await noOpenssl()
const BODY_LIMIT = 10_485_760
const LARGE = bodyOf(transactionsOf('1005-0001', 4000))

takeTime(t)

t.test('Caddy in front', { skip }, async (t) => {
  if ('hindrance' in caddy) return
  const behind = await startBehind(t, { REFUSALS_PER_ADDRESS: '2', LOG_LEVEL: 'debug' })
  const front = await startCaddy(t, caddy.path, behind)

  await t.test('a callback comes through TLS, and its request ends', async (t) => {
    const request = await behind.awaiting()
    const headers = { referer: front.url + request.path, cookie: request.path }
    const answer = await post(front, request, bodyOf(), { headers })
    t.match(answer, { status: 200, body: { status: 'accepted' } })
    isUntold(t, answer)
    t.equal(answer.headers.get('server'), null)
    t.match(await atRest(behind.servers[0], request.requestId), { state: 'delivered', attempts: 1 })
    await logged(front, { status: 200, msg: 'handled request' })
  })

  for (const isChunked of [false, true]) {
    await t.test(`3 MB arrive byte for byte${isChunked ? ', in chunks' : ''}`, (t) =>
      arrives(t, behind, front, LARGE, { isChunked })
    )
  }

  await servesClosers(t, behind, front)
  await servesSlashes(t, behind, front)
  await refusals(t, behind, front)
  await outages(t, behind, front)

  await t.test('no capability and no bank data is in anything that Caddy has written', (t) =>
    toldNothing(t, behind, front)
  )
})

async function startCaddy(t: Test, program: string, { port, ports }: Behind): Promise<Front> {
  const given = await readFile(new URL('../../deploy/Caddyfile', import.meta.url), 'utf8')
  return startFront(t, {
    program,
    port,
    configure: ({ cert, key }) =>
      swap(given, [
        ['receiver.example.com {', `https://127.0.0.1:${port} {\n\tbind 127.0.0.1`],
        ['# tls /run/secrets/tls_certificate /run/secrets/tls_key', `tls ${cert} ${key}`],
        [
          'reverse_proxy server:3000 server-2:3000 {',
          `reverse_proxy ${ports.map((one) => `127.0.0.1:${one}`).join(' ')} {`
        ]
      ]),
    args: ({ config }) => ['run', '--adapter', 'caddyfile', '--config', config],
    env: ({ own }) => ({ HOME: own, XDG_CONFIG_HOME: own, XDG_DATA_HOME: own })
  })
}

async function refusals(t: Test, behind: Behind, front: Front): Promise<void> {
  await t.test('a body over the limit is 413, announced or in chunks', async (t) => {
    const request = await behind.awaiting()
    const body = Buffer.alloc(BODY_LIMIT + 1, ' ')
    const answer = await hear(front, request, body, { isChunked: true })
    t.match(answer, { status: 413, body: { status: 'too-large' } })
    isUntold(t, answer)
    // Caddy does not read what is announced, so none of it is sent.
    const head = `POST ${request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`
    const announced = await writeOver(front, `${head}Content-Length: ${body.length}\r\n\r\n`)
    t.match(announced, /^HTTP\/1\.1 413 .*\{"status":"too-large"\}$/s)
  })

  await t.test('what is no callback is 404, and nothing else is reachable', async (t) => {
    for (const path of ['/', '/callbacks', '/v1/requests', '/metrics', '/health/ready']) {
      const answer = await callOver(front, path, { method: 'POST', body: bodyOf() })
      t.match(answer, { status: 404, text: '{"status":"not-found"}' }, path)
      isUntold(t, answer)
    }
    t.match(await callOver(front, '/health/live'), { status: 200, body: { status: 'live' } })
  })

  await t.test('refusals are counted by the real address, whatever a client says', async (t) => {
    const forge = async (from: string) => {
      const headers = { 'x-forwarded-for': `203.0.113.${Math.ceil(Math.random() * 200)}` }
      return post(front, { path: '/callbacks/k1.forged' }, bodyOf(), { from, headers })
    }
    const refused = await until('it hears 429', async () => {
      const answer = await forge('127.0.0.1')
      return answer.status === 429 ? answer : null
    })
    t.match(refused.headers.get('retry-after'), /^[1-6]?[0-9]$/)
    t.equal((await forge('127.0.0.6')).status, 404, 'another address goes on')
    await toldOf(t, behind, ['127.0.0.1', '127.0.0.6'])
  })

  await t.test('what breaks HTTP is refused, and nothing of it is written down', async (t) => {
    const { path } = await behind.awaiting()
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`
    for (const text of [`${head}X Y: z\r\n\r\n`, `${head}X: ${'x'.repeat(40_000)}\r\n\r\n`]) {
      t.match(await writeOver(front, text), /^HTTP\/1\.1 4\d\d /)
    }
  })
}

/** What nobody takes Caddy answers with the body unread, and closes: the reset may overtake the answer. */
function hear(...sent: Parameters<typeof post>): ReturnType<typeof post> {
  return until('Caddy is heard', () => post(...sent).catch(() => null))
}

async function outages(t: Test, behind: Behind, front: Front): Promise<void> {
  await t.test('503 passes while nothing can be stored', async (t) => {
    const { pid } = behind.world.redis
    if (pid === undefined) throw new Error('the Redis is not ours')
    const request = await behind.awaiting()
    process.kill(pid, 'SIGSTOP')
    t.teardown(() => process.kill(pid, 'SIGCONT'))
    for (const body of [bodyOf(), LARGE]) {
      const answer = await hear(front, request, body)
      t.match(answer, { status: 503, body: { status: 'unavailable' } })
      t.equal(answer.headers.get('retry-after'), '5')
    }
    process.kill(pid, 'SIGCONT')
    await until('it is taken', async () => (await hear(front, request, LARGE)).status === 200)
  })

  await t.test('a server that is down is left out once that is noticed', async (t) => {
    const request = await behind.awaiting()
    await behind.servers[0].stop()
    let taken = 0
    await until('callbacks are taken again and again', async () => {
      const { status, headers } = await hear(front, request, LARGE)
      taken = status === 200 ? taken + 1 : 0
      t.match(status === 200 || headers.get('retry-after'), /^(?:true|5)$/)
      return taken === 10
    })
    await behind.restart(0)
  })

  await t.test('503 with Retry-After while there is no server', async (t) => {
    const request = await behind.awaiting()
    await Promise.all(behind.servers.map((server) => server.stop()))
    for (const body of [bodyOf(), LARGE]) {
      const answer = await hear(front, request, body)
      t.match(answer, { status: 503, text: '{"status":"unavailable"}' })
      t.equal(answer.headers.get('retry-after'), '5')
      isUntold(t, answer)
    }
    await behind.restart(0)
    await until('it is taken', async () => (await hear(front, request, LARGE)).status === 200)
  })
}
