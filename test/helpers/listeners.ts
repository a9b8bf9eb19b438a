import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { ApiToken } from '../../src/config/secrets.ts'
import { connectFailingFast } from '../../src/redis/connect.ts'
import type { OperatorDeps } from '../../src/operator/routes/api-routes.ts'
import {
  type OperatorListenerDeps,
  type OperatorListenerSettings,
  buildOperatorListener
} from '../../src/operator/operator-listener.ts'
import { createMetrics } from '../../src/app/metrics.ts'
import type { OwnPagesDeps } from '../../src/operator/pages/pages-deps.ts'
import type { ListenerSettings } from '../../src/http/build-server.ts'
import type { CallbackListenerSettings } from '../../src/callbacks/callback-listener.ts'
import { joinEvents } from '../../src/ledger/events/joined-events.ts'
import type { Lookup } from '../../src/ledger/queries.ts'
import { openService, type Service, type Wishes } from './service.ts'
import {
  buildCallbackListener,
  type FlatListenerDeps,
  type FlatOperatorDeps,
  operatorDepsOf
} from './handlers.ts'
import { type Answered, call, listen } from './wire.ts'

/** What the service of a listener connects with: it fails fast, as in main.ts. */
export function openServerService(t: Test, wishes: Wishes = {}): Promise<Service> {
  return openService(t, { connect: connectFailingFast, ...wishes })
}

/** What a listener has where a test does not say. */
const SETTINGS: ListenerSettings = { maxConnections: 1000, trustedProxies: [] }

/** A public listener on a free port, and what it counted. */
export async function openPublic(
  t: Test,
  service: Served,
  changes: Partial<FlatListenerDeps & CallbackListenerSettings> = {}
) {
  const counted: string[] = []
  const deps: FlatListenerDeps = {
    ...service,
    spool: null,
    canStore: () => true,
    isStopping: () => false,
    counted: (status) => void counted.push(status),
    dropped: () => void counted.push('dropped'),
    ...changes
  }
  const settings: CallbackListenerSettings = {
    ...SETTINGS,
    bodyLimit: 10_485_760,
    refusals: { perAddress: 1000, inAll: 10_000 },
    ...changes
  }
  const app = await buildCallbackListener(deps, settings)
  const address = await listen(t, app)
  const post = (token: string, body: Buffer, headers: Record<string, string> = {}) =>
    call(`${address}/callbacks/${token}`, { method: 'POST', body: new Uint8Array(body), headers })
  return { address, counted, post, app, routes: routesOf(app) }
}

const TOKENS: readonly ApiToken[] = [
  { name: 'ana', scope: 'admin', token: 'token-of-ana' },
  { name: 'ben', scope: 'admin', token: 'token-of-ben' },
  { name: 'reader', scope: 'read', token: 'token-of-reader' },
  { name: 'writer', scope: 'write', token: 'token-of-writer' }
]

/** What a listener serves: one partition, or all of them as one. */
export type Served = Omit<Service, 'catalog'> & { readonly catalog: Lookup }

/** An operator listener on a free port; `as` calls it with the token of ana or ben. */
export async function openAdmin(
  t: Test,
  service: Served,
  changes: Partial<OperatorListenerDeps['health'] & OperatorListenerSettings> & {
    hasAuthorization?: boolean
    canAsk?: boolean
    hasApi?: boolean
    hasPages?: boolean
    tokens?: readonly ApiToken[]
    hasEvents?: boolean
  } = {}
) {
  const counted: string[] = []
  const metrics = createMetrics(service)
  const { hasAuthorization = true, canAsk = true, hasApi = true, ...rest } = changes
  const { hasEvents = true, hasPages = false, tokens = TOKENS, ...others } = rest
  const operator: FlatOperatorDeps = {
    ...service,
    events: joinEvents(service.parts.map(({ events }) => events)),
    tokens,
    unauthorized: (why) => void counted.push(why),
    hasAuthorization,
    filled: () => 0.25,
    spool: null,
    canStore: () => canAsk,
    pages: hasPages ? ownPagesOf(service) : null
  }
  const deps: OperatorListenerDeps = {
    health: {
      catalog: service.catalog,
      canStore: () => true,
      isStopping: () => false,
      concerns: () => [],
      trouble: async () => null,
      backlog: service.backlog,
      spool: null,
      metrics: () => metrics.render(),
      ...others
    },
    operator: hasApi ? operatorOf(operator, hasEvents) : null,
    dropped: () => void counted.push('dropped'),
    answered: metrics.operatorCall,
    log: service.log
  }
  const app = await buildOperatorListener(deps, { ...SETTINGS, ...others })
  const address = await listen(t, app)
  const get = (path: string) => send(address, 'GET', path)
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    send(address, 'POST', path, body, headers)
  const put = (path: string, body?: unknown) => send(address, 'PUT', path, body)
  const remove = (path: string) => send(address, 'DELETE', path)
  return { address, app, counted, get, post, put, remove, routes: routesOf(app) }
}

function operatorOf(flat: FlatOperatorDeps, hasEvents: boolean): OperatorDeps {
  const deps = operatorDepsOf(flat)
  return hasEvents ? deps : { ...deps, events: null }
}

/** An operator listener with pages. */
export function openPages(t: Test, service: Served, changes: Parameters<typeof openAdmin>[2] = {}) {
  return openAdmin(t, service, { hasPages: true, ...changes })
}

function ownPagesOf({ ledgerSettings, queues, resultQueue }: Served): OwnPagesDeps {
  const { secretKeys } = ledgerSettings
  return { secretKeys, ownQueues: queues.all, resultQueue, concerns: () => [] }
}

/** Every route of a listener, as `[method, path]`, out of Fastify's own print of them. */
function routesOf(app: FastifyInstance): [method: string, path: string][] {
  const above: string[] = []
  const lines = app.printRoutes().split('\n')
  return lines.flatMap((line) => {
    const [, indent = '', path = '', methods] =
      /^([ │]*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line) ?? []
    if (path === '') return []
    above.splice(indent.length / 4, Number.POSITIVE_INFINITY, path)
    if (methods === undefined) return []
    return methods.split(', ').map((method): [string, string] => [method, above.join('')])
  })
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
