import type { FastifyInstance } from 'fastify'
import type { ApiToken } from '../../config/secrets.ts'
import type { AuditDeps } from '../audit.ts'
import type { AuthFailure } from '../check-operator-token.ts'
import type { OwnPagesDeps } from '../pages/pages-deps.ts'
import { type BeginRouteDeps, beginOperationRoute } from './begin-operation-route.ts'
import { type OperationsDeps, operationRoutes } from './operation-routes.ts'
import { type NotificationsDeps, notificationRoutes } from './notification-routes.ts'
import type { QuarantineDeps } from './quarantine-entries.ts'
import { quarantineRoutes } from './quarantine-routes.ts'
import { type ExplainDeps, explainRoute } from './explain-route.ts'
import { type StatsDeps, statsRoute } from './stats-route.ts'
import { type EventsDeps, eventsRoute } from './events-route.ts'
import { type AuditRouteDeps, auditRoute } from './audit-route.ts'
import { type SummaryDeps, summaryRoutes } from './summary-routes.ts'
import { type CreateRequestDeps, createRequestRoute } from './create-request-route.ts'
import { type ChangeDeps, requestChangeRoutes } from './request-change-routes.ts'
import { type RequestsDeps, requestRoutes } from './request-routes.ts'

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
  readonly beginOperation: BeginRouteDeps
  readonly operations: OperationsDeps
  readonly quarantine: QuarantineDeps
  readonly tokens: readonly ApiToken[]
  readonly unauthorized: (why: AuthFailure) => void
  /** What only the pages use; null where PAGES is false. */
  readonly pages: OwnPagesDeps | null
}

/** The calls under `/v1`. */
export async function apiRoutes(v1: FastifyInstance, deps: OperatorDeps): Promise<void> {
  await createRequestRoute(v1, deps.create)
  await requestRoutes(v1, deps.requests)
  await explainRoute(v1, deps.explain)
  await summaryRoutes(v1, deps.summary)
  await statsRoute(v1, deps.stats)
  if (deps.events !== null) await eventsRoute(v1, deps.events)
  await auditRoute(v1, deps.audit)
  await requestChangeRoutes(v1, deps.changes)
  await notificationRoutes(v1, deps.notifications)
  await beginOperationRoute(v1, deps.beginOperation)
  await operationRoutes(v1, deps.operations)
  await quarantineRoutes(v1, deps.quarantine)
}
