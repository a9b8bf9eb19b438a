import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { freePort } from '../../simulator/free-port.ts'
import { callbackId } from '../../src/crypto/callback-id.ts'
import type { Front } from './front.ts'
import type { Answer, Env, Service } from './service-process.ts'
import { callOver, type Secured, type Sent } from './tls-client.ts'
import { until } from './until.ts'
import { accountOf, ask, otherPorts, resultsOf, startWorld, type World } from './world.ts'

/** A request that waits for its callback: Khipu sends none, the test does. */
export interface Awaiting {
  readonly requestId: string
  /** The path of its CallbackUrl, with the capability. */
  readonly path: string
}

/** Two servers of one Redis, whose CallbackUrls lead to a proxy that is still to be started. */
export interface Behind {
  readonly world: World
  readonly servers: readonly [Service, Service]
  /** The port of the proxy, and those of the servers. */
  readonly port: number
  readonly ports: readonly [string, string]
  /** Starts the first or the second one again, where it has gone. */
  restart(which: 0 | 1): Promise<void>
  /** Asks for the transactions of an account that no other request has. */
  awaiting(): Promise<Awaiting>
}

/** What is in every body, and nowhere else: it is looked for in all that a proxy writes. */
export const CANARY = `canary-${randomBytes(8).toString('hex')}`

/** A callback with so many transactions. */
export function bodyOf(transactions: readonly object[] = []): string {
  return JSON.stringify({
    OperationId: CANARY,
    Status: 'OK',
    Data: { Transaction: [{ AccountId: CANARY, Amount: {} }, ...transactions] },
    AdditionalInformation: null,
    Error: null,
    LifeSpan: null
  })
}

export async function startBehind(t: Test, env: Env = {}): Promise<Behind> {
  const port = await freePort()
  const world = await startWorld(t, {
    ownRedis: true,
    env: { PUBLIC_URL: `https://127.0.0.1:${port}`, TRUST_PROXY: '127.0.0.1', ...env }
  })
  const second = await otherPorts()
  const servers: [Service, Service] = [await world.start(), await world.start(second)]
  let number = 0
  return {
    world,
    servers,
    port,
    ports: [world.env['PUBLIC_PORT'] ?? '', second['PUBLIC_PORT'] ?? ''],
    async restart(which) {
      servers[which] = await world.start(which === 0 ? {} : second)
    },
    async awaiting() {
      number += 1
      const account = accountOf('1205', number)
      const requestId = await ask(servers[0], account)
      const asked = await until('Khipu was asked', () =>
        world.khipu.calls.find((call) => call.account === account)
      )
      return { requestId, path: new URL(asked.callbackUrl ?? '').pathname }
    }
  }
}

/** A callback over TLS. */
export function post<Body = { status: string; receipt?: string }>(
  front: Secured,
  { path }: Pick<Awaiting, 'path'>,
  body: Buffer | string,
  more: Sent = {}
): Promise<Answer<Body>> {
  return callOver<Body>(front, path, { method: 'POST', body, ...more })
}

/** The path of what was asked for, hence the capability, is kept by no cache and goes into no Referer. */
export function isUntold(t: Test, { headers }: Pick<Answer, 'headers'>): void {
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('referrer-policy'), 'no-referrer')
}

/** Posts a callback and sees it on the result queue, as it was sent. */
export async function arrives(
  t: Test,
  { world, awaiting }: Behind,
  front: Front,
  body: string,
  more: Sent = {}
): Promise<void> {
  const request = await awaiting()
  // A machine that is busy may not store so much in time, and says so.
  const answer = await until('it is taken', async () => {
    const one = await post(front, request, body, more)
    return one.status === 503 ? null : one
  })
  t.match(answer, { status: 200, body: { status: /^(?:accepted|duplicate)$/ } })
  const { receipt } = answer.body
  if (receipt !== undefined) t.equal(receipt, callbackId(1, Buffer.from(body)))
  const job = (await resultsOf(world, [request.requestId])).get(request.requestId)
  t.ok(isDeepStrictEqual(job?.data.response, JSON.parse(body)), 'deep-equal')
}

/** The servers have told of strangers at these addresses, and at no other. */
export async function toldOf(
  t: Test,
  { servers }: Behind,
  addresses: readonly string[]
): Promise<void> {
  const told = () => {
    const lines = servers.flatMap(({ logs }) => logs)
    const refused = lines.filter(({ msg }) => msg === 'callbacks without a valid token refused')
    return new Set(refused.map((line) => line['address']))
  }
  // A line reaches us behind the answer.
  await until('all of them are told of', () => addresses.every((address) => told().has(address)))
  t.equal(told().size, addresses.length)
}

/** Resolves once the access log has so many lines with these fields: they are written behind the answer. */
export async function logged(
  front: Front,
  fields: Readonly<Record<string, unknown>>,
  times = 1
): Promise<void> {
  const wanted = Object.entries(fields)
  await until(`there are ${times} lines with ${JSON.stringify(fields)}`, async () => {
    const lines = await front.lines()
    return (
      lines.filter((line) => wanted.every(([name, value]) => line[name] === value)).length >= times
    )
  })
}

/** Nothing that the proxy has written has a capability, or anything of a body. */
export async function toldNothing(t: Test, { world }: Behind, front: Front): Promise<void> {
  const written = await front.written()
  const tokens = world.khipu.calls.map(({ callbackUrl }) => callbackUrl?.split('/').at(-1) ?? '')
  t.ok(tokens.length > 0)
  // A part tells as much as the whole.
  const parts = tokens.flatMap((token) => [token.slice(-70, -45), token.slice(-25)])
  for (const [name, text] of written) {
    const found = [CANARY, ...parts].filter((secret) => text.includes(secret))
    t.same(found, [], `nothing in ${name}`)
  }
}
