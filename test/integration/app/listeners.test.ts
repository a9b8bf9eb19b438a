import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import { call } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { ask, metric, otherPorts, startWorld } from '../../helpers/world.ts'
import { hold } from '../../helpers/wire.ts'
import { startHere } from '../../helpers/started.ts'

// Both listeners, with what production gives them.

const world = await startWorld(t)
const start = async (env: Record<string, string>) =>
  startHere(t, world, { ...(await otherPorts()), PUBLIC_URL: 'http://127.0.0.1', ...env })
const service = await start({
  MAX_CONNECTIONS: '7',
  REFUSALS_PER_ADDRESS: '2',
  REFUSALS_IN_ALL: '4',
  TRUST_PROXY: '127.0.0.1',
  BODY_LIMIT: '2kb'
})
const { publicUrl, adminUrl } = service

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 72_000,
  maxHeaderSize: 16_384,
  maxConnections: 7
}

for (const [name, url] of Object.entries({ public: publicUrl, operator: adminUrl })) {
  t.test(`the ${name} listener bounds what a connection may take`, async (t) => {
    const server = (await serverAt(url)) as unknown as Record<string, unknown>
    for (const [limit, value] of Object.entries(LIMITS)) t.equal(server[limit], value, limit)
  })

  t.test(`a connection too many of the ${name} listener is dropped, and counted`, async (t) => {
    const few = await start({ MAX_CONNECTIONS: '3' })
    const address = name === 'public' ? few.publicUrl : few.adminUrl
    const held: Socket[] = []
    for (let count = 0; count < 4; count += 1) held.push(await hold(address))
    await until('one is dropped', () => held.some(({ destroyed }) => destroyed))
    for (const socket of held) socket.destroy()
    const counted = await until('it can be asked', () =>
      metric(few, 'khipu_connections_dropped_total').catch(() => null)
    )
    t.same([...counted.keys()], [`listener="${name}"`])
  })
}

t.test('a body over BODY_LIMIT is refused, and counted', async (t) => {
  await ask(service, '1205-0001')
  const { callbackUrl } = await until('Khipu was asked', () => world.khipu.calls[0])
  const url = `${publicUrl}${new URL(callbackUrl ?? '').pathname}`
  const post = (bytes: number) => call(url, { method: 'POST', body: 'x'.repeat(bytes) })
  t.equal((await post(2049)).status, 413)
  t.equal((await post(2048)).status, 400)
  t.match(await metric(service, 'khipu_callbacks_total'), new Map([['status="too-large"', 1]]))
})

t.test('refusals are bounded by the address that a proxy tells, and in all', async (t) => {
  const tryOnce = async (address: string) => {
    const headers = { 'x-forwarded-for': address }
    return (await call(`${publicUrl}/callbacks/x`, { method: 'POST', headers })).status
  }
  t.same([await tryOnce('10.0.0.1'), await tryOnce('10.0.0.1')], [404, 404])
  t.equal(await tryOnce('10.0.0.1'), 429)
  t.same([await tryOnce('10.0.0.2'), await tryOnce('10.0.0.3')], [404, 404])
  t.equal(await tryOnce('10.0.0.4'), 429)
  t.match(
    await metric(service, 'khipu_callbacks_total'),
    new Map([
      ['status="not-found"', 4],
      ['status="too-many"', 2]
    ])
  )
  const line = ({ msg }: { msg: string }) => msg === 'callbacks without a valid token refused'
  t.match(service.logs.find(line), { address: '10.0.0.1' })
})

t.test('a call of the operator API without a good token is counted', async (t) => {
  const headers = { authorization: 'Bearer wrong' }
  t.equal((await call(`${adminUrl}/v1/requests`, { headers })).status, 401)
  t.equal((await metric(service, 'khipu_operator_refusals_total')).size, 1)
})

/** The server of this process that answers at an address. */
async function serverAt(url: string): Promise<Server> {
  let found: Server | undefined
  const hear = (message: unknown) => {
    const { server } = message as { server: Server }
    if ((server.address() as AddressInfo).port === Number(new URL(url).port)) found = server
  }
  subscribe('http.server.request.start', hear)
  await call(`${url}/health/live`)
  unsubscribe('http.server.request.start', hear)
  if (found === undefined) throw new Error('no server of this process has answered')
  return found
}
