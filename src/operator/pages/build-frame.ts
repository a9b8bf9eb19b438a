import cookie from '@fastify/cookie'
import csrf from '@fastify/csrf-protection'
import formbody from '@fastify/formbody'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { deriveKey } from '../../crypto/derive-key.ts'
import { continueWhenAdmitted } from '../../http/build-server.ts'
import { HELMET } from '../../http/headers.ts'
import { auditCalls } from '../audit.ts'
import { isWithin, scopeOf } from '../scopes.ts'
import { answerError, ForeignForm, MissingPage, TooNarrow } from './error-page.ts'
import type { PagesSettings, ScreenDeps } from './pages-deps.ts'
import { isSameOrigin } from './log-in/same-origin.ts'
import { createSessions } from './log-in/session.ts'

/** Of every own page. The raw queues have another one. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const HEADERS: FastifyHelmetOptions = {
  ...HELMET,
  contentSecurityPolicy: false,
  // With `no-referrer` browsers send `Origin: null` with a form.
  referrerPolicy: { policy: 'same-origin' }
}

/** More than any form has. */
const MOST_BYTES = 64 * 1024

/** A part of a server of pages. */
export type ScreenPlugin = (app: FastifyInstance, deps: ScreenDeps) => Promise<void>

/**
 * Builds a server of pages: its headers, sessions and errors around some screens. It listens nowhere: the operator
 * listener hands calls over to it.
 */
export async function buildFrame(
  settings: PagesSettings,
  screens: readonly ScreenPlugin[]
): Promise<FastifyInstance> {
  const { deps: api, refusals, trustedProxies, log } = settings
  const { pages: own } = api
  if (own === null) throw new Error('there are no pages')
  const deps: ScreenDeps = { api, own, refusals, trustedProxies, log }
  const trustProxy = trustedProxies.length === 0 ? false : [...trustedProxies]
  const app = Fastify({ logger: false, trustProxy, bodyLimit: MOST_BYTES })
  await app.register(helmet, HEADERS)
  continueWhenAdmitted(app)
  const keys = own.secretKeys.map(({ bytes }) => deriveKey(bytes, 'session'))
  await app.register(cookie, { secret: keys })
  await app.register(csrf, { sessionPlugin: '@fastify/session', sessionKey: 'nonce' })
  await app.register(formbody)
  admitSessions(app, deps)
  auditCalls(app, api, log)
  app.setErrorHandler((error: Error, request, reply) => answerError(error, request, reply, log))
  for (const screen of screens) await app.register(screen, deps)
  return app
}

/** A page needs a session whose token has its scope. A form needs to come from a page of this session. */
function admitSessions(app: FastifyInstance, { api, log }: ScreenDeps): void {
  const sessions = createSessions(api.tokens)
  app.decorateRequest('session')
  app.decorateRequest('caller', '')
  app.decorateRequest('scope', 'read')
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'cache-control': 'no-store', 'content-security-policy': POLICY })
    request.session = sessions.read(request)
    request.caller = request.session.token?.name ?? ''
    request.scope = request.session.token?.scope ?? 'read'
    const refused = refusalOf(request)
    if (refused === null) return undefined
    // Not thrown, because some routes have an error handler of their own.
    if (refused !== 'log-in') return answerError(refused, request, reply, log)
    const { method, url } = request
    const next = method === 'GET' && url !== '/' ? `?next=${encodeURIComponent(url)}` : ''
    return reply.redirect(`/login${next}`, 303)
  })
  app.addHook('preHandler', (request, reply, done) => {
    if (request.method !== 'POST') return done()
    app.csrfProtection(request, reply, done)
  })
}

/** Why a call must not reach its route; null where it may. */
function refusalOf(request: FastifyRequest): Error | 'log-in' | null {
  const { session, routeOptions, method, is404 } = request
  if (method === 'POST' && !isSameOrigin(request)) return new ForeignForm()
  if (routeOptions.config.isOpen === true) return null
  if (session.token === null) return 'log-in'
  if (is404) return new MissingPage()
  return isWithin(scopeOf(routeOptions.config), session.token.scope) ? null : new TooNarrow()
}
