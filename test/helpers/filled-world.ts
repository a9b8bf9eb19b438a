import { until } from './until.ts'
import { callApi, type Service } from './service-process.ts'
import { type Scope, startWorld, type World } from './world.ts'
import type { QuarantineList, RequestList, Summary } from '../../src/schemas/generated.ts'

/** The tokens of a service with pages. */
export const TOKENS = {
  admin: 'token-of-the-admin-of-a-test',
  write: 'token-of-the-writer-of-a-test',
  read: 'token-of-the-reader-of-a-test'
} as const

/** How many requests of which scenario, at which bank. */
const ASKED: readonly (readonly [prefix: string, count: number, bank: string])[] = [
  ['1001', 12, 'bancochile.cl'],
  ['1001', 6, 'bci.cl'],
  ['1107', 9, 'santander.cl'],
  ['1108', 2, 'bancochile.cl'],
  ['1111', 2, 'bancoestado.cl'],
  ['1104', 5, 'bci.cl'],
  ['1103', 2, 'santander.cl'],
  ['1205', 3, 'bancoestado.cl'],
  ['1705', 1, 'bci.cl'],
  ['1706', 1, 'bci.cl'],
  ['1703', 1, 'bancochile.cl']
]

/** A service with something of everything: requests in most states, and bodies in quarantine. */
export interface FilledWorld {
  readonly world: World
  readonly service: Service
  /** Every account number that was asked for. No page may show one. */
  readonly accounts: readonly string[]
  api<Body>(method: string, path: string, body?: unknown): Promise<Body>
  /** The ids of the requests that a query finds. */
  find(query: string): Promise<readonly string[]>
}

/** Starts a service with pages and without a request. */
export async function startEmpty(scope: Scope): Promise<FilledWorld> {
  const tokens = Object.entries(TOKENS).map(([name, token]) => `${name}/${name}:${token}`)
  const world = await startWorld(scope, {
    ownRedis: true,
    khipu: { callbackDelayMs: 20 },
    env: { API_TOKENS: `ops/admin:journey-operator-token,${tokens.join(',')}` }
  })
  const service = await world.start()
  const api: FilledWorld['api'] = async <Body>(method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${TOKENS.admin}` }
    const answer = await callApi<Body>(service.adminUrl + path, method, body, headers)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  const find = async (query: string) => {
    const { items } = await api<RequestList>('GET', `/v1/requests?${query}`)
    return items.map(({ requestId }) => requestId)
  }
  return { world, service, accounts: [], api, find }
}

/** Starts it, and waits until its requests are where they stay for a while. */
export async function startFilled(scope: Scope): Promise<FilledWorld> {
  const empty = await startEmpty(scope)
  const accounts: string[] = []
  for (const [prefix, count, bank] of ASKED) {
    for (let number = 0; number < count; number += 1) {
      const account = `${prefix}-77${String(accounts.length + 1).padStart(4, '0')}`
      accounts.push(account)
      await empty.api('POST', '/v1/requests', {
        service: `cl/banking/personal/${bank}/transactions`,
        reference: `nightly-${1000 + accounts.length}`,
        RequestData: { AccountNumber: account }
      })
    }
  }
  await until('the requests are where they stay', async () => {
    const { states } = await empty.api<Summary>('GET', '/v1/summary')
    const { items } = await empty.api<QuarantineList>('GET', '/v1/quarantine')
    const { delivered, parked, failed } = states
    const isSettled = delivered.count >= 19 && parked.count >= 13 && failed.count >= 2
    return isSettled && items.length >= 3 ? true : null
  })
  return { ...empty, accounts }
}
