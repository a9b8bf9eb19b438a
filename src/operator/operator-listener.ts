import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { schemas } from '../schemas/validate.ts'
import { requireToken } from './check-operator-token.ts'
import { apiRoutes, type OperatorDeps } from './api-routes.ts'
import { checkBody, checkQuery, readJson } from './validation.ts'
import { healthRoutes, type HealthDeps } from './health.ts'
import { HEADERS, HELMET } from '../http/headers.ts'
import {
  type RawAnswers,
  continueWhenAdmitted,
  type ListenerSettings,
  serverOptions
} from '../http/build-server.ts'
import { describeAbsentBodies, fillAbsentBody } from './optional-body.ts'
import { PROBLEM_TYPE, problemText, protocolError, OperatorError, sendProblem } from './problem.ts'
import { describeScope } from './scopes.ts'
import { createRefusalLimiter, type RefusalLimits } from '../http/rate-limit.ts'

export interface OperatorListenerDeps {
  readonly health: HealthDeps
  readonly operator: OperatorDeps | null
  /** Counts a connection that was dropped because the listener was at MAX_CONNECTIONS. */
  readonly dropped: () => void
  readonly log: Logger
}

export interface OperatorListenerSettings extends ListenerSettings {
  /** How many calls without a valid token are refused in a minute before further ones get 429. */
  readonly failures?: RefusalLimits
}

const FAILURES: RefusalLimits = { perAddress: 30, inAll: 10_000 }

/** Builds the listener for operators. The API needs bearer tokens; health and metrics do not. */
export async function buildOperatorListener(
  deps: OperatorListenerDeps,
  { failures = FAILURES, ...settings }: OperatorListenerSettings
): Promise<FastifyInstance> {
  const app = Fastify({
    ...serverOptions(settings, bareAnswers(deps)),
    frameworkErrors: (_error, _request, reply: FastifyReply) =>
      void sendProblem(reply.headers(HEADERS), 'malformed-path', 'the path is malformed')
  })
  await app.register(helmet, HELMET)
  continueWhenAdmitted(app)
  app.decorateRequest('caller', '')
  app.decorateRequest('scope', 'read')
  app.decorateRequest('bodyBytes', null)
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, readJson)
  // An unknown route is answered before its body is read.
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store')
    if (!request.is404) return undefined
    return sendProblem(
      reply.header('connection', 'close'),
      'unknown-route',
      'there is no such route'
    )
  })
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(error, reply, deps.log))
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' ? checkBody(schema as { $ref?: string }) : checkQuery(schema)
  )
  // The response schemas only document the answers. They remove no field.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  await app.register(healthRoutes, deps.health)
  if (deps.operator !== null)
    await app.register(operatorApi, { deps: deps.operator, failures, log: deps.log })
  return app
}

function bareAnswers({ dropped }: OperatorListenerDeps): RawAnswers {
  return {
    tooLong: 414,
    answer: (status) => ({
      type: PROBLEM_TYPE,
      body: problemText(protocolError(status), 'the request could not be read')
    }),
    refused: () => {},
    dropped
  }
}

interface OperatorApi {
  readonly deps: OperatorDeps
  readonly failures: RefusalLimits
  readonly log: Logger
}

async function operatorApi(
  app: FastifyInstance,
  { deps, failures, log }: OperatorApi
): Promise<void> {
  const { onRoute, transformObject } = describeAbsentBodies()
  app.addHook('onRoute', onRoute)
  app.addHook('onRoute', describeScope)
  for (const schema of schemas.values()) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Khipu receiver: operator API', version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }]
    },
    transformObject,
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, i) =>
        typeof json['title'] === 'string' ? json['title'] : `def-${i}`
    }
  })
  const { tokens, unauthorized } = deps
  const refusals = createRefusalLimiter(failures, (line) =>
    log.warn(line, 'operator calls without a valid token refused')
  )
  app.addHook('onRequest', requireToken({ tokens, unauthorized, refusals, log }))
  app.addHook('preValidation', fillAbsentBody)
  app.get('/openapi.json', { config: { scope: 'read' }, schema: { hide: true } }, () =>
    app.swagger()
  )
  await app.register(async (v1) => apiRoutes(v1, deps), { prefix: '/v1' })
}

function answerError(error: FastifyError, reply: Parameters<typeof sendProblem>[0], log: Logger) {
  const cause = error as unknown
  if (cause instanceof OperatorError)
    return sendProblem(reply, cause.code, cause.message, cause.faults)
  const { statusCode = 500 } = error
  if (statusCode === 400) return sendProblem(reply, 'invalid-json', 'the body is not JSON')
  if (statusCode < 500) return sendProblem(reply, protocolError(statusCode), error.message)
  log.error({ error: error.name, code: error.code }, 'operator call failed')
  return sendProblem(reply, 'unavailable', 'not possible now: the store did not answer')
}
