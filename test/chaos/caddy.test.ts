import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { takeTime } from '../helpers/patience.ts'
import { servesClosers, servesSlashes } from '../helpers/closers.ts'
import { type Front, startFront, swap } from '../helpers/front.ts'
import {
  BODY_LIMIT,
  comesThrough,
  countsRefusals,
  findFront,
  forge,
  forgedAddress,
  LARGE,
  leadsNowhere,
  passesOutage,
  standsAlone
} from '../helpers/front-duties.ts'
import {
  arrives,
  type Awaiting,
  type Behind,
  isUntold,
  logged,
  post,
  startBehind,
  toldNothing,
  toldOf
} from '../helpers/in-front.ts'
import { callOver, writeOver } from '../helpers/tls-client.ts'
import { until } from '../helpers/until.ts'

// deploy/Caddyfile, with Debian's Caddy, in front of two real servers.

const { program, skip } = await findFront('caddy', 'version')

takeTime(t)

t.test('Caddy in front', { skip }, async (t) => {
  const behind = await startBehind(t, { REFUSALS_PER_ADDRESS: '2', LOG_LEVEL: 'debug' })
  const front = await startCaddy(t, program, behind)

  await t.test('a callback comes through TLS, and its request ends', async (t) => {
    const answer = await comesThrough(t, behind, front)
    t.equal(answer.headers.get('server'), null)
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
    const strange = ['/', '/callbacks', '/v1/requests', '/metrics', '/health/ready']
    await leadsNowhere(t, front, strange)
    t.match(await callOver(front, '/health/live'), { status: 200, body: { status: 'live' } })
  })

  await t.test('refusals are counted by the real address, whatever a client says', async (t) => {
    await countsRefusals(t, (from) => forge(front, from, forgedAddress()), '127.0.0.1')
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
  const send = (request: Awaiting, body: string) => hear(front, request, body)

  await t.test('503 passes while nothing can be stored', (t) => passesOutage(t, behind, send))

  await t.test('a server that is down is left out once that is noticed', async (t) => {
    const request = await behind.awaiting()
    await behind.servers[0].stop()
    let taken = 0
    await until('callbacks are taken again and again', async () => {
      const { status, headers } = await send(request, LARGE)
      taken = status === 200 ? taken + 1 : 0
      t.match(status === 200 || headers.get('retry-after'), /^(?:true|5)$/)
      return taken === 10
    })
    await behind.restart(0)
  })

  await t.test('503 with Retry-After while there is no server', async (t) => {
    const request = await standsAlone(t, behind, send)
    await behind.restart(0)
    await until('it is taken', async () => (await send(request, LARGE)).status === 200)
  })
}
