import t, { type Test } from 'tap'
import { transactionsOf } from '../../simulator/transactions.ts'
import { takeTime } from '../helpers/patience.ts'
import { servesClosers, servesSlashes } from '../helpers/closers.ts'
import type { Front } from '../helpers/front.ts'
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
  bodyOf,
  isUntold,
  logged,
  post,
  startBehind,
  toldNothing,
  toldOf
} from '../helpers/in-front.ts'
import { startNginx } from '../helpers/nginx.ts'
import { callOver } from '../helpers/tls-client.ts'
import { until } from '../helpers/until.ts'

// deploy/nginx.conf, with Debian's nginx, in front of two real servers.

const { program, skip } = await findFront('nginx', '-v')
const MIDDLE = bodyOf(transactionsOf('1005-0002', 100))

takeTime(t)

t.test('nginx in front', { skip }, async (t) => {
  const behind = await startBehind(t, { REFUSALS_PER_ADDRESS: '2', LOG_LEVEL: 'debug' })
  const front = await startNginx(t, program, behind.port, behind.ports)

  await t.test('a callback comes through TLS, and its request ends', async (t) => {
    const answer = await comesThrough(t, behind, front)
    t.equal(answer.headers.get('content-security-policy')?.includes("default-src 'none'"), true)
    t.equal(answer.headers.get('server'), 'nginx', 'without its version')
    await logged(front, { route: 'callbacks', status: 200, end: 'OK' })
  })

  const longest = LARGE.padEnd(BODY_LIMIT - (Buffer.byteLength(LARGE) - LARGE.length))
  const bodies = [
    ['60 kB', MIDDLE, false],
    ['60 kB in chunks', MIDDLE, true],
    ['3 MB', LARGE, false],
    ['3 MB in chunks', LARGE, true],
    ['exactly BODY_LIMIT', longest, false]
  ] as const
  for (const [what, body, isChunked] of bodies) {
    await t.test(`${what} arrive byte for byte`, (t) =>
      arrives(t, behind, front, body, { isChunked })
    )
  }

  await servesClosers(t, behind, front)
  await servesSlashes(t, behind, front)
  await refusals(t, behind, front)
  await addresses(t, behind, front)
  await outages(t, behind, front)

  await t.test(
    'no capability and no bank data is in anything that nginx has written',
    async (t) => {
      await toldNothing(t, behind, front)
      t.same([...(await front.written()).keys()].toSorted(), ['nginx.pid', 'stderr', 'stdout'])
    }
  )
})

async function refusals(t: Test, behind: Behind, front: Front): Promise<void> {
  await t.test('a body over the limit is 413, announced or in chunks', async (t) => {
    const request = await behind.awaiting()
    for (const isChunked of [false, true]) {
      const answer = await post(front, request, Buffer.alloc(BODY_LIMIT + 1, ' '), { isChunked })
      t.match(answer, { status: 413, body: { status: 'too-large' } })
      isUntold(t, answer)
    }
    // No server was asked.
    await logged(front, { status: 413, upstreamStatus: '' }, 2)
  })

  await t.test('what a server refuses passes as it is', async (t) => {
    const request = await behind.awaiting()
    const rows = [
      ['{', {}, 400],
      ['{}', {}, 422],
      [bodyOf(), { 'content-encoding': 'gzip' }, 415]
    ] as const
    for (const [body, headers, status] of rows) {
      const answer = await post<object>(front, request, body, { headers })
      t.match(answer, { status, body: { status: 'refused', quarantineId: String } })
    }
  })

  await t.test('what is no callback is 404, and nothing else is reachable', async (t) => {
    const { path } = await behind.awaiting()
    const ours = ['/v1/requests', '/metrics', '/health/ready', '/openapi.json']
    const strange = ['/', '/callbacks', '/callbacks/', `${path}/x`, '/refused', '/unavailable']
    await leadsNowhere(t, front, [...strange, ...ours], ['GET', 'POST'])
    const lines = (await front.lines()).filter(({ route }) => route === 'other')
    t.same(new Set(lines.map(({ upstream }) => upstream)), new Set(['']), 'no server was asked')
    t.match(await callOver(front, '/health/live'), { status: 200, body: { status: 'live' } })
    t.equal((await callOver(front, path)).status, 404, 'a callback is a POST')
  })
}

async function addresses(t: Test, behind: Behind, front: Front): Promise<void> {
  await t.test('refusals are counted by the real address, and 429 passes', async (t) => {
    // Two of each server: the fifth is too many, wherever it goes.
    const statuses = []
    for (let tries = 0; tries < 5; tries += 1) {
      statuses.push((await forge(front, '127.0.0.5')).status)
    }
    t.same(statuses.slice(0, 2), [404, 404])
    t.ok(statuses.includes(429))
    const refused = await countsRefusals(t, (from) => forge(front, from), '127.0.0.5')
    t.match(refused, { text: '{"status":"too-many"}' })
    const request = await behind.awaiting()
    const good = await post(front, request, bodyOf(), { from: '127.0.0.5' })
    t.equal(good.status, 200, 'a good one passes')
  })

  await t.test('an X-Forwarded-For of the client is not believed', async (t) => {
    for (const from of ['127.0.0.7', '127.0.0.1']) {
      const tries = () => forge(front, from, forgedAddress())
      await until(`${from} hears 429`, async () => (await tries()).status === 429)
    }
    await toldOf(t, behind, ['127.0.0.5', '127.0.0.6', '127.0.0.7', '127.0.0.1'])
  })
}

async function outages(t: Test, behind: Behind, front: Front): Promise<void> {
  const send = (request: Awaiting, body: string) => post(front, request, body)

  await t.test('503 passes while nothing can be stored, after both servers were asked', (t) =>
    // Of the large one, which no server reads, nginx may see the end of the connection alone.
    passesOutage(t, behind, send, () => logged(front, { status: 503, upstreamStatus: '503, 503' }))
  )

  await t.test('a server that hangs and is killed costs no callback', async (t) => {
    const statuses = await whilePosting(behind, front, async (some) => {
      const [server] = behind.servers
      await some(9)
      server.send('SIGSTOP')
      // By then it has some that it will never answer.
      await some(3)
      await server.kill()
      await some(20)
      await behind.restart(0)
      await some(9)
    })
    t.same(new Set(statuses), new Set([200]), `${statuses.length} callbacks`)
  })

  await t.test('a server that stops costs no callback', async (t) => {
    const statuses = await whilePosting(behind, front, async (some) => {
      await some(9)
      await behind.servers[1].stop()
      await some(20)
      await behind.restart(1)
      await some(9)
    })
    t.same(new Set(statuses), new Set([200]), `${statuses.length} callbacks`)
  })

  await t.test('503 with Retry-After while there is no server', async (t) => {
    const request = await standsAlone(t, behind, send)
    await logged(front, { status: 503, upstreamStatus: '502, 502' }, 2)
    t.equal((await callOver(front, '/health/live')).status, 503)
    await behind.restart(0)
    t.equal((await send(request, LARGE)).status, 200)
  })
}

/** The statuses of callbacks that are posted without a pause for as long as the story takes. */
async function whilePosting(
  { awaiting }: Behind,
  front: Front,
  story: (some: (count: number) => Promise<void>) => Promise<void>
): Promise<number[]> {
  const statuses: number[] = []
  const request = await awaiting()
  const some = async (count: number) => {
    const enough = statuses.length + count
    await until('some more are answered', () => statuses.length >= enough)
  }
  let isOver = false
  const posting = Array.from({ length: 6 }, async () => {
    while (!isOver) statuses.push((await post(front, request, MIDDLE)).status)
  })
  await story(some).finally(() => (isOver = true))
  await Promise.all(posting)
  return statuses
}
