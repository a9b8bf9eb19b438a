import type { Test } from 'tap'
import type { ApiToken } from '../../src/config/secrets.ts'
import { connectFailingFast } from '../../src/queue/connections.ts'
import { type AdminDeps, buildAdmin } from '../../src/server/admin.ts'
import type { CallbackDeps } from '../../src/server/callbacks.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { buildPublic } from '../../src/server/public.ts'
import { openService, type Service, type Wishes } from './service.ts'
import { type Answered, call, listen } from './wire.ts'

/** What the service of a listener connects with: it fails fast, as in main.ts. */
export function openServerService(t: Test, wishes: Wishes = {}): Promise<Service> {
  return openService(t, { connect: connectFailingFast, ...wishes })
}

/** A public listener on a free port, and what it counted. */
export async function openPublic(
  t: Test,
  service: Service,
  { bodyLimit = 10_485_760, ...changes }: Partial<CallbackDeps> & { bodyLimit?: number } = {}
) {
  const counted: string[] = []
  const deps: CallbackDeps = {
    ...service,
    canStore: () => true,
    counted: (status) => void counted.push(status),
    ...changes
  }
  const address = await listen(t, await buildPublic(deps, { bodyLimit }))
  const post = (token: string, body: Buffer, headers: Record<string, string> = {}) =>
    call(`${address}/callbacks/${token}`, { method: 'POST', body: new Uint8Array(body), headers })
  return { address, counted, post }
}

const TOKENS: readonly ApiToken[] = [
  { name: 'ana', scope: 'admin', token: 'token-of-ana' },
  { name: 'ben', scope: 'admin', token: 'token-of-ben' }
]

/** An operator listener on a free port; `as` calls it with the token of ana or ben. */
export async function openAdmin(
  t: Test,
  service: Service,
  changes: Partial<AdminDeps> & { hasAuthorization?: boolean; canAsk?: boolean } = {}
) {
  const metrics = createMetrics({
    totals: () => service.catalog.totals(),
    quarantined: () => service.quarantine.usage()
  })
  const { hasAuthorization = true, canAsk = true, ...others } = changes
  const app = await buildAdmin({
    ping: () => service.catalog.now(),
    canStore: () => true,
    concerns: () => [],
    metrics: () => metrics.render(),
    operator: { ...service, tokens: TOKENS, hasAuthorization, canStore: () => canAsk },
    log: service.log,
    ...others
  })
  const address = await listen(t, app)
  const get = (path: string) => send(address, 'GET', path)
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    send(address, 'POST', path, body, headers)
  const put = (path: string, body?: unknown) => send(address, 'PUT', path, body)
  const remove = (path: string) => send(address, 'DELETE', path)
  return { address, get, post, put, remove }
}

/** Calls as ana, with a body of JSON where there is one; a string or bytes go as they are. */
function send(
  address: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {}
): Promise<Answered> {
  const authorization = 'Bearer token-of-ana'
  if (body === undefined)
    return call(address + path, { method, headers: { authorization, ...headers } })
  return call(address + path, {
    method,
    headers: { authorization, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
}
