import helmet from '@fastify/helmet'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { refuseStranger } from './check-token.ts'
import { type CallbackDeps, callbackRoute } from './callback-route.ts'
import { HEADERS, HELMET, turnAway } from '../http/headers.ts'
import {
  type Bare,
  continueWhenAdmitted,
  type ListenerSettings,
  serverOptions
} from '../http/build-server.ts'
import { isFollowed } from '../http/complete-messages.ts'
import { boundReading } from './read-body.ts'
import { createStrangers, type RefusalLimits } from '../http/rate-limit.ts'

export interface PublicSettings extends ListenerSettings {
  /** The most bytes that a callback may have. */
  readonly bodyLimit: number
  readonly refusals: RefusalLimits
}

export interface PublicDeps extends Omit<CallbackDeps, 'strangers' | 'reading'> {
  /** True from the signal that ends the process: callbacks are still taken. */
  readonly isStopping: () => boolean
  /** A connection was one too many. */
  readonly dropped: () => void
}

/** The listener that faces the internet: callbacks and liveness, and the same 404 for everything else. */
export async function buildPublic(
  given: PublicDeps,
  { bodyLimit, refusals, ...settings }: PublicSettings
): Promise<FastifyInstance> {
  const strangers = createStrangers(refusals, (line) =>
    given.log.warn(line, 'callbacks without a good capability refused')
  )
  const reading = boundReading(bodyLimit)
  const deps: CallbackDeps = { ...given, strangers, reading }
  const app = Fastify({
    ...serverOptions(settings, { ...bareAnswers(given), hasWaited: reading.hasWaited }),
    bodyLimit,
    // A path that can't be decoded must not be quoted back: it may hold a capability.
    frameworkErrors: (_error, request, reply: FastifyReply) =>
      void refuseStranger(deps, request, reply.headers(HEADERS))
  })
  await app.register(helmet, HELMET)
  // What has no route is turned away before its body is read; a 404 handler alone would read it first.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return turnAway(reply)
    return undefined
  })
  // A load balancer opens its next connection elsewhere, instead of using this one when the listener closes.
  app.addHook('onSend', async (_request, reply) => {
    if (given.isStopping()) void reply.header('connection', 'close')
  })
  continueWhenAdmitted(app)
  app.removeAllContentTypeParsers()
  // Khipu documents no content type: whatever comes is bytes first, and read as JSON by the route.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(deps, error, reply))
  // Whoever has no capability holds no connection for longer than an answer takes.
  app.get('/health/live', (_request, reply) =>
    reply.header('connection', 'close').send({ status: 'live' })
  )
  await app.register(callbackRoute, deps)
  return app
}

function answerError({ counted, log }: CallbackDeps, error: FastifyError, reply: FastifyReply) {
  const { statusCode = 500 } = error
  const tooLarge = statusCode === 413
  if (tooLarge) counted('too-large')
  if (statusCode < 500)
    return reply.code(statusCode).send({ status: tooLarge ? 'too-large' : 'refused' })
  counted('unavailable')
  log.error({ error: error.name }, 'callback failed')
  return reply.code(503).header('retry-after', '5').send({ status: 'unavailable' })
}

const WORDS: ReadonlyMap<number, string> = new Map([
  [404, 'not-found'],
  [413, 'too-large']
])

function bareAnswers({ counted, dropped }: PublicDeps): Bare {
  return {
    // A token that is too long to be read is as unknown as any other.
    tooLong: 404,
    answer: (status) => ({
      type: 'application/json; charset=utf-8',
      body: JSON.stringify({ status: WORDS.get(status) ?? 'refused' })
    }),
    // A verified callback whose body breaks off is counted as `incomplete`, once its connection has gone.
    refused: (status, request) => {
      if (request === undefined || !isFollowed(request)) counted(WORDS.get(status) ?? 'malformed')
    },
    dropped
  }
}
