import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { type CallbackDeps, callbackRoute } from './callbacks.ts'
import { HELMET, HTTP_LIMITS, turnAway } from './http.ts'

export interface PublicSettings {
  /** The most bytes that a callback may have. */
  readonly bodyLimit: number
}

/** The listener that faces the internet: callbacks and liveness, and the same 404 for everything else. */
export async function buildPublic(
  deps: CallbackDeps,
  { bodyLimit }: PublicSettings
): Promise<FastifyInstance> {
  const app = Fastify({
    ...HTTP_LIMITS,
    bodyLimit,
    // A path that can't be decoded must not be quoted back: it may hold a capability.
    frameworkErrors: (_error, _request, reply: FastifyReply) => void turnAway(reply)
  })
  await app.register(helmet, HELMET)
  // What has no route is turned away before its body is read; a 404 handler alone would read it first.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return turnAway(reply)
    return undefined
  })
  // Who asks first, by `Expect: 100-continue`, is told to go on once the capability is verified.
  app.server.on('checkContinue', (request, response) => app.routing(request, response))
  app.removeAllContentTypeParsers()
  // Khipu documents no content type: whatever comes is bytes first, and read as JSON by the route.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const tooLarge = error.statusCode === 413
    const client = error.statusCode !== undefined && error.statusCode < 500
    if (!client) deps.log.error({ error: error.name }, 'callback failed')
    if (tooLarge) deps.counted('too-large')
    if (client)
      return reply
        .code(error.statusCode ?? 400)
        .send({ status: tooLarge ? 'too-large' : 'refused' })
    return reply.code(503).header('retry-after', '5').send({ status: 'unavailable' })
  })
  app.get('/health/live', () => ({ status: 'live' }))
  await app.register(callbackRoute, deps)
  return app
}
