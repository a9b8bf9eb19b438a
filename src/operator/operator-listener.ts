import helmet from '@fastify/helmet'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import type { ApiToken } from '../config/secrets.ts'
import { type AuthFailure, requireToken } from './check-operator-token.ts'
import { type CountCall, countCalls } from './metrics/count-calls.ts'
import { docsRoutes } from './openapi/docs-routes.ts'
import { checkBody, checkQuery, readJson } from './validation.ts'
import { healthRoutes, type HealthDeps } from './health.ts'
import { HEADERS, HELMET } from '../http/headers.ts'
import { continueWhenAdmitted, type ListenerSettings, serverOptions } from '../http/build-server.ts'
import { type NotificationsDeps, notificationRoutes } from './routes/notification-routes.ts'
import { describeApi, documentRoute } from './openapi/describe-api.ts'
import { fillAbsentBody } from './optional-body.ts'
import { answerError, rawProblems, sendProblem } from './problem.ts'
import type { QuarantineDeps } from './routes/quarantine-entries.ts'
import { quarantineRoutes } from './routes/quarantine-routes.ts'
import { type ExplainDeps, explainRoute } from './routes/explain-route.ts'
import { type StatsDeps, statsRoute } from './routes/stats-route.ts'
import { type EventsDeps, eventsRoute } from './routes/events-route.ts'
import { type AuditRouteDeps, auditRoute } from './routes/audit-route.ts'
import { type AuditDeps, auditCalls } from './audit.ts'
import { type SummaryDeps, summaryRoutes } from './routes/summary-routes.ts'
import { type CreateRequestDeps, createRequestRoute } from './routes/create-request-route.ts'
import { type ChangeDeps, requestChangeRoutes } from './routes/request-change-routes.ts'
import { type RequestsDeps, requestRoutes } from './routes/request-routes.ts'
import { pageRoutes } from './pages/page-routes.ts'
import type { OwnPagesDeps } from './pages/pages-deps.ts'
import {
  createRefusalLimiter,
  type RefusalLimiter,
  type RefusalLimits
} from '../http/rate-limit.ts'

/** The dependencies of the operator API. A process with the role `worker` has none of them. */
export interface OperatorDeps {
  /** What each file of routes uses. */
  readonly create: CreateRequestDeps
  readonly explain: ExplainDeps
  readonly summary: SummaryDeps
  readonly stats: StatsDeps
  /** Null where changes of requests are no events. */
  readonly events: EventsDeps | null
  readonly audit: AuditRouteDeps & Pick<AuditDeps, 'audit'>
  readonly requests: RequestsDeps
  readonly changes: ChangeDeps
  readonly notifications: NotificationsDeps
  readonly quarantine: QuarantineDeps
  readonly tokens: readonly ApiToken[]
  readonly unauthorized: (why: AuthFailure) => void
  /** What only the pages use; null where PAGES is false. */
  readonly pages: OwnPagesDeps | null
}

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
  await app.register(routes, { prefix: '/v1', deps })
}

async function routes(v1: FastifyInstance, { deps }: Pick<OperatorApi, 'deps'>): Promise<void> {
  await createRequestRoute(v1, deps.create)
  await requestRoutes(v1, deps.requests)
  await explainRoute(v1, deps.explain)
  await summaryRoutes(v1, deps.summary)
  await statsRoute(v1, deps.stats)
  if (deps.events !== null) await eventsRoute(v1, deps.events)
  await auditRoute(v1, deps.audit)
  await requestChangeRoutes(v1, deps.changes)
  await notificationRoutes(v1, deps.notifications)
  await quarantineRoutes(v1, deps.quarantine)
}
