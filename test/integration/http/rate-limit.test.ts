import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { v7 } from 'uuid'
import { createRefusalLimiter, networkOf } from '../../../src/http/rate-limit.ts'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { holds } from '../../helpers/holds.ts'
import { openAdmin, openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import type { Service } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { call } from '../../helpers/wire.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

const forged = () => `k1.${randomBytes(51).toString('base64url')}`

/** What a log was told, of the warnings alone. */
function warnings({ lines }: Pick<Service, 'lines'>): Record<string, unknown>[] {
  const all = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return all.filter(({ level }) => level === 40)
}

async function goodToken(service: Service): Promise<string> {
  const requestId = await askIn(service, 'awaiting-callback')
  return service.capabilities.sign({ requestId, attempt: 1 })
}

t.test(
  'over the limit of an address: 429 without a valid token, and a valid one passes',
  async (t) => {
    const service = await openServerService(t)
    const asked: string[] = []
    const ledger = {
      ...service.ledger,
      has: (id: string) => {
        asked.push(id)
        return service.ledger.has(id)
      }
    }
    const refusals = { perAddress: 3, inAll: 100 }
    const { post, counted } = await openPublic(t, service, { ledger, refusals })
    const unknown = service.capabilities.sign({ requestId: v7(), attempt: 1 })
    const first = [await post(forged(), bytes(ok())), await post(unknown, bytes(ok()))]
    first.push(await post('no token at all', bytes(ok())))
    for (const { status, text } of first) {
      t.same([status, text], [404, '{"status":"not-found"}'])
    }
    t.equal(asked.length, 2, 'a token that was not signed costs Redis one look-up, whatever it is')
    for (const token of [forged(), forged(), '%zz']) {
      const { status, json, headers } = await post(token, bytes(ok()))
      t.same([status, json], [429, { status: 'too-many' }])
      t.match(headers.get('retry-after'), /^(?:[1-9]|[1-5]\d|60)$/)
      t.equal(headers.get('connection'), 'close')
    }
    t.equal(asked.length, 2, 'and then none')
    t.match((await post(await goodToken(service), bytes(ok()))).json, { status: 'accepted' })
    t.same(counted, [...Array(3).fill('not-found'), ...Array(3).fill('too-many'), 'accepted'])
  }
)

t.test('while the store is away a stranger costs it nothing, and hears 404', async (t) => {
  const service = await openServerService(t)
  let asked = 0
  const has = () => {
    asked += 1
    return Promise.reject(new Error('it did not answer'))
  }
  const ledger = { ...service.ledger, has }
  const { post } = await openPublic(t, service, { ledger })
  t.equal((await post(forged(), bytes(ok()))).status, 404, 'a look-up that fails')
  const away = await openPublic(t, service, { ledger, canStore: () => false })
  t.equal((await away.post(forged(), bytes(ok()))).status, 404)
  t.equal(asked, 1, 'where it is known to be away it is not even asked')
})

t.test('over the limit of all together: 429 from any address', async (t) => {
  const service = await openServerService(t)
  const refusals = { perAddress: 100, inAll: 3 }
  const { post } = await openPublic(t, service, { refusals, trustedProxies: ['127.0.0.1'] })
  const from = async (address: string, token: string) =>
    (await post(token, bytes(ok()), { 'x-forwarded-for': address })).status
  const statuses = []
  for (const at of [1, 2, 3, 4, 5]) statuses.push(await from(`203.0.113.${at}`, forged()))
  t.same(statuses, [404, 404, 404, 429, 429])
  t.equal(await from('203.0.113.9', await goodToken(service)), 200)
})

t.test('the window ends, and calls are answered 404 again', async (t) => {
  const refusals = createRefusalLimiter({ perAddress: 1, inAll: 9 }, () => {}, 1)
  t.equal(await refusals.refuse('203.0.113.7'), null)
  t.equal(await refusals.refuse('203.0.113.7'), 1)
  await until('it ends', async () => (await refusals.refuse('203.0.113.7')) === null)
})

const ADDRESSES: readonly [what: string, one: string, other: string, isSame: boolean][] = [
  ['two of a /64', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
  ['two spellings', '2001:DB8:0:0::1', '2001:db8::2', true],
  ['two networks', '2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['IPv4 as IPv6', '::ffff:203.0.113.7', '203.0.113.7', true],
  ['two of IPv4', '203.0.113.7', '203.0.113.8', false],
  ['two that are none', '\u001b[31mred', 'no address', true],
  ['none and nothing', 'no address', '', true]
]

for (const [what, one, other, isSame] of ADDRESSES) {
  t.test(`${what} are ${isSame ? 'counted as one' : 'two'}`, async (t) => {
    const refusals = createRefusalLimiter({ perAddress: 1, inAll: 9 }, () => {})
    t.equal(await refusals.refuse(one), null)
    t.equal((await refusals.refuse(other)) === null, !isSame)
  })
}

t.test('of an IPv6 address its first 64 bits count, and nothing else', async (t) => {
  const group = fc.nat({ max: 0xffff }).map((number) => number.toString(16))
  const half = fc.array(group, { minLength: 4, maxLength: 4 })
  holds(t, fc.tuple(half, half), ([first, last]) => {
    const whole = [...first, ...last].join(':')
    const short = new URL(`http://[${whole}]`).hostname.slice(1, -1)
    return [whole, short].every((address) => networkOf(address) === `${first.join(':')}::/64`)
  })
  holds(t, fc.ipV6(), (address) =>
    /^[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){3}::\/64$/.test(networkOf(address))
  )
})

t.test(
  'the log has one line for an address, and ten in all, however many are refused',
  async (t) => {
    const lines: object[] = []
    const refusals = createRefusalLimiter({ perAddress: 2, inAll: 5000 }, (line) =>
      lines.push(line)
    )
    for (let round = 0; round < 5; round += 1) {
      for (let at = 0; at < 2000; at += 1) {
        await refusals.refuse(`10.0.${at >> 8}.${at & 255}`, { reason: 'round' })
      }
    }
    t.equal(lines.length, 10)
    t.match(lines[0], { address: '10.0.0.0', refused: 1, refusedInAll: 1, reason: 'round' })
  }
)

t.test('an address that shouts does not take the lines of others', async (t) => {
  const lines: object[] = []
  const refusals = createRefusalLimiter({ perAddress: 9, inAll: 99 }, (line) => lines.push(line))
  for (let round = 0; round < 50; round += 1) await refusals.refuse('203.0.113.7')
  await refusals.refuse('203.0.113.8')
  t.match(lines, [{ address: '203.0.113.7' }, { address: '203.0.113.8' }])
})

t.test('a line tells how many were refused since the last one', async (t) => {
  const lines: Record<string, unknown>[] = []
  const log = (line: Readonly<Record<string, unknown>>) => void lines.push({ ...line })
  const refusals = createRefusalLimiter({ perAddress: 2, inAll: 1_000_000 }, log, 1)
  let met = 0
  await until('there is a second line', async () => {
    await refusals.refuse('203.0.113.7')
    met += 1
    return lines.length === 2
  })
  t.match(lines, [{ refused: 1 }, { refused: met - 1, refusedInAll: met - 1 }])
})

t.test('the log of refused callbacks has the address, and no token', async (t) => {
  const service = await openServerService(t)
  const { post } = await openPublic(t, service)
  const token = await goodToken(service)
  for (const shown of [`${token}A`, token.slice(0, -1), `%zz${token}`]) {
    await post(shown, bytes(ok()))
  }
  t.match(warnings(service), [
    { address: '127.0.0.1', refused: 1, msg: 'callbacks without a valid token refused' }
  ])
  t.equal(warnings(service).length, 1)
  t.notOk(service.lines.join('').includes(token.slice(3, 30)))
})

const FORWARDED: readonly [what: string, proxies: string[], header: string, seen: string][] = [
  ['nobody is believed by default', [], '203.0.113.7', '127.0.0.1'],
  ['who is not listed is not believed', ['10.0.0.0/8'], '203.0.113.7', '127.0.0.1'],
  ['a listed network is believed', ['127.0.0.0/8'], '203.0.113.7', '203.0.113.7'],
  ['what a stranger wrote before a proxy is not', ['127.0.0.1'], '1.1.1.1, 8.8.8.8', '8.8.8.8'],
  ['a chain of two', ['127.0.0.1', '10.0.0.0/8'], '1.1.1.1, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
  ['an IPv6 address is its network', ['127.0.0.1'], '2001:db8::7', '2001:db8:0:0::/64'],
  ['what is no address is nobody’s', ['127.0.0.1'], '\u009b31mred', 'unknown']
]

for (const [what, trustedProxies, header, seen] of FORWARDED) {
  t.test(`X-Forwarded-For: ${what}`, async (t) => {
    const service = await openServerService(t)
    const { post } = await openPublic(t, service, { trustedProxies })
    await post(forged(), bytes(ok()), { 'x-forwarded-for': header })
    t.match(warnings(service), [{ address: seen }])
    const { address } = await openAdmin(t, service, { trustedProxies })
    await call(`${address}/v1/requests`, { headers: { 'x-forwarded-for': header } })
    t.match(warnings(service)[1], { address: seen, reason: 'no-token' })
  })
}

t.test('the log stays one line per event, whatever a stranger sends', async (t) => {
  const service = await openServerService(t)
  const trustedProxies = ['127.0.0.1']
  const { post, address } = await openPublic(t, service, { trustedProxies })
  const admin = await openAdmin(t, service, { trustedProxies })
  const evil = '%0d%0a%7b%22level%22:60%7d%1b[31m%e2%80%a8'
  const header = '\u009b31m \u0085 {"level":60}'
  const headers = { 'x-forwarded-for': header, 'user-agent': header, 'x-request-id': header }
  await post(evil, bytes(ok()), headers)
  await call(`${address}/${evil}`, { headers })
  await call(`${admin.address}/v1/requests/${evil}`, { headers })
  await admin.get(`/v1/requests/${evil}?reference=${evil}`)
  const reference = 'a\r\n{"level":60}\u001b[31m\u2028b'
  const body = { RequestData: { AccountNumber: '000011887755' }, reference }
  t.equal((await admin.post('/v1/requests', body)).status, 202)
  t.match((await admin.get(`/v1/requests?reference=${encodeURIComponent(reference)}`)).json, {
    items: [{ reference }]
  })
  t.ok(service.lines.length >= 3)
  for (const line of service.lines) {
    t.match(line, /^\{.*\}\n$/)
    t.notMatch(line.slice(0, -1), /\p{Cc}|[\u2028\u2029]|"level":60/u)
  }
})

t.test(
  'thirty calls without a token, and the address hears 429; a good token passes',
  async (t) => {
    const service = await openServerService(t)
    const { address, counted, get } = await openAdmin(t, service)
    const fail = (token: string) =>
      call(`${address}/v1/requests`, { headers: { authorization: `Bearer ${token}` } })
    for (let at = 0; at < 30; at += 1) t.equal((await fail(`guess-${at}`)).status, 401)
    for (const answer of [await fail('guess'), await call(`${address}/v1/summary`)]) {
      t.match(answer, { status: 429, json: { status: 429, title: 'Too many calls' } })
      t.match(answer.headers.get('retry-after'), /^(?:[1-9]|[1-5]\d|60)$/)
    }
    t.equal((await get('/v1/requests')).status, 200)
    t.same(counted, [...Array(30).fill('unknown-token'), 'too-many', 'too-many'])
    t.match(warnings(service), [{ address: '127.0.0.1', reason: 'unknown-token', refused: 1 }])
    t.notMatch(service.lines.join(''), /guess|token-of/)
  }
)
