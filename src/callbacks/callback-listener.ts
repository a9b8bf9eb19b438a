import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import type { Capabilities } from '../crypto/callback-token.ts'
import type { EncryptBody } from '../crypto/encrypt.ts'
import {
  type RawAnswers,
  continueWhenAdmitted,
  type ListenerSettings,
  serverOptions
} from '../http/build-server.ts'
import { isFollowed } from '../http/complete-messages.ts'
import { HEADERS } from '../http/headers.ts'
import { createRefusalLimiter, type RefusalLimits } from '../http/rate-limit.ts'
import { protocolAnswer, sendAnswer } from './callback-answers.ts'
import { callbackRoute } from './callback-route.ts'
import type { CallbackDeps } from './receive-callback.ts'
import { createRedisStore, type RedisStoreDeps } from './redis-store.ts'
import { answer, type CountOutcome, refuseCall } from './check-token.ts'
import type { Examine } from './examine-body.ts'
import { type BodyReading, limitBodyReading } from './read-body.ts'
import { type CallbackSpool, createSpoolingStore } from './spooling-store.ts'

export interface CallbackListenerSettings extends ListenerSettings {
  /** The most bytes that a callback may have. */
  readonly bodyLimit: number
  readonly refusals: RefusalLimits
}

export interface CallbackListenerDeps {
  readonly redis: RedisStoreDeps
  readonly capabilities: Capabilities
  readonly examine: Examine
  readonly seal: EncryptBody
  /** Where callbacks wait on disk while Redis can't store them; null where there is no such place. */
  readonly spool: CallbackSpool | null
  /** True from the signal that ends the process: callbacks are still taken. */
  readonly isStopping: () => boolean
  /** Counts an outcome, in `khipu_callbacks_total`. */
  readonly counted: CountOutcome
  /** A connection was one too many. */
  readonly dropped: () => void
  readonly log: Logger
}

/** The listener that faces the internet: callbacks and liveness, and the same 404 for everything else. */
export async function buildCallbackListener(
  deps: CallbackListenerDeps,
  { bodyLimit, refusals, ...settings }: CallbackListenerSettings
): Promise<FastifyInstance> {
  const reading = limitBodyReading(bodyLimit)
  const callbackDeps = routeDeps(deps, reading, refusals)
  const app = Fastify({
    ...serverOptions(settings, { ...bareAnswers(deps), hasWaited: reading.hasWaited }),
    bodyLimit,
    // A path that can't be decoded must not be quoted back: it may hold a capability.
    frameworkErrors: (_error, request, reply: FastifyReply) =>
      void refuseCall(callbackDeps.token, request, reply.headers(HEADERS))
  })
  app.decorateRequest('beganAt', 0)
  app.addHook('onRequest', (request, reply, done) => {
    request.beganAt = performance.now()
    // Helmet would build the same headers anew for each answer, which takes 4 % of the time of a callback.
    void reply.headers(HEADERS)
    // What has no route is answered before its body is read; a 404 handler alone would read it first.
    if (request.is404) void sendAnswer(reply, 'notFound')
    else done()
  })
  // A load balancer opens its next connection elsewhere, instead of using this one when the listener closes.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (deps.isStopping()) void reply.header('connection', 'close')
    done()
  })
  continueWhenAdmitted(app)
  app.removeAllContentTypeParsers()
  // Khipu documents no content type: whatever comes is bytes first, and read as JSON by the route.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(deps, error, reply))
  // A caller without a token holds no connection for longer than an answer takes.
  app.get('/health/live', (_request, reply) =>
    reply.header('connection', 'close').send({ status: 'live' })
  )
  await app.register(callbackRoute, callbackDeps)
  return app
}

function routeDeps(
  { redis, spool, capabilities, examine, seal, counted, log }: CallbackListenerDeps,
  reading: BodyReading,
  refusals: RefusalLimits
): CallbackDeps {
  const inRedis = createRedisStore(redis)
  const store = spool === null ? inRedis : createSpoolingStore(inRedis, spool, log)
  const limiter = createRefusalLimiter(refusals, (line) =>
    log.warn(line, 'callbacks without a valid token refused')
  )
  const token = { capabilities, store, refusals: limiter, counted, log }
  return { token, store, examine, seal, reading, counted, log }
}

function answerError(deps: CallbackListenerDeps, error: FastifyError, reply: FastifyReply) {
  const { statusCode = 500 } = error
  if (statusCode === 413) return answer(deps, reply, 'tooLarge')
  if (statusCode < 500) return reply.code(statusCode).send({ status: 'refused' })
  deps.log.error({ error: error.name }, 'callback failed')
  return answer(deps, reply, 'unavailable')
}

function bareAnswers({ counted, dropped }: CallbackListenerDeps): RawAnswers {
  return {
    // A token that is too long to be read gets the answer of every unknown token.
    tooLong: 404,
    answer: (httpStatus) => ({
      type: 'application/json; charset=utf-8',
      body: JSON.stringify({ status: protocolAnswer(httpStatus).status })
    }),
    // A verified callback whose body breaks off is counted as `incomplete`, once its connection has gone.
    refused: (httpStatus, request) => {
      if (request === undefined || !isFollowed(request)) counted(protocolAnswer(httpStatus).metric)
    },
    dropped
  }
}
