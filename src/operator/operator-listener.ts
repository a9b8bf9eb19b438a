import helmet from '@fastify/helmet'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { apiRoutes, type OperatorDeps } from './routes/api-routes.ts'
import { auditCalls } from './audit.ts'
import { requireToken } from './check-operator-token.ts'
import { type CountCall, countCalls } from './metrics/count-calls.ts'
import { docsRoutes } from './openapi/docs-routes.ts'
import { checkBody, checkQuery, readJson } from './validation.ts'
import { healthRoutes, type HealthDeps } from './health.ts'
import { HEADERS, HELMET } from '../http/headers.ts'
import { continueWhenAdmitted, type ListenerSettings, serverOptions } from '../http/build-server.ts'
import { describeApi, documentRoute } from './openapi/describe-api.ts'
import { fillAbsentBody } from './optional-body.ts'
import { answerError, rawProblems, sendProblem } from './problem.ts'
import { pageRoutes } from './pages/page-routes.ts'
import {
  createRefusalLimiter,
  type RefusalLimiter,
  type RefusalLimits
} from '../http/rate-limit.ts'

export interface OperatorListenerDeps {
  readonly health: HealthDeps
  readonly operator: OperatorDeps | null
  /** Counts a connection that was dropped because the listener was at MAX_CONNECTIONS. */
  readonly dropped: () => void
  readonly answered: CountCall
  readonly log: Logger
}

export interface OperatorListenerSettings extends ListenerSettings {
  /** How many calls without a valid token are refused in a minute before further ones get 429. */
  readonly failures?: RefusalLimits
}

const FAILURES: RefusalLimits = { perAddress: 30, inAll: 10_000 }

/** Builds the listener for operators. The API needs bearer tokens. Its description, health and metrics do not. */
export async function buildOperatorListener(
  deps: OperatorListenerDeps,
  { failures = FAILURES, ...settings }: OperatorListenerSettings
): Promise<FastifyInstance> {
  const app = Fastify({
    ...serverOptions(settings, rawProblems(deps.dropped)),
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
  countCalls(app, deps.answered)
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(error, reply, deps.log))
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' ? checkBody(schema as { $ref?: string }) : checkQuery(schema)
  )
  // The response schemas only document the answers. They remove no field.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  const { operator, log } = deps
  if (operator !== null) await describeApi(app)
  await app.register(healthRoutes, deps.health)
  if (operator === null) return app
  documentRoute(app)
  await docsRoutes(app)
  const refusals = createRefusalLimiter(failures, (line) =>
    log.warn(line, 'operator calls without a valid token refused')
  )
  await app.register(operatorApi, { deps: operator, refusals, log })
  const { trustedProxies } = settings
  if (operator.pages)
    await app.register(pageRoutes, { deps: operator, refusals, trustedProxies, log })
  return app
}

interface OperatorApi {
  readonly deps: OperatorDeps
  readonly refusals: RefusalLimiter
  readonly log: Logger
}

async function operatorApi(
  app: FastifyInstance,
  { deps, refusals, log }: OperatorApi
): Promise<void> {
  const { tokens, unauthorized } = deps
  app.addHook('onRequest', requireToken({ tokens, unauthorized, refusals, log }))
  app.addHook('preValidation', fillAbsentBody)
  auditCalls(app, deps, log)
  await app.register(async (v1) => apiRoutes(v1, deps), { prefix: '/v1' })
}
