import type { FastifyInstance } from 'fastify'
import type { ApiToken } from '../config/secrets.ts'
import type { AuthFailure } from './check-operator-token.ts'
import { type NotificationsDeps, notificationRoutes } from './routes/notification-routes.ts'
import { type BeginRouteDeps, beginOperationRoute } from './routes/begin-operation-route.ts'
import { type OperationsDeps, operationRoutes } from './routes/operation-routes.ts'
import { type QuarantineDeps, quarantineRoutes } from './routes/quarantine-routes.ts'
import { type ExplainDeps, explainRoute } from './routes/explain-route.ts'
import { type SummaryDeps, summaryRoutes } from './routes/summary-routes.ts'
import { type CreateRequestDeps, createRequestRoute } from './routes/create-request-route.ts'
import { type ChangeDeps, requestChangeRoutes } from './routes/request-change-routes.ts'
import { type RequestsDeps, requestRoutes } from './routes/request-routes.ts'

/** The dependencies of the operator API. A process with the role `worker` has none of them. */
export interface OperatorDeps {
  /** What each file of routes uses. */
  readonly create: CreateRequestDeps
  readonly explain: ExplainDeps
  readonly summary: SummaryDeps
  readonly requests: RequestsDeps
  readonly changes: ChangeDeps
  readonly notifications: NotificationsDeps
  readonly beginOperation: BeginRouteDeps
  readonly operations: OperationsDeps
  readonly quarantine: QuarantineDeps
  readonly tokens: readonly ApiToken[]
  readonly unauthorized: (why: AuthFailure) => void
}

/** The calls under `/v1`. */
export async function apiRoutes(v1: FastifyInstance, deps: OperatorDeps): Promise<void> {
  await createRequestRoute(v1, deps.create)
  await requestRoutes(v1, deps.requests)
  await explainRoute(v1, deps.explain)
  await summaryRoutes(v1, deps.summary)
  await requestChangeRoutes(v1, deps.changes)
  await notificationRoutes(v1, deps.notifications)
  await beginOperationRoute(v1, deps.beginOperation)
  await operationRoutes(v1, deps.operations)
  await quarantineRoutes(v1, deps.quarantine)
}
